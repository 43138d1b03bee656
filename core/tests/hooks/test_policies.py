"""What a plugin that fails does to its caller, in every hook that a request calls."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from core.tests.hooks.test_start import AT_START
from core.tests.hooks.toys import (
    CANCEL,
    KEY,
    LIST,
    SPECS,
    Fault,
    Wrong,
    ask,
    codes,
    going_wrong,
    hurry,
    lent,
    place,
    running,
    toy,
)
from core.tests.oneid.people import People
from core.tests.payment.till import Till
from msgspec import structs
from structlog.testing import capture_logs

from koipond.kernel.dispatch import PluginFailed
from koipond.kernel.ids import MemberId, OrderId, decode
from koipond.kernel.outbox import delivery
from koipond.kernel.worker import Worker
from koipond.login.service import log_in_with_provider
from koipond.login.types import LoginProof
from koipond.member.service import ensure_buyer, grant_reward
from koipond.member.types import Contact, Reward
from koipond.oneid.types import MemberMerge
from koipond.order.service import cancel_any_order
from koipond.privacy import service as privacy
from koipond_sdk.testing.shop import STAFF, RunningShop

pytestmark = pytest.mark.one_database

AT_CHECKOUT = (
    "price_inputs",
    "price_quotes",
    "cart_inputs",
    "cart_adjustments",
    "checkout_validate",
    "checkout_attributes",
    "quota_requests",
    "order_creating",
)
IN_A_LIST = ("price_inputs", "price_quotes")
CALCULATED = {"price_quotes", "cart_adjustments"}
WHEN_CANCELLED = ("order_move_validate",)
EVENTS = ("order_confirmed", "order_cancelled", "order_expired", "order_refunded")
ASKED = ("disable_blockers", "login_prove", "message_send", "reward_grant")
ABOUT_MEMBERS = ("members_merged", "merge_undone", "member_erasing")
WRONG = pytest.mark.parametrize("wrong", Wrong)

# What a refused try holds is let go when it lapses.
OF_A_TRY = {"quota", "reservation"}


def test_every_hook_is_tried() -> None:
    tried = {*AT_START, *AT_CHECKOUT, *IN_A_LIST, *WHEN_CANCELLED, *EVENTS, *ASKED, *ABOUT_MEMBERS}
    assert tried == set(SPECS)


@pytest.fixture
def hook(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def fault(wrong: Wrong) -> Fault:
    return Fault(wrong)


@pytest_asyncio.fixture
async def bad_shop(
    hook: str, fault: Fault, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RunningShop]:
    """A shop whose only plugin goes wrong in one hook."""
    hurry(monkeypatch, hook)
    async with running(database_url, toy(hook, going_wrong(hook, fault))) as shop:
        yield shop
        assert lent(shop) == 0


def hooks(*names: str) -> Any:
    return pytest.mark.parametrize("hook", names, indirect=True)


def failures(shop: RunningShop) -> dict[str, int]:
    """Return {hook: failures that were counted}."""
    found = shop.shop.hooks.registry.measures()
    return {hook: one.failures for _, hook, one in found if one.failures}


def named(logs: Any) -> list[tuple[str, str]]:
    return [(one["plugin"], one["hook"]) for one in logs if one["event"] == "a plugin failed"]


async def kept(shop: RunningShop) -> dict[str, Any]:
    found = await shop.snapshot()
    return {table: rows for table, rows in found.items() if table not in OF_A_TRY}


@WRONG
@hooks(*AT_CHECKOUT)
async def test_a_purchase_is_refused_and_nothing_is_changed(
    bad_shop: RunningShop, hook: str, fault: Fault, wrong: Wrong
) -> None:
    if hook in CALCULATED and wrong is Wrong.NEVER_RETURNS:
        # It never waits, so nothing can cut it; tests of the dispatcher see it named.
        fault.wrong = Wrong.RAISES
    before = await kept(bad_shop)
    with capture_logs() as logs:
        refused = await place(bad_shop)
    assert (codes(refused), refused["order"]) == (["PLUGIN_ERROR"], None)
    assert f"The part bad of this shop could not do its work ({hook})" in str(refused)
    assert named(logs) == [("bad", hook)]
    assert failures(bad_shop) == {hook: 1}
    assert await kept(bad_shop) == before
    assert lent(bad_shop) == 0
    fault.wrong = None
    bought = await place(bad_shop)
    assert (codes(bought), bought["order"]["state"]) == ([], "CONFIRMED")


@WRONG
@hooks(*IN_A_LIST)
async def test_in_a_list_it_is_skipped_logged_and_counted(
    bad_shop: RunningShop, hook: str, fault: Fault, wrong: Wrong
) -> None:
    if hook in CALCULATED and wrong is Wrong.NEVER_RETURNS:
        fault.wrong = Wrong.RAISES
    with capture_logs() as logs:
        answer = await bad_shop.graphql(LIST)
    price = {"amount": "10.00"}
    assert answer == {
        "data": {
            "products": {
                "nodes": [
                    {"variants": [{"sku": "TEA-1", "price": price, "offer": {"price": price}}]}
                ]
            }
        }
    }
    assert named(logs) == [("bad", hook)]
    assert failures(bad_shop) == {hook: 1}


@pytest.mark.slow
@WRONG
@hooks(*WHEN_CANCELLED)
async def test_a_buyers_cancelling_is_refused_and_the_shops_is_not(
    bad_shop: RunningShop, hook: str, fault: Fault
) -> None:
    bought = await place(bad_shop)
    given = {"orderId": bought["order"]["id"], "token": bought["token"], "reason": "No tea"}
    before = await bad_shop.snapshot()
    refused = await ask(bad_shop, CANCEL, given)
    assert codes(refused) == ["PLUGIN_ERROR"]
    assert await bad_shop.snapshot() == before
    assert failures(bad_shop) == {hook: 1}
    async with bad_shop.context(viewer=STAFF) as ctx:
        order_id = decode(OrderId, bought["order"]["id"])
        done = await cancel_any_order(ctx, order_id, reason="Staff may")
    assert done.state == "cancelled"


async def happen(shop: RunningShop, hook: str) -> str:
    """Let that happen to an order of which a hook tells; returns what state it is in then."""
    worker = Worker(shop.shop)
    await worker.run_once()
    paid = {} if hook != "order_expired" else {"payment": None}
    bought = await place(shop, **paid)
    if hook in {"order_cancelled", "order_refunded"}:
        given = {"orderId": bought["order"]["id"], "token": bought["token"], "reason": "No tea"}
        assert codes(await ask(shop, CANCEL, given)) == []
    if hook == "order_expired":
        shop.clock.advance(hours=2)
    for _ in range(3):
        await worker.run_once()
    (order,) = await shop.rows("order")
    return str(order["state"])


@pytest.mark.slow
@WRONG
@hooks(*EVENTS)
async def test_an_order_is_untouched_by_who_hears_of_it_and_it_is_told_again(
    bad_shop: RunningShop, hook: str, fault: Fault
) -> None:
    state = "cancelled" if hook == "order_refunded" else hook.removeprefix("order_")
    assert await happen(bad_shop, hook) == state
    (told,) = await deliveries_to_plugins(bad_shop)
    assert (told["consumer"], told["state"], told["attempts"]) == ("bad", "pending", 1)
    # Whoever looks after it reads what the plugin raised, and else what was wrong with its answer.
    assert ("Broke" if fault.wrong is Wrong.RAISES else f"({hook})") in told["last_error"]
    assert failures(bad_shop) == {hook: 1}
    fault.wrong = None
    bad_shop.clock.advance(minutes=1)
    await Worker(bad_shop.shop).run_once()
    (told,) = await deliveries_to_plugins(bad_shop)
    assert told["state"] == "done"
    (order,) = await bad_shop.rows("order")
    assert order["state"] == state


async def deliveries_to_plugins(shop: RunningShop) -> list[dict[str, Any]]:
    found = await shop.rows(delivery)
    return [one for one in found if not one["consumer"].startswith("core.")]


@pytest.mark.slow
@WRONG
@hooks("message_send")
async def test_a_message_waits_for_a_sender_that_goes_wrong_and_holds_up_no_other(
    bad_shop: RunningShop, hook: str, fault: Fault
) -> None:
    bad_shop.shop.settings = structs.replace(
        bad_shop.shop.settings, mail_sender=KEY, quiet_from="", smtp_url=""
    )
    await place(bad_shop, payment=None)
    bad_shop.clock.advance(minutes=16)
    await Worker(bad_shop.shop).run_once()
    found = {one["medium"]: one["state"] for one in await bad_shop.rows("message")}
    # Whether it went out nobody knows; what is read in the shop is there.
    assert found == {"email": "sending", "in_app": "sent"}
    assert failures(bad_shop) == {hook: 1}
    fault.wrong = None
    bad_shop.clock.advance(seconds=10)
    await Worker(bad_shop.shop).run_once()
    (mail,) = [one for one in await bad_shop.rows("message") if one["medium"] == "email"]
    assert (mail["state"], bool(mail["doubtful"])) == ("sent", True)


@WRONG
@hooks("login_prove")
async def test_who_is_vouched_for_wrongly_is_not_let_in(
    bad_shop: RunningShop, hook: str, fault: Fault
) -> None:
    before = await bad_shop.snapshot()
    async with bad_shop.context() as ctx:
        with pytest.raises(PluginFailed) as refused:
            await log_in_with_provider(ctx, LoginProof(provider=KEY, data={}))
    assert (refused.value.plugin, refused.value.hook) == ("bad", hook)
    assert await bad_shop.snapshot() == before
    assert lent(bad_shop) == 0


@WRONG
@hooks("reward_grant")
async def test_what_a_reward_is_for_is_undone_with_it(
    bad_shop: RunningShop, hook: str, fault: Fault
) -> None:
    async with bad_shop.context() as ctx:
        member = MemberId(await ensure_buyer(ctx, Contact(email="lin@example.org")))
    reward = Reward(kind=KEY, member_id=member, amount=1, source="test:1")
    before = await bad_shop.snapshot()
    async with bad_shop.context() as ctx:
        with pytest.raises(PluginFailed) as refused:
            await grant_reward(ctx, reward)
    assert (refused.value.plugin, refused.value.hook) == ("bad", hook)
    assert await bad_shop.snapshot() == before
    assert lent(bad_shop) == 0
    fault.wrong = None
    async with bad_shop.context() as ctx:
        await grant_reward(ctx, reward)


@WRONG
@hooks("disable_blockers")
async def test_one_that_cannot_say_whether_it_owes_something_is_not_disabled(
    bad_shop: RunningShop, hook: str
) -> None:
    async with bad_shop.context() as ctx:
        with pytest.raises(PluginFailed) as refused:
            await ctx.hooks.disable_blockers("bad", ctx)
    assert (refused.value.plugin, refused.value.hook) == ("bad", hook)


@WRONG
@hooks(*ABOUT_MEMBERS)
async def test_what_was_to_become_of_a_member_is_undone(
    bad_shop: RunningShop, hook: str, fault: Fault
) -> None:
    people = People(Till(bad_shop))
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    merge = await people.merge(lin, mei) if hook == "merge_undone" else None
    before = await bad_shop.snapshot()
    with pytest.raises(PluginFailed) as refused:
        await _do_to(people, merge, lin, mei, hook=hook)
    assert (refused.value.plugin, refused.value.hook) == ("bad", hook)
    assert await bad_shop.snapshot() == before
    assert lent(bad_shop) == 0
    fault.wrong = None
    await _do_to(people, merge, lin, mei, hook=hook)


async def _do_to(
    people: People, merge: MemberMerge | None, lin: MemberId, mei: MemberId, *, hook: str
) -> None:
    if hook == "member_erasing":
        async with people.shop.context(viewer=STAFF) as ctx:
            await privacy.erase(ctx, lin)
    elif merge is None:
        await people.merge(lin, mei)
    else:
        await people.undo(merge)
