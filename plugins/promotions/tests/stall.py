"""A shop with promotions: short words for what the tests do."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from core.tests.payment.till import PAYLOAD, Till, tender

from koipond.duties import audits_of
from koipond.kernel.ids import MemberId, ProductId, VariantId, encode
from koipond.kernel.invariants import Finding, run_audits
from koipond.kernel.viewer import GUEST
from koipond.member import service as members
from koipond.member.types import Contact
from koipond.order import service as orders
from koipond.order.types import CheckoutDetails, LineWish, Order, OrderWish
from koipond_promotions import service
from koipond_promotions.tables import promotions_coupon, promotions_promotion, promotions_use
from koipond_promotions.types import PromotionId
from koipond_sdk import (
    ActivityId,
    Currency,
    Locale,
    OrderId,
    OrderLineId,
    Quantity,
    Viewer,
    ViewerKind,
    decode,
    new_id,
    parse_amount,
)
from koipond_sdk.services.activities import Activity, publish_activities
from koipond_sdk.testing import STAFF, RunningShop, running_shop
from koipond_sdk.testing.clock import START

PROMOTION = """promotion { id version state name currency needsCoupon usesMax usesPerMember
  usesCount off { amount } startsAt endsAt
  action { kind percent amount { amount } cap { amount } every units get timesMax variantId }
} userErrors { __typename code message field }"""
COUPON = "id code memberId usesMax expiresAt"
ERRORS = "userErrors { __typename code message field }"
DOCUMENTS = {
    name: f"mutation($input: {kind}Input!) {{ done: {name}(input: $input) {{ {payload} }} }}"
    for name, kind, payload in (
        ("createPromotion", "Promotion", PROMOTION),
        ("editPromotion", "PromotionEdit", PROMOTION),
        ("publishPromotion", "PromotionMove", PROMOTION),
        ("pausePromotion", "PromotionMove", PROMOTION),
        ("endPromotion", "PromotionMove", PROMOTION),
        ("addPromotionCoupon", "PromotionCoupon", f"coupon {{ {COUPON} }} {ERRORS}"),
        ("generatePromotionCoupons", "PromotionCoupons", f"coupons {{ {COUPON} }} {ERRORS}"),
    )
}
_PLACED = PAYLOAD.replace("lines { id quantity }", "lines { sku quantity total { amount } }")
PLACE = f"mutation($input: PlaceOrderInput!) {{ done: placeOrder(input: $input) {{ {_PLACED} }} }}"
ADD = "mutation($input: AddToCartInput!) { done: addToCart(input: $input) { token } }"
SET = f"""mutation($input: SetCheckoutInput!) {{ done: setCheckout(input: $input) {{
  order {{ total {{ amount }} lines {{ sku quantity total {{ amount }} }} }} {ERRORS}
}} }}"""
REFUND = f"""mutation($input: RefundOrderInput!) {{ done: refundOrder(input: $input) {{
  order {{ id }} {ERRORS}
}} }}"""
CART = """query($token: String!) { cart(token: $token) {
  total { amount } lines { sku quantity total { amount } }
  adjustments { stage label origin amount { amount } } problems { code message field }
} }"""


def at(**after: float) -> str:
    """Return an instant after the tests begin, as it is written in GraphQL."""
    return (START + timedelta(**after)).isoformat()


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def percent(share: str, **more: Any) -> dict[str, Any]:
    return {"kind": "PERCENT", "percent": share, **more}


def off(amount: str, **more: Any) -> dict[str, Any]:
    return {"kind": "AMOUNT", "amount": eur(amount), **more}


class Stall(Till):
    """TEA-1 of 10.00 and CUP-1 of 4.00, of each a hundred units."""

    tea: str
    cup: str
    tea_product: str

    @classmethod
    async def open(cls, shop: RunningShop, *, stock: int = 100) -> Stall:
        """Put tea and cups on the shelf, and make two groups of members, with nobody in them."""
        stall = cls(shop)
        async with shop.context(viewer=STAFF) as ctx:
            for code in ("gold", "staff"):
                await members.set_group(ctx, code, code)
        tea = await shop.make_product("TEA-1", price="10.00", stock=stock)
        cup = await shop.make_product("CUP-1", price="4.00", stock=stock, name="Cup")
        stall.tea = encode(VariantId, tea.variants["TEA-1"])
        stall.cup = encode(VariantId, cup.variants["CUP-1"])
        stall.tea_product = encode(ProductId, tea.product_id)
        return stall

    def beside(self, shop: RunningShop) -> Stall:
        """Return the same goods in another shop on the same database."""
        other = Stall(shop)
        other.tea, other.cup, other.tea_product = self.tea, self.cup, self.tea_product
        return other

    async def create(self, action: dict[str, Any], **given: Any) -> dict[str, Any]:
        """Ask for a draft; returns the payload."""
        return await self.staff(DOCUMENTS["createPromotion"], **wish(action, **given))

    async def act(self, name: str, **given: Any) -> dict[str, Any]:
        """Send one of the staff's mutations; returns the payload."""
        return await self.staff(DOCUMENTS[name], **given)

    async def run(self, action: dict[str, Any], **given: Any) -> dict[str, Any]:
        """Publish a promotion; returns it."""
        made = await self.create(action, **given)
        assert made["userErrors"] == [], made
        moved = await self.publish(made["promotion"])
        assert moved["userErrors"] == [], moved
        found: dict[str, Any] = moved["promotion"]
        return found

    async def publish(self, one: dict[str, Any]) -> dict[str, Any]:
        return await self.act("publishPromotion", promotionId=one["id"], version=one["version"])

    async def coupon(self, code: str, action: dict[str, Any], **given: Any) -> dict[str, Any]:
        """Publish a promotion that needs this code, which has usesOfCode and memberId."""
        own = {name: given.pop(name) for name in ("memberId", "expiresAt") if name in given}
        most = {"usesMax": given.pop("usesOfCode")} if "usesOfCode" in given else {}
        one = await self.run(action, needsCoupon=True, **given)
        wanted = {"promotionId": one["id"], "code": code, **own, **most}
        made = await self.act("addPromotionCoupon", **wanted)
        assert made["userErrors"] == [], made
        return one

    async def order_of(
        self, *lines: tuple[str, int], viewer: Viewer = GUEST, pay: str = "", **given: Any
    ) -> dict[str, Any]:
        """Place an order, of one unit of tea if no lines are named; returns what came of it."""
        wanted = {
            "lines": [
                {"variantId": key, "quantity": count} for key, count in lines or [(self.tea, 1)]
            ],
            "contact": {"email": f"{uuid4().hex}@example.org"},
            "payment": [tender(outcome=pay)] if pay else [],
            "idempotencyKey": str(uuid4()),
        }
        answer = await self.shop.graphql(PLACE, {"input": wanted | given}, viewer=viewer)
        if "errors" in answer:
            return {"order": None, "userErrors": [{"code": str(answer["errors"])}]}
        payload: dict[str, Any] = answer["data"]["done"]
        return payload

    async def refund_line(self, order: Order, *, sku: str) -> None:
        """Give one unit of a line back, as staff do."""
        line = next(one for one in order.lines if one.sku == sku)
        lines = [{"lineId": encode(OrderLineId, line.id), "quantity": 1}]
        key = encode(OrderId, order.id)
        done = await self.staff(REFUND, orderId=key, lines=lines, idempotencyKey=str(uuid4()))
        assert done["userErrors"] == [], done
        await self.work()

    async def sell_by_activity(self, price: str) -> None:
        """Let an activity sell the tea for an hour from now on."""
        async with self.shop.context(viewer=STAFF) as ctx:
            sale = Activity(
                id=ActivityId(new_id()),
                plugin="promotions",
                rule="sale",
                label={Locale("en"): "Sale"},
                channel_id=ctx.scope.channel_id,
                variant_id=decode(VariantId, self.tea),
                currency=Currency("EUR"),
                unit_price_minor=parse_amount(price, Currency("EUR")).amount_minor,
                starts_at=START,
                ends_at=START + timedelta(hours=1),
            )
            await publish_activities(ctx, [sale])

    async def end_elsewhere(self, one: dict[str, Any]) -> None:
        """End a promotion as another process does, of which this one hears nothing."""
        url = self.shop.settings.database_url
        async with (
            running_shop(url, plugins=["promotions"]) as other,
            other.context(viewer=STAFF) as ctx,
        ):
            key = decode(PromotionId, one["id"])
            await service.end(ctx, key, expected=one["version"])

    async def place_directly(self, viewer: Viewer, *, key: str, coupon: str) -> int:
        """Place a unit of tea without HTTP, so that what ends the process can be seen."""
        wanted = OrderWish(
            idempotency_key=key,
            lines=(LineWish(variant_id=self.tea, quantity=Quantity(1)),),
            details=CheckoutDetails(
                contact=Contact(email="lin@example.org"), coupon_codes=(coupon,)
            ),
        )
        async with self.shop.context(viewer=viewer) as ctx:
            return (await orders.place_order(ctx, wanted)).order.total.amount_minor

    async def cart_of(self, *lines: tuple[str, int], viewer: Viewer = GUEST) -> str:
        """Fill a cart; returns its token."""
        token = None
        for key, count in lines:
            given = {"variantId": key, "quantity": count, "token": token}
            answer = await self.shop.graphql(ADD, {"input": given}, viewer=viewer)
            token = answer["data"]["done"]["token"]
        assert token is not None
        return str(token)

    async def look(self, token: str, viewer: Viewer = GUEST) -> dict[str, Any]:
        answer = await self.shop.graphql(CART, {"token": token}, viewer=viewer)
        assert "errors" not in answer, answer
        found: dict[str, Any] = answer["data"]["cart"]
        return found

    async def total(self, *lines: tuple[str, int], viewer: Viewer = GUEST, **given: Any) -> str:
        """Return what a cart comes to. given: what checkout is told, such as couponCodes."""
        token = await self.cart_of(*lines, viewer=viewer)
        if given:
            answer = await self.shop.graphql(
                SET, {"input": {"token": token} | given}, viewer=viewer
            )
            payload = answer["data"]["done"]
            assert payload["userErrors"] == [], payload
        return str((await self.look(token, viewer))["total"]["amount"])

    async def refused(self, asked: Awaitable[dict[str, Any]]) -> dict[str, str]:
        """Return the one refusal of a request, which changed nothing."""
        before = await self.shop.snapshot()
        payload = await asked
        (error,) = payload["userErrors"]
        assert await self.shop.snapshot() == before
        return dict(error)

    async def uses(self) -> list[dict[str, Any]]:
        return await self.shop.rows(promotions_use)

    async def coupons(self) -> list[dict[str, Any]]:
        return await self.shop.rows(promotions_coupon)

    async def promotions(self) -> list[dict[str, Any]]:
        return await self.shop.rows(promotions_promotion)

    async def settle(self) -> None:
        """Do what is due until what was let go is free again."""
        await self.work()
        await self.pass_time(seconds=5)

    async def audit(self) -> list[Finding]:
        """Return what of all that must hold does not, in core and in the plugin."""
        return await run_audits(self.shop.shop, audits_of(self.shop.shop))


def wish(action: dict[str, Any], **given: Any) -> dict[str, Any]:
    """Return the input of a promotion."""
    label = [{"locale": "en", "text": given.pop("text", "Off")}]
    return {"name": "Autumn", "label": label, "action": action} | given


async def make_member(shop: RunningShop) -> Viewer:
    async with shop.context() as ctx:
        key = await members.ensure_buyer(ctx, Contact(email=f"{uuid4().hex}@example.org"))
    return Viewer(kind=ViewerKind.MEMBER, id=key)


def member_id(viewer: Viewer) -> str:
    assert viewer.member_id is not None
    return encode(MemberId, viewer.member_id)


def outcome(payload: dict[str, Any]) -> str:
    """Return a refusal's code, else the order's state with its total."""
    for error in payload["userErrors"]:
        return str(error["code"])
    return f"{payload['order']['state']} {payload['order']['total']['amount']}"


async def all_at_once(asked: Iterable[Awaitable[dict[str, Any]]]) -> Counter[str]:
    """Return {outcome: how many got it} of requests that are on their way together."""
    return Counter(map(outcome, await asyncio.gather(*asked)))
