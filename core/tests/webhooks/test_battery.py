"""Battery 27: a target that answers 500, hangs, or is gone, over 72 virtual hours.

Tries further and further apart, a dead letter, an endpoint that is disabled; and orders go on.
"""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from core.tests.webhooks.receiver import (
    HANG,
    LOCAL,
    attempts_of,
    consumer_of,
    endpoint_now,
    health,
    listen,
    receiving,
    states,
    work,
)
from core.tests.webhooks.test_telling import PLACED, order
from sqlalchemy import and_, func, select

from koipond.kernel import couriers, deliveries, letters
from koipond.kernel.audience import carried
from koipond.kernel.couriers import Health, health_after
from koipond.kernel.outbox import delivery
from koipond.kernel.pages import Page
from koipond.kernel.viewer import GUEST
from koipond.webhooks import rules, service
from koipond.webhooks.types import DisabledBy, Endpoint, EndpointState
from koipond_sdk.testing import RunningShop, running_shop
from koipond_sdk.testing.shop import START

pytestmark = pytest.mark.story

HOURS = 72
TRIES = 10


@pytest.mark.slow
@pytest.mark.parametrize(("status", "problem"), [(500, "answered 500"), (HANG, "no answer within")])
async def test_over_three_days_it_is_tried_ten_times_then_dead_and_disabled(
    database_url: str, status: int, problem: str
) -> None:
    given = {"webhook_networks": LOCAL, "webhook_timeout_s": 0.1 if status == HANG else 10}
    async with running_shop(database_url, **given) as shop, receiving(status=status) as bad:
        endpoint, _ = await listen(shop, bad.url, PLACED)
        await order(shop)
        begun = shop.clock.now()
        await until(shop, endpoint, HOURS)
        tries = await attempts_of(shop, endpoint)
        assert [one.number for one in tries] == list(range(1, TRIES + 1))
        assert all(one.problem.startswith(problem) for one in tries)
        waits = [(later.at - one.at).total_seconds() for one, later in pairwise(tries)]
        wanted = [one.total_seconds() for one in rules.WAITS]
        # Each a little early, by the event's id; the first at the end of the endpoint's rest.
        assert waits[0] == 5
        assert all(0.9 * whole <= wait <= whole for wait, whole in zip(waits, wanted, strict=True))
        assert timedelta(hours=60) < tries[-1].at - begun <= timedelta(hours=HOURS)
        assert await states(shop, endpoint) == [(PLACED, "dead", TRIES)]
        found = await endpoint_now(shop, endpoint)
        assert (found.state, found.disabled_by) == (EndpointState.DISABLED, DisabledBy.FAILING)
        async with shop.shop.database.reading() as db:
            (letter,) = (await letters.find_dead(db, Page(first=10))).rows
        assert letter.name == PLACED
        assert letter.problem.startswith(problem)
        names = [row["name"] for row in await shop.rows("outbox_event")]
        assert names.count("WebhookEndpointDisabled") == 1


@pytest.mark.slow
async def test_mended_and_enabled_the_dead_letter_is_delivered(shop: RunningShop) -> None:
    async with receiving(status=500) as receiver:
        endpoint, _ = await listen(shop, receiver.url, PLACED)
        await order(shop)
        await until(shop, endpoint, HOURS)
        receiver.status = 200
        async with shop.shop.context(viewer=GUEST) as ctx:
            await service.enable_endpoint(ctx, endpoint.id)
        await work(shop)
        assert await states(shop, endpoint) == [(PLACED, "done", 1)]
        assert (await endpoint_now(shop, endpoint)).state is EndpointState.ACTIVE


@pytest.mark.slow
async def test_the_order_path_and_other_endpoints_do_not_wait_for_one_that_hangs(
    database_url: str,
) -> None:
    given = {"webhook_networks": LOCAL, "webhook_timeout_s": 0.5}
    async with (
        running_shop(database_url, **given) as shop,
        receiving(status=HANG) as bad,
        receiving() as good,
    ):
        hanging, _ = await listen(shop, bad.url, PLACED)
        await listen(shop, good.url, PLACED)
        await order(shop)
        with shop.count_statements() as alone:
            await order(shop, times=1)
        await work(shop)
        # With the hanging one resting, and its events waiting, an order costs what it did.
        with shop.count_statements() as beside:
            await order(shop, times=1)
        assert len(beside) == len(alone)
        await work(shop)
        assert good.types == [PLACED] * 3
        # One round of two events, and then it rests: the third was not even tried.
        assert len(bad.heard) == 2
        assert (await health(shop, hanging))["failures"] == 1


