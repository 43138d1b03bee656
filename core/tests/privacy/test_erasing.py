"""Export and erasure: canaries in every place that a member can write to, looked for everywhere."""

import logging
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from core.tests.imports.test_asking import send, start
from core.tests.oneid.people import People
from core.tests.payment.till import PLACE, Till, tender
from msgspec import structs

from koipond.approval.tables import approval
from koipond.kernel.audit import audit_record
from koipond.kernel.context import Context, transaction
from koipond.kernel.db import metadata
from koipond.kernel.ids import MemberId, OrderId, VariantId, decode, encode, new_id
from koipond.login import repository as login_repository
from koipond.login import service as logins
from koipond.login.errors import LoginRefused
from koipond.login.rules import make_code, read_refresh_token
from koipond.login.service import entering
from koipond.login.types import Principal, Registration
from koipond.member import service as members
from koipond.member.types import EMAIL as IDENTITY_EMAIL
from koipond.member.types import Address, Contact, Identity
from koipond.notify import service as notify
from koipond.notify.types import MessageWish, Purpose
from koipond.order import service as orders
from koipond.order.tables import cart
from koipond.privacy import service as privacy
from koipond.privacy.errors import ErasureBlocked
from koipond.quota.rules import subject_of
from koipond_sdk.testing import STAFF, RunningShop

pytestmark = pytest.mark.story

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


@pytest.fixture
def people(shop: RunningShop) -> People:
    return People(Till(shop))


@pytest.fixture
def plugins() -> list[str]:
    return ["checkin", "flashsale", "groupbuy", "points", "promotions"]


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


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


@pytest.mark.slow
async def test_nothing_of_an_erased_member_is_anywhere(
    people: People, logged: pytest.LogCaptureFixture
) -> None:
    lin, order = await write_everywhere(people)
    async with people.shop.context(viewer=STAFF) as ctx:
        await agree(ctx, order)
    written = await places_of_the_canary(people.shop)
    assert {"identity.value", "order.details", "cart.details", "member.name"} <= written
    assert {"message.recipient", "member_consent.source", "idempotency.key"} <= written
    assert written >= {
        "login_session.device",
        "login_session.address",
        "login_code.address",
        "purpose_token.address",
        "password.hash",
        "member_address.address",
        "stored_piece.content",
        "approval.document",
        "approval.note",
    }
    # Of a guest; an idempotency key's is an order, and the others are made by merges alone.
    others = {"idempotency.subject_id", "quota_carried.subject_id", "quota_excess.subject_id"}
    assert keeping_subjects(people.shop) - others <= written
    assert {"groupbuy_order.subject_id", "promotions_use.subject_id"} <= written
    assert len(await people.shop.rows("login_attempts")) == 1
    await cancel_all(people, lin)
    sums = await money_of(people)
    async with people.shop.context(viewer=STAFF) as ctx:
        await privacy.request_export(ctx, lin)
        await people.till.work()
        [request] = await privacy.find_requests(ctx, lin)
        assert request.document is not None
        assert CANARY in request.document
        found = msgspec.json.decode(request.document)["core"]
        assert {"login_session", "member_address", "cart"} <= found.keys()
        assert set(found["login_session"][0]) == {
            "device",
            "address",
            "created_at",
            "used_at",
            "ended_at",
        }
        plugins = msgspec.json.decode(request.document)["plugins"]
        assert len(plugins["groupbuy"]["groupbuy_order"]) == 1
        assert [one["off_minor"] for one in plugins["promotions"]["promotions_use"]] == [70, 100]
        assert "$hash" not in request.document
        assert not {"password", "login_code", "purpose_token"} & found.keys()
        await privacy.request_erasure(ctx, lin)
    await people.till.work()
    assert await places_of_the_canary(people.shop) == set()
    assert await people.shop.rows("login_attempts") == []
    assert [row["end_reason"] for row in await people.shop.rows("login_session")] == ["erased"]
    assert await money_of(people) == sums
    assert await people.till.audit() == []
    # But for the sender that shows messages instead of sending them, which is not for production.
    told = [one.getMessage() for one in logged.records]
    assert not [one for one in told if found_in(one) and not one.startswith("event='a message'")]
    async with people.shop.context(viewer=STAFF) as ctx:
        assert [one.state for one in await privacy.find_requests(ctx, lin)] == ["done", "done"]


