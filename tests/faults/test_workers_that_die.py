"""kill -9 of the process that does what comes later, at every named place of it.

The next one finishes it: an order expires once, late money revives it or goes back once, and what
a plugin is told of happens once.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from core.tests.order.test_expiring import expired
from core.tests.payment.till import Till
from core.tests.webhooks.receiver import attempts_of, listen, receiving, states
from plugins.groupbuy.tests.stall import Stall
from tests.faults.test_kill_points import DEATHS
from tests.rig.auditing import count_events, count_orders, everything_holds, free_units
from tests.rig.buying import Storefront
from tests.rig.servers import Server, Servers

from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import MemberId, OrderId, VariantId, encode, new_id
from koipond.kernel.jobs import JobState, job
from koipond.kernel.pages import Page
from koipond.kernel.schedules import schedule
from koipond.ledger import service as ledger
from koipond.ledger.types import AccountKey, Slip
from koipond.order.types import OrderState
from koipond_sdk.testing import RunningShop, running_shop

EXPIRY = [
    "jobs.after_claim",
    "jobs.after_run.before_done",
    "order.closing",
    "order.closed_at_providers",
    "order.expired.before_commit",
    "quota.give_back.before_commit",
]
REVIVAL = ["order.reserved_again"]
DELIVERY = ["outbox.after_relay", "outbox.handled.before_commit"]
MESSAGE = ["message.admitted", "message.sent.before_noted"]
POINTS = ["ledger.expire.before_commit"]
WEBHOOK = ["couriers.carried", "couriers.settled.before_commit"]
PLACES = [*EXPIRY, *REVIVAL, *DELIVERY, *MESSAGE, *POINTS, *WEBHOOK]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
Tell = Callable[[str], None]


class Killed:
    """The server of a shop, whose worker dies at a place of what it does."""

    def __init__(self, shop: RunningShop, server: Server, armed: Path) -> None:
        """armed: the file that arms it."""
        self._shop = shop
        self._server = server
        self._armed = armed
        self._place = server.order.crash_at

    async def and_finished(
        self,
        is_over: Callable[[], Awaitable[bool]],
        *,
        first: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Let it die at what is due, then a new one do it until `is_over`.

        first: makes something due when it is there, which it would else die of before it is ready.
        """
        # Who finished it the last time was killed with jobs in hand, which are not due before.
        await end_leases(self._shop)
        if first is None:
            self._armed.touch()
        await self._server.start(crash_at=self._place)
        if first is not None:
            await first()
            self._armed.touch()
        until = time.monotonic() + 60
        while not self._server.is_dead:
            assert time.monotonic() < until, f"it lives: {self._server.log[-3_000:]}"
            await make_due(self._shop)
        self._armed.unlink()
        await self._server.start(crash_at="")
        await end_leases(self._shop)
        while not await is_over():
            assert time.monotonic() < until, self._server.log[-3_000:]
            await make_due(self._shop)
        await self._server.kill()


@asynccontextmanager
async def killed(
    shop: RunningShop, servers: Servers, folder: Path, place: str, **given: Any
) -> AsyncIterator[Killed]:
    """Lend a server that dies at `place`. given: see Order and Settings."""
    armed = folder / "armed"
    told = {"work": True, "crash_at": place, "armed_by": str(armed), **given}
    server = servers.server(shop.settings.database_url, **told)
    try:
        yield Killed(shop, server, armed)
    finally:
        await server.close()


@pytest.mark.parametrize("place", [*EXPIRY, "outbox.after_relay", "database.apart.after_commit"])
async def test_an_expiry_cut_by_kill_9_is_finished_once(
    shop: RunningShop, servers: Servers, tmp_path: Path, place: str, tell: Tell
) -> None:
    made = await shop.make_product(stock=3)
    line = {"variantId": encode(VariantId, made.variants["TEA-1"]), "quantity": 2}

    async def all_is_free() -> bool:
        return await free_units(shop) == 3

    async with killed(shop, servers, tmp_path, place) as worker:
        for _ in range(DEATHS):
            # By the shop's clock months ago, so that it is due for the server: it has the real one.
            assert (await Storefront(shop.http).place(lines=[line])).outcome == "PLACED"
            await worker.and_finished(all_is_free)
    assert await count_orders(shop) == {"expired": DEATHS}
    assert await count_events(shop) == {"OrderPlaced": DEATHS, "OrderExpired": DEATHS}
    await everything_holds(shop)
    tell(f"died {DEATHS} times, each order expired once")


