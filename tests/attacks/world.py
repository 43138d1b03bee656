"""A shop of two channels, in the first of which a member has a thing of everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from core.tests.notify.postoffice import HERE, Pigeons, PostOffice
from core.tests.order.counter import Counter
from core.tests.payment.till import Till, codes, tender
from msgspec import Struct
from tests.attacks.strangers import CLERK, Actor, find_strangers, member_key

from koipond.kernel.ids import (
    PREFIXES,
    AddressId,
    FulfilmentId,
    LoginSessionId,
    MemberId,
    MessageId,
    OrderId,
    OrderLineId,
    PaymentId,
    RefundId,
    ReturnId,
    encode,
    new_id,
)
from koipond.kernel.viewer import Viewer, ViewerKind
from koipond.login.service.sessions import open_session
from koipond.login.types import Principal
from koipond.member.service import add_address
from koipond.member.types import Address
from koipond.order.rules.placing import NUMBER_LENGTH, make_number
from koipond.settings import ChannelSettings, FourEyesSettings
from koipond_sdk.testing import RunningShop
from koipond_sdk.testing.shop import CHANNEL

EXPORT = """mutation($input: ExportMemberInput!) { done: exportMember(input: $input) {
  request { id } userErrors { code } } }"""
SET_RULE = """mutation($input: SetPriceRuleInput!) { done: setPriceRule(input: $input) {
  userErrors { code message } } }"""
REFUND = """mutation($input: RefundOrderInput!) { done: refundOrder(input: $input) {
  userErrors { code message } } }"""
OWNER, STRANGER = "lin@example.org", "mei@example.org"
# Everything that there is is of the first.
CHANNELS = (
    CHANNEL,
    ChannelSettings(code="eu", name="Elsewhere", currencies=("EUR",), locales=("en",)),
)
FOUR_EYES = (FourEyesSettings(act="refund", unit="EUR", above=5_00),)
# {kind of id: its table}: what is somebody's.
TABLES: Mapping[Callable[[UUID], Any], str] = {
    OrderId: "order",
    OrderLineId: "order_line",
    PaymentId: "payment",
    RefundId: "refund",
    FulfilmentId: "fulfilment",
    ReturnId: "order_return",
    MessageId: "message",
    AddressId: "member_address",
    LoginSessionId: "login_session",
}


class World(Struct, frozen=True, kw_only=True):
    """Who there is, and what is the owner's: {word of `sayings.THINGS`: (theirs, nobody's)}.

    strangers: who may see nothing of it, by either schema.
    """

    shop: RunningShop
    owner: Viewer
    strangers: Sequence[Actor]
    things: Mapping[str, tuple[str, str]]
    public: Mapping[str, str]


async def make_world(shop: RunningShop) -> World:
    """Sell to two members; the first has a parcel, a return, a refund and a message too.

    The shop has CHANNELS, FOUR_EYES, and the plugins `promotions` and `post_plugin`.
    """
    counter = Counter(Till(shop))
    made = await shop.make_product("TEA-1", price="10.00", stock=1_000)
    variant = encode_id(next(iter(made.variants.values())), "var")
    await _sell(counter, variant)
    mine = await counter.till.place(variant, tender(), contact={"email": STRANGER})
    assert codes(mine) == [], mine
    await counter.till.work()
    owner = await _member(shop, OWNER)
    await counter.till.staff(EXPORT, memberId=encode(MemberId, MemberId(owner.id)))
    await PostOffice(shop, Pigeons(), {}).ask(HERE, MemberId(owner.id), "one")
    await counter.till.work()
    async with shop.context(viewer=owner) as ctx:
        home = Address(line1="1 Tea Road", city="Hangzhou", country="CN")
        await add_address(ctx, MemberId(owner.id), home, phone="", is_default=True)
        await open_session(ctx, Principal.member(MemberId(owner.id)))
    await _wait_for_another(shop, variant)
    return World(
        shop=shop,
        owner=owner,
        strangers=await find_strangers(counter.till),
        things=await _things(shop, owner),
        public={
            "var": variant,
            "prod": encode_id(made.product_id, "prod"),
            "promo": await _promotion(counter),
        },
    )


async def _wait_for_another(shop: RunningShop, variant: str) -> None:
    """Make a price rule, and let one of the staff ask for what a second one must agree to."""
    (refund,) = await shop.rows("refund")
    money = {"amount": "6.00", "currency": "EUR"}
    rule = {"variantId": variant, "channel": "main", "price": money, "fromQuantity": 2}
    wish = {"orderId": encode_id(UUID(str(refund["order_id"])), "ord"), "amount": money}
    for document, given, told in [
        (SET_RULE, rule, []),
        (REFUND, {**wish, "idempotencyKey": "asked"}, ["APPROVAL_PENDING"]),
    ]:
        answer = await shop.graphql(document, {"input": given}, viewer=CLERK, admin=True)
        assert codes(answer["data"]["done"]) == told, answer


async def _sell(counter: Counter, variant: str) -> None:
    """Let the owner buy three units, have two delivered, ask to send one back, and get money."""
    bought = await counter.buy([(variant, 3)])
    await bought.deliver(2)
    asked = await bought.request(1)
    assert codes(asked) == [], asked
    coin = {"amount": "1.00", "currency": "EUR"}
    refunded = await counter.act("refundOrder", orderId=bought.id, amount=coin)
    assert codes(refunded) == [], refunded


async def _promotion(counter: Counter) -> str:
    made = await counter.till.staff(
        "mutation($input: PromotionInput!) { done: createPromotion(input: $input) "
        "{ promotion { id } userErrors { code message } } }",
        name="Autumn",
        label=[{"locale": "en", "text": "Autumn"}],
        action={"kind": "PERCENT", "percent": "10"},
        startsAt="2020-01-01T00:00:00Z",
        needsCoupon=True,
    )
    key: str = made["promotion"]["id"]
    return key


async def _member(shop: RunningShop, email: str) -> Viewer:
    known = {row["value"]: row["member_id"] for row in await shop.rows("identity")}
    return Viewer(kind=ViewerKind.MEMBER, id=UUID(str(known[email])))


async def _things(shop: RunningShop, owner: Viewer) -> dict[str, tuple[str, str]]:
    """Return {word: (the owner's, one that there is none of)}."""
    orders = [row for row in await shop.rows("order") if UUID(str(row["member_id"])) == owner.id]
    assert len(orders) == 1
    order = orders[0]
    found = {"number": (str(order["number"]), make_number([7] * NUMBER_LENGTH))}
    for kind, table in TABLES.items():
        rows = [row for row in await shop.rows(table) if _is_of(row, order, owner)]
        rows = [row for row in rows if row.get("medium", "in_app") == "in_app"]
        prefix = PREFIXES[kind]
        theirs = encode_id(UUID(str(rows[0]["id"])), prefix)
        found[prefix] = (theirs, encode_id(new_id(), prefix))
    for prefix, table in {"appr": "approval", "rule": "price_rule"}.items():
        (row,) = await shop.rows(table)
        found[prefix] = (encode_id(UUID(str(row["id"])), prefix), encode_id(new_id(), prefix))
    found["mem"] = (member_key(owner), encode_id(new_id(), "mem"))
    return found


def _is_of(row: Mapping[str, Any], order: Mapping[str, Any], owner: Viewer) -> bool:
    """Tell whether a row is the order, of it, or of its owner."""
    if "order_id" in row:
        return bool(row["order_id"] == order["id"])
    whose = row.get("member_id") or row.get("principal_id")
    return row["id"] == order["id"] or UUID(str(whose)) == owner.id


def encode_id(key: UUID, prefix: str) -> str:
    """Return the outside form of a key of whatever has this prefix."""
    kind = next(kind for kind, known in PREFIXES.items() if known == prefix)
    return encode(kind, key)