async def money_of(people: People) -> list[Any]:
    """Return what orders, payments and the ledger come to."""
    shop = people.shop
    lines = [(row["id"], row["total_minor"]) for row in await shop.rows("order")]
    paid = [(row["id"], row["captured_minor"]) for row in await shop.rows("payment")]
    booked = [(row["account_id"], row["units"]) for row in await shop.rows("ledger_entry")]
    return [sorted(lines), sorted(paid), sorted(booked)]


@pytest.mark.slow
async def test_an_open_order_is_in_the_way_and_nothing_changes(people: People) -> None:
    lin, _ = await write_everywhere(people)
    before = await people.shop.snapshot()
    async with people.shop.context(viewer=STAFF) as ctx:
        with pytest.raises(ErasureBlocked, match="2 orders are open") as refused:
            await privacy.request_erasure(ctx, lin)
        with pytest.raises(ErasureBlocked):
            await privacy.erase(ctx, lin)
    assert (refused.value.open_orders, refused.value.owed_refunds) == (2, 0)
    assert await people.shop.snapshot() == before


ERASE = """mutation($input: EraseMeInput!) { done: eraseMe(input: $input) {
  request { kind state } userErrors { code } } }"""


async def erase(people: People, lin: MemberId, session: UUID | None, **given: str) -> list[str]:
    """Ask to be forgotten; returns the codes of what refuses it."""
    viewer = structs.replace(people.viewer(lin), session_id=session)
    answer = await people.shop.graphql(ERASE, {"input": given}, viewer=viewer)
    return [one["code"] for one in answer["data"]["done"]["userErrors"]]


async def session_of(people: People, lin: MemberId) -> UUID:
    """Log a member in; returns the login."""
    async with people.shop.context() as ctx:
        entered = await entering.enter(ctx, lin)
    read = read_refresh_token(entered.tokens.refresh)
    assert read is not None
    return read.session_id


async def test_who_asks_for_themselves_says_who_they_are_and_has_just_logged_in(
    people: People,
) -> None:
    lin = await people.meet("lin@example.org")
    session = await session_of(people, lin)
    people.shop.clock.advance(minutes=10, seconds=1)
    before = await people.shop.snapshot()
    assert await erase(people, lin, None, confirm="lin@example.org") == ["LOGIN_TOO_OLD"]
    assert await erase(people, lin, session, confirm="lin@example.org") == ["LOGIN_TOO_OLD"]
    assert await people.shop.snapshot() == before
    session = await session_of(people, lin)
    people.shop.clock.advance(minutes=10)
    assert await erase(people, lin, session, confirm="mei@example.org") == ["ERASURE_UNCONFIRMED"]
    assert await erase(people, lin, session, confirm="LIN@example.org") == []
    await people.till.work()
    [row] = await people.shop.rows("member")
    assert (row["name"], row["state"]) == ("", "erased")
    assert await people.shop.rows("identity") == []


async def register(people: People, email: str) -> MemberId:
    """Return the member who has proved an address."""
    async with people.shop.context() as ctx:
        return (await members.take_in(ctx, [(IDENTITY_EMAIL, email)], name="")).member_id


async def send_code(people: People, email: str) -> str:
    """Have a code sent; returns its digits."""
    async with people.shop.context() as ctx:
        await logins.request_login_code(ctx, email)
        [row] = [one for one in await people.shop.rows("login_code") if one["address"] == email]
        return make_code(ctx.settings.secret, UUID(str(row["id"])))


async def test_a_code_that_was_sent_stands_for_a_login_and_is_used_once(people: People) -> None:
    lin = await register(people, "lin@example.org")
    code = await send_code(people, "lin@example.org")
    wrong = "000000" if code != "000000" else "111111"
    given = {"confirm": "lin@example.org"}
    assert await erase(people, lin, None, **given, code=wrong) == ["LOGIN_REFUSED"]
    assert [row["attempts"] for row in await people.shop.rows("login_code")] == [1]
    assert await people.shop.rows("privacy_request") == []
    assert await erase(people, lin, None, **given, code=code) == []
    assert await erase(people, lin, None, **given, code=code) == ["LOGIN_REFUSED"]