@pytest.mark.parametrize("place", REVIVAL)
async def test_money_that_came_late_cut_by_kill_9_revives_its_order_once(
    database_url: str, servers: Servers, tmp_path: Path, place: str, tell: Tell
) -> None:
    books = str(tmp_path / "books")
    async with (
        running_shop(database_url, sandbox_file=books) as shop,
        killed(shop, servers, tmp_path, place, sandbox_file=books) as worker,
    ):
        till = Till(shop)
        for _ in range(DEATHS):
            key = await paid_late(till)

            async def is_revived(key: OrderId = key) -> bool:
                return (await till.order(key)).state is OrderState.CONFIRMED

            await worker.and_finished(is_revived)
            assert await till.refunds(key) == []
        assert await count_orders(shop) == {"confirmed": DEATHS}
        assert (await count_events(shop))["OrderConfirmed"] == DEATHS
        assert (await till.taken(), await free_units(shop)) == (DEATHS, 0)
        await everything_holds(shop)
        await till.check_books()
    tell(f"died {DEATHS} times, each order revived once")


@pytest.mark.parametrize("place", REVIVAL)
async def test_money_that_came_too_late_cut_by_kill_9_goes_back_once(
    database_url: str, servers: Servers, tmp_path: Path, place: str, tell: Tell
) -> None:
    books = str(tmp_path / "books")
    async with (
        running_shop(database_url, sandbox_file=books) as shop,
        killed(shop, servers, tmp_path, place, sandbox_file=books) as worker,
    ):
        till = Till(shop)
        for _ in range(DEATHS):
            key = await paid_late(till, is_gone=True)

            async def is_back(key: OrderId = key) -> bool:
                return await till.refunds(key) == [("DONE", 100_00, "LATE")]

            await worker.and_finished(is_back)
        assert await count_orders(shop) == {"confirmed": DEATHS, "expired": DEATHS}
        assert (await till.taken(), await free_units(shop)) == (DEATHS, 0)
        await everything_holds(shop)
        await till.check_books()
    tell(f"died {DEATHS} times, each payment went back once")


class TestDeliveries:
    """A plugin that hears of paid seats: of the last one, its team has succeeded."""

    @pytest.fixture
    def plugins(self) -> list[str]:
        return ["groupbuy"]

    @pytest.mark.parametrize("place", DELIVERY)
    async def test_what_a_plugin_is_told_cut_by_kill_9_happens_once(
        self, shop: RunningShop, servers: Servers, tmp_path: Path, place: str, tell: Tell
    ) -> None:
        # The server has the real one, and teams have their time.
        shop.clock.set(datetime.now(UTC))
        stall = Stall(shop)
        over = shop.clock.now() + timedelta(days=7)
        await stall.open(size=2, endsAt=over.isoformat())
        async with killed(shop, servers, tmp_path, place, plugins=("groupbuy",)) as worker:
            for n in range(DEATHS):
                _, team = await stall.buy(f"lin-{n}")
                assert (await stall.place(f"mei-{n}", team))["order"]["state"] == "CONFIRMED"

                async def is_full(team: str = team) -> bool:
                    return bool((await stall.team(team))["state"] == "SUCCEEDED")

                await worker.and_finished(is_full)
        assert await stall.told() == {"TeamOpened": DEATHS, "TeamSucceeded": DEATHS}
        heard = [one for one in await shop.rows("delivery") if one["consumer"] == "groupbuy"]
        assert {(row["state"], row["attempts"]) for row in heard} == {("done", 1)}
        assert len(heard) == 2 * DEATHS
        # What recurs was at work when the last one was killed.
        shop.clock.set(datetime.now(UTC))
        await end_leases(shop)
        await stall.work()
        await stall.everything_holds()
        tell(f"died {DEATHS} times, each team succeeded once")


@pytest.mark.parametrize("place", MESSAGE)
async def test_a_message_cut_by_kill_9_is_one_message_that_is_sent(
    shop: RunningShop, servers: Servers, tmp_path: Path, place: str, tell: Tell
) -> None:
    # The server has the real one, and messages are kept for their time.
    shop.clock.set(datetime.now(UTC))
    till = Till(shop)

    async def all_are_sent() -> bool:
        return {row["state"] for row in await shop.rows("message")} == {"sent"}

    # By the server's clock it may be night.
    sends = {"mail_sender": "console", "quiet_from": "", "quiet_until": ""}
    async with killed(shop, servers, tmp_path, place, **sends) as worker:
        for n in range(DEATHS):
            order_id, token = await till.buy()
            await till.cancel(order_id, token)
            await worker.and_finished(all_are_sent)
            # By mail and in the shop. What came again to its sender has the same id.
            assert len(await shop.rows("message")) == 2 * (n + 1)
    assert await till.audit() == []
    tell(f"died {DEATHS} times, each message sent")


