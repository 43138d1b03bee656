"""Handling: what is due to a consumer is handled in batches, each in one transaction.

An event is handled in the transaction that marks its delivery: what a handler writes to this
database happens once. Work outside of it (a network call) is enqueued as a job from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from sqlalchemy.exc import DBAPIError

from koipond.kernel.context import Context, hand_rows
from koipond.kernel.db import AsyncConnection
from koipond.kernel.deliveries import (
    Consumer,
    Failed,
    Taken,
    finish,
    store_failures,
    take_followers,
    take_heads,
)
from koipond.kernel.dispatch import PluginFailed
from koipond.kernel.faults import crash_point
from koipond.kernel.logs import log
from koipond.kernel.retries import backoff, cut_after, describe
from koipond.kernel.steps import RowsClash, Steps
from koipond.kernel.troubles import may_retry
from koipond.kernel.viewer import SYSTEM

if TYPE_CHECKING:
    from koipond.kernel.context import Shop

# PostgreSQL keeps 64 savepoints of a transaction at hand; with more, all others' reads get slow.
HANDLE_AT_ONCE = 50
# A batch holds its rows, and on SQLite the only writer: after so long it takes up nothing more.
_BATCH_S = 1.0


class Handled(Struct, frozen=True, kw_only=True):
    """How many deliveries a batch has done, and how many have failed."""

    done: int = 0
    failed: int = 0


# With what went wrong.
_Failed = tuple[Taken, str]


async def handle(shop: Shop, consumer: Consumer, *, chance: Callable[[], float]) -> Handled:
    """Handle up to 50 deliveries of `consumer` in one transaction, each under a savepoint.

    One that fails is tried again later, see `backoff`, or is dead after its last attempt.
    """
    try:
        return await _handle_batch(_Batch(shop, consumer, chance, apart=False))
    except RowsClash:
        return await _handle_batch(_Batch(shop, consumer, chance, apart=True))


async def _handle_batch(batch: _Batch) -> Handled:
    try:
        return await batch.shop.database.transact_behind(batch.run)
    except RowsClash:
        raise
    except Exception as error:
        # Not a handler's doing, but the database's.
        if batch.current is None:
            raise
        # It broke the transaction, and the whole batch with it: the others come again.
        blamed, problem = batch.current, batch.describe(error)
        await batch.shop.database.transact_behind(lambda db: batch.fail(db, [(blamed, problem)]))
        return Handled(failed=1)


class _Batch:
    """One transaction's deliveries to one consumer; it may be run again from the start."""

    def __init__(
        self, shop: Shop, consumer: Consumer, chance: Callable[[], float], *, apart: bool
    ) -> None:
        self.shop = shop
        self._apart = apart
        self._consumer = consumer
        self._chance = chance
        # The delivery whose handler is at work.
        self.current: Taken | None = None

    async def run(self, db: AsyncConnection) -> Handled:
        """Take, handle and mark what is due."""
        self.current = None
        until = asyncio.get_running_loop().time() + _BATCH_S
        done: list[Taken] = []
        failed: list[_Failed] = []
        steps = Steps(db, apart=self._apart)
        for lane in await self._take(db):
            for one in lane:
                if asyncio.get_running_loop().time() > until and (done or failed):
                    break
                problem = await self._attempt(steps, one)
                if problem is not None:
                    failed.append((one, problem))
                    break
                done.append(one)
        await steps.store()
        await self._finish(db, done)
        await self.fail(db, failed)
        crash_point("outbox.handled.before_commit")
        return Handled(done=len(done), failed=len(failed))

    async def _take(self, db: AsyncConnection) -> list[list[Taken]]:
        """Return the lanes that something is to be delivered of, each in its order."""
        name, now = self._consumer.name, self.shop.clock.now()
        known = [event.name() for event in self._consumer.events]
        heads = await take_heads(db, name, known, limit=HANDLE_AT_ONCE, now=now)
        lanes = {one.aggregate_id: [one] for one in heads}
        if 0 < len(lanes) < HANDLE_AT_ONCE:
            room = HANDLE_AT_ONCE - len(lanes)
            for one in await take_followers(db, name, heads, limit=room):
                lanes[one.aggregate_id].append(one)
        return [self._known(lane) for lane in lanes.values()]

    def _known(self, lane: list[Taken]) -> list[Taken]:
        """Return a lane up to the first event that only newer code knows."""
        unknown = (
            n for n, one in enumerate(lane) if not self._consumer.event_class(one.event_name)
        )
        return lane[: next(unknown, len(lane))]

    async def _attempt(self, steps: Steps, one: Taken) -> str | None:
        """Handle one delivery; returns what went wrong, its writes undone, or None."""
        await steps.begin()
        self.current = one
        problem = None
        try:
            async with cut_after(self._consumer.deadline_s):
                await self._handle(steps, one)
        except Exception as error:
            lost = steps.connection.invalidated
            if lost or (isinstance(error, DBAPIError) and may_retry(error)):
                raise
            problem = self.describe(error)
        if steps.clash is not None:
            raise steps.clash
        if problem is not None:
            await steps.undo()
        self.current = None
        return problem

    async def _handle(self, steps: Steps, one: Taken) -> None:
        kind = self._consumer.event_class(one.event_name)
        assert kind is not None, "a lane is taken as far as its events are known"
        event = msgspec.convert(one.payload, kind, str_keys=True)
        ctx = Context(self.shop, viewer=SYSTEM, connection=steps.connection)
        await self._consumer.handle(ctx, event)
        if steps.is_begun or not hand_rows(ctx, steps.added):
            await ctx.settle()

    async def _finish(self, db: AsyncConnection, done: Sequence[Taken]) -> None:
        ids = [one.event_id for one in done]
        await finish(db, self._consumer.name, ids, now=self.shop.clock.now())

    async def fail(self, db: AsyncConnection, failed: Sequence[_Failed]) -> None:
        """Let what failed wait for its next attempt, or bury it after its last."""
        rows = [self._failure(one, problem) for one, problem in failed]
        await store_failures(db, self._consumer.name, rows)

    def _failure(self, one: Taken, problem: str) -> Failed:
        now, attempts = self.shop.clock.now(), one.attempts + 1
        over = attempts >= self._consumer.attempts_max
        log.warning(
            "delivery failed",
            consumer=self._consumer.name,
            event_name=one.event_name,
            event_id=str(one.event_id),
            attempts=attempts,
            dead=over,
            problem=problem,
        )
        return Failed(
            event_id=one.event_id,
            attempts=attempts,
            problem=problem,
            run_at=now if over else now + backoff(attempts, chance=self._chance()),
            died_at=now if over else None,
        )

    def describe(self, error: Exception) -> str:
        """Say what went wrong, for the delivery's row and the log."""
        if isinstance(error, PluginFailed) and isinstance(error.__cause__, Exception):
            # Staff know whose it is; what it raised is for its author.
            error = error.__cause__
        return describe(error, secrets=(self.shop.settings.secret,))
