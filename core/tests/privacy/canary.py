"""A member whose every word is the canary: written wherever one can write, and looked for."""

from typing import Any
from uuid import uuid4

from core.tests.imports.test_asking import send, start
from core.tests.oneid.people import People
from core.tests.payment.till import PLACE, tender
from msgspec import structs

from koipond.approval.tables import approval
from koipond.kernel.audit import audit_record
from koipond.kernel.context import Context, transaction
from koipond.kernel.db import metadata
from koipond.kernel.ids import MemberId, OrderId, VariantId, decode, encode, new_id
from koipond.login import repository as login_repository
from koipond.login import service as logins
from koipond.login.rules import read_refresh_token
from koipond.login.service import entering
from koipond.login.types import Principal, Registration
from koipond.member import service as members
from koipond.member.types import EMAIL as IDENTITY_EMAIL
from koipond.member.types import Address, Contact, Identity
from koipond.notify import service as notify
from koipond.notify.types import MessageWish, Purpose
from koipond.order import service as orders
from koipond.order.tables import cart
from koipond.quota.rules import subject_of
from koipond_sdk.testing import STAFF, RunningShop

CANARY = "canaria"
EMAIL = f"{CANARY}@example.org"
PHONE = "+8613800138000"
# Whom limits count where a guest buys: it is made of the contact, so it tells the contact.
GUESTS = (subject_of("email", EMAIL), subject_of("phone", PHONE))
CONTACT = {"name": f"{CANARY} Lin", "email": EMAIL, "phone": PHONE}
ADDRESS = {
    "name": f"{CANARY} Lin",
    "line1": f"1 {CANARY} Road",
    "line2": CANARY,
    "city": CANARY,
    "region": CANARY,
    "postalCode": CANARY,
    "country": "CN",
}
TEAMS = """mutation($input: GroupBuyScheduleInput!) { done: scheduleGroupBuy(input: $input) {
  groupBuy { id } userErrors { code message } } }"""
PROMOTE = """mutation($input: PromotionInput!) { done: createPromotion(input: $input) {
  promotion { id version } userErrors { code message } } }"""
PUBLISH = """mutation($input: PromotionMoveInput!) { done: publishPromotion(input: $input) {
  userErrors { code message } } }"""
ADD = """mutation($input: AddToCartInput!) { done: addToCart(input: $input) {
  token userErrors { code message } } }"""
SET = """mutation($input: SetCheckoutInput!) { done: setCheckout(input: $input) {
  token userErrors { code message } } }"""


async def write_everywhere(people: People) -> tuple[MemberId, OrderId]:
    """Let a member write the canary wherever one can; returns them, and their open order."""
    till, shop = people.till, people.shop
    made = await shop.make_product("TEA-1", price="10.00", stock=100)
    tea = encode(VariantId, made.variants["TEA-1"])
    await till.ask(ADD, variantId=tea, quantity=1)
    cart = await till.ask(ADD, variantId=tea, quantity=1)
    await till.ask(SET, token=cart["token"], contact=CONTACT, shippingAddress=ADDRESS)
    wish: dict[str, Any] = {
        "lines": [{"variantId": tea, "quantity": 1}],
        "contact": CONTACT,
        "shippingAddress": ADDRESS,
        "idempotencyKey": f"{CANARY}-{uuid4()}",
        "payment": [tender()],
    }
    async with shop.context() as ctx:
        lin = await members.ensure_buyer(ctx, Contact(name=CANARY, email=EMAIL, phone=PHONE))
    await buy_as_guest(people, tea, wish)
    answer = await shop.graphql(PLACE, {"input": wish}, viewer=people.viewer(lin))
    placed = answer["data"]["done"]
    assert placed["userErrors"] == [], placed
    async with shop.context(viewer=people.viewer(lin)) as ctx:
        await members.set_consent(ctx, lin, Purpose.MARKETING, given=True, source=CANARY)
        await members.set_time_zone(ctx, lin, "Asia/Shanghai")
        await write_to(ctx, lin)
        await log_in(ctx, lin)
        await keep(ctx, lin)
    await carry(people)
    await people.earn(lin, 10)
    await till.work()
    return lin, decode(OrderId, placed["order"]["id"])


async def buy_as_guest(people: People, tea: str, wish: dict[str, Any]) -> None:
    """Let a guest buy by what every plugin sells by: in a team, and by a promotion."""
    till = people.till
    teams = {"variantId": tea, "price": "7.00", "size": 3, "endsAt": "2026-01-31T00:00:00Z"}
    scheduled = await till.staff(TEAMS, **teams)
    made = await till.staff(
        PROMOTE,
        name="Autumn",
        label=[{"locale": "en", "text": "Autumn"}],
        action={"kind": "PERCENT", "percent": "10"},
        startsAt="2020-01-01T00:00:00Z",
        withActivities=True,
    )
    one = made["promotion"]
    done = await till.staff(PUBLISH, promotionId=one["id"], version=one["version"])
    assert done["userErrors"] == [], done
    in_team = {"groupBuy": {"id": scheduled["groupBuy"]["id"]}}
    lines = [{"variantId": tea, "quantity": 1, "plugins": in_team}]
    own = {"lines": lines, "idempotencyKey": str(uuid4())}
    guest = await till.ask(PLACE, **(wish | own))
    assert guest["userErrors"] == [], guest


