"""kill -9 of the server at every named place of a purchase; then the buyer tries again.

One key, one order, one payment at the provider, each event once; what was held comes free.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from tests.rig.auditing import count_events, count_orders, everything_holds, free_units, units
from tests.rig.buying import LOST, ORDER, REFUND, SANDBOX, Reply, Storefront, buyer, key
from tests.rig.servers import SECRET, Server, Servers

from koipond.kernel.ids import VariantId, encode
from koipond.kernel.viewer import sign
from koipond.payment.sandbox import Notice, Sandbox
from koipond.stock import service as stock
from koipond_sdk.testing import STAFF, RunningShop

STOCK = 10
# The repeat of a request that died waits until it cannot be alive any more.
LEASE = {"idempotency_lease_s": 2, "payment_timeout_s": 1}


class Act(Struct, frozen=True):
    """Something that a buyer does: the mutation, its input, and what it comes to."""

    name: str
    given: dict[str, Any]
    outcome: str

    # The document of what staff do.
    staff: str = ""
    # What the provider tells; `given` is then whose order is looked at.
    notice: Notice | None = None

    async def run(self, front: Storefront) -> Reply:
        if self.notice is not None:
            is_taken = await front.notify(self.notice)
            return await front.send(ORDER, self.given) if is_taken else Reply(outcome=LOST)
        if self.staff:
            return await front.send(self.staff, {"input": self.given}, staff=staff_token())
        return await front.ask(self.name, **self.given)


async def buy_lines(front: Storefront, variant: str) -> Act:
    wish = {
        "lines": [{"variantId": variant, "quantity": 2}],
        "contact": buyer(),
        "payment": SANDBOX,
        "idempotencyKey": key(),
    }
    return Act("placeOrder", wish, "CONFIRMED")


async def buy_cart(front: Storefront, variant: str) -> Act:
    cart = await front.ask("addToCart", variantId=variant, quantity=2)
    await front.ask("setCheckout", token=cart.token, contact=buyer())
    wish = {"token": cart.token, "payment": SANDBOX, "idempotencyKey": key()}
    return Act("placeOrder", wish, "CONFIRMED")


async def pay(front: Storefront, variant: str) -> Act:
    placed = await front.place(lines=[{"variantId": variant, "quantity": 2}])
    wish = {
        "orderId": placed.made["id"],
        "token": placed.token,
        "provider": "sandbox",
        "idempotencyKey": key(),
    }
    return Act("payOrder", wish, "CONFIRMED")


async def be_told(front: Storefront, variant: str) -> Act:
    """The buyer has paid at the provider, who is about to tell so."""
    placed = await front.place(
        lines=[{"variantId": variant, "quantity": 2}],
        payment={"provider": "sandbox", "data": [{"key": "outcome", "value": "pending"}]},
    )
    provider = Sandbox(secret=SECRET, file=front.books)
    (charge,) = provider.charges
    provider.finish(charge.id)
    signed = provider.sign(provider.notices[-1])
    wanted = {"orderId": placed.made["id"], "token": placed.token}
    return Act("webhook", wanted, "CONFIRMED", notice=signed)


async def cancel(front: Storefront, variant: str) -> Act:
    bought = await (await buy_lines(front, variant)).run(front)
    return Act("cancelOrder", {"orderId": bought.made["id"], "token": bought.token}, "CANCELLED")


async def refund(front: Storefront, variant: str) -> Act:
    bought = await (await buy_lines(front, variant)).run(front)
    amount = {"amount": "5.00", "currency": "EUR"}
    wish = {"orderId": bought.made["id"], "amount": amount, "idempotencyKey": key()}
    return Act("refundOrder", wish, "CONFIRMED", REFUND)


def staff_token() -> str:
    """Return a bearer token that the servers take: they have the real time."""
    now = datetime.now(UTC)
    return sign(STAFF, secret=SECRET, now=now, lifetime=timedelta(hours=1))


class End(Struct, frozen=True):
    """What an act comes to.

    state: the order's. places: those of the code that this act is there for; each place stands
    with one act or another, see test_every_crash_point.py. refunds: what went back of the order.
    """

    state: str
    places: tuple[str, ...] = ()
    refunds: tuple[int, ...] = ()


Preparing = Callable[[Storefront, str], Any]
ACTS: dict[Preparing, End] = {
    buy_lines: End(
        "CONFIRMED",
        (
            "order.claimed",
            "quota.batch.before_commit",
            "quota.batch.after_commit",
            "order.reserved",
            "order.placed.before_commit",
            "database.apart.after_commit",
        ),
    ),
    buy_cart: End("CONFIRMED"),
    pay: End(
        "CONFIRMED",
        (
            "payment.stored.before_commit",
            "payment.begun",
            "payment.provider_answered.before_apply",
            "payment.applied.before_commit",
            "payment.applied",
        ),
    ),
    be_told: End("CONFIRMED", ("payment.notice.before_commit",)),
    cancel: End("CANCELLED", ("order.cancelled.before_commit",), (20_00,)),
    refund: End(
        "CONFIRMED",
        (
            "refund.owed.before_commit",
            "refund.provider_answered.before_apply",
            "refund.applied.before_commit",
        ),
        (5_00,),
    ),
}
# So often, on each database, at the places that an act is there for; at all others once.
DEATHS = int(os.environ.get("KOI_RACE_DEATHS", "1"))
AT_ONCE = 10


class Killing:
    """One act, again and again, each on a new server that dies at a place of it."""

    def __init__(
        self,
        shop: RunningShop,
        servers: Servers,
        folder: Path,
        *,
        acts: dict[Preparing, End] = ACTS,
        check: Callable[[RunningShop], Awaitable[None]] = everything_holds,
    ) -> None:
        """check: fails unless what must hold does."""
        self.shop = shop
        self.acts = acts
        self.check = check
        self._servers = servers
        self._folder = folder
        self._opened_so_far = 0
        self.died_at: list[str] = []

    async def find_places(self, prepare: Preparing) -> list[str]:
        """Return NAME:COUNT of each place that the act passes, by doing it on a server."""
        trace = self._folder / f"{prepare.__name__}.trace"
        async with self._opened(trace=str(trace)) as (server, variant, armed):
            act = await prepare(server.storefront, variant)
            armed.touch()
            assert (await act.run(server.storefront)).outcome == act.outcome
        passed = Counter[str]()
        places = []
        for name in trace.read_text().splitlines():
            passed[name] += 1
            places.append(f"{name}:{passed[name]}")
        return places

    async def die_and_repeat(self, prepare: Preparing, *places: str) -> None:
        """Do the act until its server dies at each of `places`, then again on a new one."""
        orders, events = await count_orders(self.shop), await count_events(self.shop)
        async with asyncio.TaskGroup() as tasks:
            for place in places:
                tasks.create_task(self._die_and_repeat(prepare, place))
        state = self.acts[prepare].state.lower()
        wanted = {**orders, state: orders.get(state, 0) + len(places)}
        assert await count_orders(self.shop) == wanted
        new = Counter(await count_events(self.shop)) - Counter(events)
        # One that died before its provider heard of it counts as failed; the repeat makes another.
        del new["PaymentFailed"]
        assert set(new.values()) == {len(places)}, f"{places}: {new}"
        await self.check(self.shop)

    async def _die_and_repeat(self, prepare: Preparing, place: str) -> None:
        async with self._opened(crash_at=place) as (server, variant, armed):
            act = await prepare(server.storefront, variant)
            armed.touch()
            reply = await act.run(server.storefront)
            if reply.outcome != LOST:
                # It dies when it has answered; or not at all, if a server beside it has given back
                # its units too: a step less to take.
                assert reply.outcome == act.outcome, f"{place}: {reply}"
                reply = await act.run(server.storefront)
            if reply.outcome == LOST:
                self.died_at.append(place)
                await server.died()
                await server.start(crash_at="")
            else:
                # Whoever has taken a step less so far may take it now.
                armed.unlink()
            repeated = await act.run(server.storefront)
            assert repeated.outcome == act.outcome, f"{place}: {repeated} {server.log}"
            again = await act.run(server.storefront)
            assert again.made == repeated.made
            kept = Path(server.order.settings["sandbox_file"])
            assert (charges(kept), refunds(kept)) == (1, self.acts[prepare].refunds), place

    @asynccontextmanager
    async def _opened(self, **given: Any) -> AsyncIterator[tuple[Server, str, Path]]:
        """Lend a server with goods and a provider of its own, and the file that arms it."""
        self._opened_so_far += 1
        name = f"tea-{self._opened_so_far}"
        made = await self.shop.make_product(name, stock=STOCK)
        armed = self._folder / f"{name}.armed"
        given |= {"sandbox_file": str(self._folder / f"{name}.books"), "armed_by": str(armed)}
        url = self.shop.settings.database_url
        async with self._servers.serving(url, **LEASE, **given) as server:
            yield server, encode(VariantId, made.variants[name]), armed


@pytest.fixture
def killing(shop: RunningShop, servers: Servers, tmp_path: Path) -> Killing:
    return Killing(shop, servers, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "place", ["order.placed.before_commit", "payment.provider_answered.before_apply"]
)
async def test_a_purchase_cut_by_kill_9_is_one_order_when_it_is_repeated(
    killing: Killing, place: str
) -> None:
    await killing.die_and_repeat(buy_lines, place)
    assert killing.died_at == [place]


async def test_units_held_by_a_process_that_died_come_free_after_their_time(
    shop: RunningShop, servers: Servers
) -> None:
    made = await shop.make_product(stock=STOCK)
    url = shop.settings.database_url
    async with servers.serving(url, crash_at="order.reserved") as server:
        variant = encode(VariantId, made.variants["TEA-1"])
        act = await buy_lines(server.storefront, variant)
        assert (await act.run(server.storefront)).outcome == LOST
        await server.died()
    assert await count_orders(shop) == {}
    assert (await units(shop), await free_units(shop)) == ({"held": 2}, STOCK - 2)
    held = max(row["expires_at"] for row in await shop.rows("reservation"))
    await set_clock(shop, held)
    async with shop.context() as ctx:
        assert await stock.give_back(ctx) == 1
    assert (await units(shop), await free_units(shop)) == ({"released": 2}, STOCK)
    await everything_holds(shop)


def charges(books: Path) -> int:
    """Return how many charges the provider has made."""
    with closing(sqlite3.connect(books)) as kept:
        (count,) = kept.execute("SELECT count(*) FROM charge").fetchone()
    return int(count)


def refunds(books: Path) -> tuple[int, ...]:
    """Return what the provider has given back."""
    with closing(sqlite3.connect(books)) as kept:
        records = kept.execute("SELECT record FROM charge").fetchall()
    return tuple(one["amount_minor"] for (told,) in records for one in json.loads(told)["refunds"])


async def set_clock(shop: RunningShop, at: Any) -> None:
    """Set the clock to a moment as the database tells it, as text or not."""
    found = datetime.fromisoformat(at) if isinstance(at, str) else at
    shop.clock.set(found if found.tzinfo else found.replace(tzinfo=UTC))


@pytest.mark.faults
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("prepare", ACTS)
async def test_every_place_of_every_act(
    killing: Killing, prepare: Preparing, tell: Callable[[str], None]
) -> None:
    await die_everywhere(killing, prepare, tell)


def _named(places: Iterable[str]) -> set[str]:
    return {place.partition(":")[0] for place in places}


async def die_everywhere(killing: Killing, prepare: Preparing, tell: Callable[[str], None]) -> None:
    """Die at every place that an act passes, and repeat it."""
    passed = await killing.find_places(prepare)
    own = [f"{name}:1" for name in killing.acts[prepare].places]
    assert set(own) <= set(passed), "this act is there for places that it does not pass"
    places = [place for place in passed for _ in range(DEATHS if place in own else 1)]
    for start in range(0, len(places), AT_ONCE):
        await killing.die_and_repeat(prepare, *places[start : start + AT_ONCE])
    names = _named(places)
    # A step that a server beside it took in its place it takes where it is alone.
    for name in names - _named(killing.died_at):
        await killing.die_and_repeat(prepare, f"{name}:1")
    assert _named(killing.died_at) == names
    tell(f"died {len(killing.died_at)} times, then repeated: {', '.join(sorted(names))}")