class TestPoints:
    """Points that were good up to a day which is over."""

    @pytest.fixture
    def plugins(self) -> list[str]:
        return ["points"]

    @pytest.mark.parametrize("place", POINTS)
    async def test_points_that_expire_cut_by_kill_9_are_gone_once(
        self, shop: RunningShop, servers: Servers, tmp_path: Path, place: str, tell: Tell
    ) -> None:
        lin = AccountKey.of_member(MemberId(new_id()), "points")
        today = shop.clock.now().date()

        async def balance() -> int:
            async with shop.context() as ctx:
                return (await ledger.find_balances(ctx, [lin]))[lin].available

        async def is_gone() -> bool:
            return await balance() == 0

        async with killed(shop, servers, tmp_path, place, plugins=("points",)) as worker:
            for n in range(DEATHS):

                async def earn(n: int = n) -> None:
                    async with shop.context() as ctx:
                        slip = Slip(source=f"test:{n}", day=today)
                        await ledger.earn(ctx, lin, 10, slip, expires_on=today)

                await worker.and_finished(is_gone, first=earn)
        async with shop.context() as ctx:
            lines = (await ledger.find_statement(ctx, lin, Page(first=100))).rows
        assert [one.units for one in lines] == [-10, 10] * DEATHS
        await everything_holds(shop)
        tell(f"died {DEATHS} times, each expiry booked once")


@pytest.mark.parametrize("place", WEBHOOK)
async def test_a_webhook_cut_by_kill_9_is_sent_again_by_the_same_id(
    database_url: str, servers: Servers, tmp_path: Path, place: str, tell: Tell
) -> None:
    inside = {"webhook_networks": ("127.0.0.0/8",)}
    async with (
        running_shop(database_url, **inside) as shop,
        receiving() as receiver,
        killed(shop, servers, tmp_path, place, **inside) as worker,
    ):
        shop.clock.set(datetime.now(UTC))
        endpoint, _ = await listen(shop, receiver.url, "OrderPlaced")
        made = await shop.make_product(stock=DEATHS)
        line = {"variantId": encode(VariantId, made.variants["TEA-1"]), "quantity": 1}
        for n in range(DEATHS):
            assert (await Storefront(shop.http).place(lines=[line])).outcome == "PLACED"

            async def is_told(count: int = n + 1) -> bool:
                return await states(shop, endpoint) == [("OrderPlaced", "done", 1)] * count

            await worker.and_finished(is_told)
        # Told twice, as nobody can know whether the first time was heard; by one id, in one try.
        keys = Counter(one.headers["webhook-id"] for one in receiver.heard)
        assert sorted(keys.values()) == [2] * DEATHS
        assert len(await attempts_of(shop, endpoint)) == DEATHS
        await everything_holds(shop)
    tell(f"died {DEATHS} times, each event was told twice by one id and written down once")


async def paid_late(till: Till, *, is_gone: bool = False) -> OrderId:
    """Return an expired order whose money the provider has just told of; nobody has looked yet.

    is_gone: somebody else has bought its unit meanwhile.
    """
    await make_due(till.shop)
    key, payment_id = await expired(till)
    if is_gone:
        await till.buy_of(await till.stock(units=0))
    till.sandbox.take_anyway(payment_id)
    assert await till.send(till.sandbox.notices[-1]) == 200
    assert (await till.order(key)).state is OrderState.EXPIRED
    return key


async def make_due(shop: RunningShop) -> None:
    """Let everything that recurs and every job be due, then wait a little."""
    now = shop.clock.now()

    async def work(db: AsyncConnection) -> None:
        await db.execute(schedule.update().values(next_at=now))
        await db.execute(job.update().where(job.c.state == JobState.WAITING).values(run_at=now))

    # Again, where a worker locked some of them the other way round.
    await shop.shop.database.transact(work)
    await asyncio.sleep(0.2)


async def end_leases(shop: RunningShop) -> None:
    """Let no lease of a job that has died keep it from who looks next."""
    ended = {"leased_until": shop.clock.now()}
    async with shop.shop.database.writer.begin() as db:
        await db.execute(job.update().where(job.c.state == JobState.RUNNING).values(**ended))