async def log_in(ctx: Context, lin: MemberId) -> None:
    """Log a member in, and have sent to them all that lets somebody in."""
    told = structs.replace(ctx.caller, agent=f"{CANARY}/1.0", address=CANARY)
    ctx.caller = told
    known = Identity(kind=IDENTITY_EMAIL, value=EMAIL)
    read = read_refresh_token((await entering.enter(ctx, lin)).tokens.refresh)
    assert read is not None
    # Who has no password asks for another address right after they have logged in.
    ctx.viewer = structs.replace(ctx.viewer, session_id=read.session_id)
    await logins.register(ctx, Registration(address=EMAIL, password="a heron 77", name=CANARY))
    await logins.request_password_reset(ctx, EMAIL)
    await logins.request_email_change(ctx, lin, f"new-{EMAIL}")
    await set_password(ctx, lin)
    await entering.count_try(ctx, known)


@transaction
async def set_password(ctx: Context, lin: MemberId) -> None:
    whose = Principal.member(lin)
    await login_repository.save_password(ctx.db, whose, f"{CANARY}$hash", now=ctx.clock.now())


@transaction
async def keep(ctx: Context, lin: MemberId) -> None:
    """Keep an address, and have a cart."""
    home = Address(line1=CANARY, city=CANARY, country="CN", name=CANARY)
    await members.add_address(ctx, lin, home, phone=PHONE, is_default=True)
    await ctx.db.execute(cart.update().values(member_id=lin))


async def carry(people: People) -> None:
    """Let staff import members, one of whom is refused, export them, and agree to something."""
    shop = people.shop
    content = f"email,name,locale\n{EMAIL},{CANARY},!!\nok@example.org,Ok,en\n"
    sent = (await send(shop, content.encode(), name="members.csv")).json()
    begun = await start(shop, fileId=sent["id"], kind="MEMBERS")
    assert begun["userErrors"] == []
    document = "mutation { startExport(input: {kind: MEMBERS}) { started { id } } }"
    await shop.graphql(document, viewer=STAFF, admin=True)
    await people.till.work()


@transaction
async def agree(ctx: Context, order: OrderId) -> None:
    """Store what a second one of the staff agrees to, as `approval` does."""
    row = {
        "id": new_id(),
        "state": "approved",
        "operation": "refundOrder",
        "document": {"orderId": encode(OrderId, order), "note": CANARY},
        "fingerprint": "0" * 64,
        "act": "refund",
        "unit": "EUR",
        "asked_units": 1,
        "requester_kind": "staff",
        "requester_id": new_id(),
        "requested_at": ctx.clock.now(),
        "expires_at": ctx.clock.now(),
        "channel": "main",
        "note": CANARY,
    }
    await ctx.db.execute(approval.insert().values(row))


@transaction
async def write_to(ctx: Context, lin: MemberId) -> None:
    """Have a message sent to a member that tells what they wrote."""
    wish = MessageWish(
        kind="order.shipped",
        act=f"canary:{lin}",
        to=await members.find_recipient(ctx, lin),
        values={"number": CANARY, "carrier": CANARY},
    )
    await notify.send(ctx, wish)


async def cancel_all(people: People, lin: MemberId) -> None:
    async with people.shop.context(viewer=STAFF) as ctx:
        for one in await people.orders_of(lin):
            await orders.cancel_any_order(ctx, order_id=one, reason=CANARY)
    for _ in range(3):
        await people.till.work()


def found_in(value: Any) -> bool:
    text = str(value).lower()
    # PostgreSQL tells bytes by their hexadecimal digits.
    told = (CANARY, PHONE, PHONE.strip("+"), CANARY.encode().hex())
    guests = (form for key in GUESTS for form in (str(key), key.hex))
    return any(one in text for one in (*told, *guests))


def keeping_subjects(shop: RunningShop) -> set[str]:
    """Return the columns of core and plugins that say whom limits count."""
    own = [one.table for found in shop.shop.extensions.personal.values() for one in found]
    return {
        f"{table.name}.subject_id"
        for table in (*own, *metadata.tables.values())
        if "subject_id" in table.columns
    }


async def places_of_the_canary(shop: RunningShop) -> set[str]:
    """Return the columns of all tables that hold it, the audit's too."""
    tables = await shop.snapshot()
    tables["audit_record"] = await shop.rows(audit_record)
    return {
        f"{table}.{column}"
        for table, rows in tables.items()
        for row in rows
        for column, value in row.items()
        if found_in(value)
    }