async def test_a_crowd_of_hanging_endpoints_leaves_places_for_other_jobs(
    shop: RunningShop,
) -> None:
    for n in range(couriers.CARRIED_AT_ONCE + 4):
        await listen(shop, f"https://nowhere{n}.invalid/", PLACED)
    await order(shop)
    async with shop.shop.context(viewer=GUEST) as ctx:
        await relay(shop)
        assert await couriers.dispatch(ctx) == couriers.CARRIED_AT_ONCE
        # All places are taken, and each endpoint has one job at most.
        assert await couriers.dispatch(ctx) == 0
    kinds = [row["kind"] for row in await shop.rows("job")]
    assert kinds.count("CarryEvents") == couriers.CARRIED_AT_ONCE


async def test_many_events_that_hang_do_not_keep_an_endpoint_alive_for_ever() -> None:
    # Each event was tried once or twice: none is dead, and nothing was taken for three days.
    stands, now = Health(), START
    begun = now
    while now - begun < timedelta(days=3):
        stands = health_after(stands, any_taken=False, now=now)
        assert stands.rests_until is not None
        now = stands.rests_until
    reason = rules.must_disable(
        is_gone=False,
        any_dead=False,
        failures=stands.failures,
        failing_since=stands.failing_since,
        now=now,
    )
    assert reason is DisabledBy.FAILING
    assert health_after(stands, any_taken=True, now=now) == Health()


async def test_a_few_failures_disable_nothing() -> None:
    now = START
    given = {"failing_since": now - timedelta(days=9), "now": now}
    few = rules.must_disable(is_gone=False, any_dead=True, failures=TRIES - 1, **given)
    gone = rules.must_disable(is_gone=True, any_dead=False, failures=0, **given)
    assert (few, gone) == (None, DisabledBy.GONE)


def test_ten_tries_are_made_within_three_days() -> None:
    assert len(rules.WAITS) + 1 == TRIES
    assert timedelta(hours=71) < sum(rules.WAITS, timedelta()) <= timedelta(hours=HOURS)
    assert rules.AT_ONCE > 1


async def until(shop: RunningShop, endpoint: Endpoint, hours: int) -> None:
    """Let a worker work for so long, by the shop's clock: whenever something is due."""
    end = shop.clock.now() + timedelta(hours=hours)
    await work(shop)
    while (at := await next_try(shop, endpoint)) is not None and at <= end:
        shop.clock.set(at)
        await work(shop)
    shop.clock.set(end)
    await work(shop)


async def next_try(shop: RunningShop, endpoint: Endpoint) -> datetime | None:
    """Return when an endpoint is told something next."""
    mine = (delivery.c.consumer == consumer_of(endpoint), delivery.c.state == "pending")
    due = select(func.min(delivery.c.run_at), func.max(carried.c.rests_until))
    open_one = (carried.c.consumer == delivery.c.consumer, carried.c.is_open.is_(True))
    async with shop.shop.database.reading() as db:
        wanted = due.select_from(delivery.join(carried, and_(*open_one))).where(*mine)
        run_at, rests_until = (await db.execute(wanted)).one()
    return max(run_at, rests_until or run_at) if run_at else None


async def relay(shop: RunningShop) -> None:
    now = shop.clock.now()
    await shop.shop.database.transact(lambda db: deliveries.enrol(db, shop.shop.consumers, now=now))
    await shop.shop.database.transact(lambda db: deliveries.relay(db, now=now))


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        ("Thu, 01 Jan 2026 12:02:00 GMT", 120),
        ("3", 5),
        ("999999999999", 3_600),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 5),
        ("soon", 5),
    ],
)
async def test_who_asks_to_be_left_alone_is_for_an_hour_at_most(
    shop: RunningShop, said: str, seconds: int
) -> None:
    async with receiving() as receiver:
        endpoint, _ = await listen(shop, receiver.url, PLACED)
        receiver.status, receiver.extra = 429, f"Retry-After: {said}\r\n"
        await order(shop)
        await work(shop)
        receiver.status, receiver.extra = 200, ""
        shop.clock.advance(seconds=seconds - 1)
        await work(shop)
        assert len(receiver.heard) == 1
        shop.clock.advance(seconds=1)
        await work(shop)
        assert await states(shop, endpoint) == [(PLACED, "done", 2)]