async def order_for(people: People, lin: MemberId, email: str) -> None:
    """Let a member buy with an address that may be anybody's, and cancel it."""
    made = await people.shop.make_product("TEA-1", price="10.00", stock=1)
    wish = {
        "lines": [{"variantId": encode(VariantId, made.variants["TEA-1"]), "quantity": 1}],
        "contact": {"name": "Lin", "email": email},
        "idempotencyKey": str(uuid4()),
        "payment": [tender()],
    }
    answer = await people.shop.graphql(PLACE, {"input": wish}, viewer=people.viewer(lin))
    assert answer["data"]["done"]["userErrors"] == []
    await cancel_all(people, lin)


async def test_a_code_for_an_address_that_was_only_typed_erases_nobody(people: People) -> None:
    lin = await register(people, "lin@example.org")
    await order_for(people, lin, "thief@example.org")
    code = await send_code(people, "thief@example.org")
    given = {"confirm": "thief@example.org", "code": code}
    assert await erase(people, lin, None, **given) == ["ERASURE_UNCONFIRMED"]
    assert await people.shop.rows("privacy_request") == []


async def hers(people: People, mei: MemberId) -> dict[str, list[Any]]:
    """Return what lets a member in, and what was sent to her."""
    columns = {
        "identity": "member_id",
        "login_code": "member_id",
        "message": "member_id",
        "purpose_token": "principal_id",
    }
    found = {
        name: [row for row in await people.shop.rows(name) if UUID(str(row[column])) == mei]
        for name, column in columns.items()
    }
    return found | {"login_attempts": await people.shop.rows("login_attempts")}


async def test_what_is_sent_to_somebody_elses_address_outlives_who_typed_it(
    people: People,
) -> None:
    lin, mei = await register(people, "lin@example.org"), await register(people, "mei@example.org")
    await order_for(people, lin, "mei@example.org")
    code = await send_code(people, "mei@example.org")
    async with people.shop.context(viewer=people.viewer(mei)) as ctx:
        await logins.request_password_reset(ctx, "mei@example.org")
        await entering.count_try(ctx, Identity(kind=IDENTITY_EMAIL, value="mei@example.org"))
    before = await hers(people, mei)
    assert {name: len(rows) for name, rows in before.items()} == {
        "identity": 1,
        "login_attempts": 1,
        "login_code": 1,
        "message": 2,
        "purpose_token": 1,
    }
    async with people.shop.context(viewer=STAFF) as ctx:
        await privacy.erase(ctx, lin)
    assert await hers(people, mei) == before
    async with people.shop.context() as ctx:
        entered = await logins.log_in_with_code(ctx, "mei@example.org", code)
    assert (entered.member_id, entered.is_new) == (mei, False)


async def test_the_logins_of_an_erased_member_are_dead_at_once(people: People) -> None:
    lin = await people.meet("lin@example.org")
    viewer = structs.replace(people.viewer(lin), session_id=await session_of(people, lin))

    async def status() -> int:
        answer = await people.shop.http.post(
            "/graphql",
            json={"query": "{ me { id } }"},
            headers={"Authorization": f"Bearer {people.shop.token(viewer)}"},
        )
        return answer.status_code

    assert await status() == 200
    async with people.shop.context(viewer=STAFF) as ctx:
        await privacy.erase(ctx, lin)
        assert await status() == 401
        with pytest.raises(LoginRefused):
            await entering.enter(ctx, lin)


async def test_an_export_has_what_plugins_keep_and_what_merged_members_had(
    people: People,
) -> None:
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    for one in (lin, mei):
        answer = await people.shop.graphql(
            "mutation { checkIn { checkIn { day } userErrors { code } } }",
            viewer=people.viewer(one),
        )
        assert answer["data"]["checkIn"]["userErrors"] == []
    await people.merge(lin, mei)
    async with people.shop.context(viewer=STAFF) as ctx:
        found = await privacy.export(ctx, lin)
    assert {one["value"] for one in found["core"]["identity"]} == {
        "lin@example.org",
        "mei@example.org",
    }
    assert len(found["plugins"]["checkin"]["checkin_day"]) == 2
