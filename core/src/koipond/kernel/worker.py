"""The worker: does what is due, jobs and deliveries, until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import msgspec
from structlog.contextvars import bound_contextvars

from koipond.kernel import couriers, deliveries, handling, jobs, schedules
from koipond.kernel.db import AsyncConnection
from koipond.kernel.deliveries import Consumer
from koipond.kernel.due import Drained, Due, looking
from koipond.kernel.faults import crash_point
from koipond.kernel.handling import Handled
from koipond.kernel.ids import new_id
from koipond.kernel.jobs import Claimed, JobState
from koipond.kernel.logs import log
from koipond.kernel.prepared import Prepared
from koipond.kernel.retries import cut_after, describe
from koipond.kernel.troubles import is_trouble
from koipond.kernel.viewer import SYSTEM

if TYPE_CHECKING:
    from koipond.kernel.context import Shop

__all__ = ["Drained", "Worker", "working"]
T = TypeVar("T")
K = TypeVar("K")

# Most of them wait: for a provider, or for the database.
JOBS_AT_ONCE = 50
CONSUMERS_AT_ONCE = 4
# A consumer with more to hear lets others have a turn.
_TURN_S = 0.25
# So often it says that it is alive: four times before its leases end.
_BEAT_S = jobs.LEASE.total_seconds() / 4
# Polling is the truth: so often while there is something to do, so rarely after a while of nothing.
_BUSY_S = 0.05
_IDLE_S = 0.25
# While the database is in trouble.
_TROUBLE_S = 5.0


class Worker:
    """One of any number of workers of a shop; what one has claimed, the others pass over."""

    def __init__(
        self, shop: Shop, *, grace_s: float = 10, chance: Callable[[], float] = random.random
    ) -> None:
        """grace_s: how long what runs may take after `stop`. chance: see `backoff`."""
        self.name = f"{socket.gethostname()[:60]}:{os.getpid()}:{new_id().hex[-8:]}"
        self._shop = shop
        self._grace_s = grace_s
        self._chance = chance
        self._kinds = {kind.name(): kind for kind in shop.jobs}
        self._enrolled = False
        self._stopping = False
        # Set when there may be something to do: after a commit, the end of a task, `stop`.
        self._poked = asyncio.Event()
        self._serving: dict[str, asyncio.Task[bool]] = {}
        self._running: dict[UUID, asyncio.Task[bool]] = {}
        # Jobs that are done, and whose rows wait to be removed.
        self._done: list[Claimed] = []
        # Jobs that are at work, whose leases are prolonged.
        self._held: dict[UUID, asyncio.Task[Any]] = {}
        # When its leases end unless they are prolonged: in seconds that no one can set.
        self._leased_until = 0.0
        # How many each consumer has had; who had fewest comes first.
        self._batches: Counter[str] = Counter()

    def stop(self) -> None:
        """Take up nothing more; `run_until_stopped` returns when what runs has ended."""
        self._stopping = True
        self._poked.set()

    async def run_once(self) -> Drained:
        """Do what is due now and what becomes due by it, until there is nothing left."""
        await self._enrol()
        total = Drained()
        async with self._alive():
            while (done := await self._drain()) != Drained():
                total += done
        return total

    async def run_until_stopped(self) -> None:
        """Do what is due when it is, until `stop` is called.

        What runs then is waited for; what takes too long is cut, and is another worker's at once.
        """
        with self._shop.database.watched(self._poked):
            try:
                async with self._alive(), asyncio.TaskGroup() as tasks:
                    pause = _BUSY_S
                    while not self._stopping:
                        pause = await self._turn(tasks, pause)
                    await self._let_end()
            finally:
                await self._survive(self._give_back(), None)

    async def _turn(self, tasks: asyncio.TaskGroup, pause: float) -> float:
        """Begin what is due, or wait up to `pause` seconds; returns how long to wait next time."""
        self._poked.clear()
        begun = await self._survive(self._begin_due(tasks), None)
        if begun:
            return _BUSY_S
        await self._wait(_TROUBLE_S if begun is None else pause)
        return min(pause * 2, _IDLE_S)

    async def _begin_due(self, tasks: asyncio.TaskGroup) -> int:
        """Do or begin what is due; returns how much that was."""
        await self._enrol()
        due = await self._look()
        chores = [
            await self._lapse() if due.lapsed else 0,
            await self._tick() if due.ticks else 0,
            await self._relay() if due.events else 0,
            await self._dispatch() if due.carried else 0,
        ]
        free = JOBS_AT_ONCE - len(self._running)
        claimed = await self._claim(free) if self._done or (due.jobs and free) else []
        if self._stopping:
            # Told so while it looked: what was claimed goes back with what is cut.
            return 0
        for one in claimed:
            # Its lease was over, and it came back to this very worker.
            self._cut([one.id])
            self._begin(tasks, self._running, one.id, self._work_off(one))
        idle = [one for one in due.consumers if one.name not in self._serving]
        idle.sort(key=lambda one: self._batches[one.name])
        served = idle[: CONSUMERS_AT_ONCE - len(self._serving)]
        for consumer in served:
            self._begin(tasks, self._serving, consumer.name, self._serve(consumer))
        return sum(chores) + len(claimed) + len(served)

    def _begin(
        self,
        tasks: asyncio.TaskGroup,
        place: dict[K, asyncio.Task[bool]],
        key: K,
        work: Awaitable[bool],
    ) -> None:
        """Do `work` beside everything else; it tells whether it made room for more."""

        def ended(task: asyncio.Task[bool]) -> None:
            if place.get(key) is task:
                del place[key]
            if task.cancelled() or task.exception() or task.result():
                self._poked.set()

        place[key] = tasks.create_task(self._survive(work, False))
        place[key].add_done_callback(ended)

    async def _let_end(self) -> None:
        """Wait for what runs, then cut it."""
        running = [*self._running.values(), *self._serving.values()]
        if running:
            _, late = await asyncio.wait(running, timeout=self._grace_s)
            for task in late:
                task.cancel()

    async def _give_back(self) -> None:
        async def end(db: AsyncConnection) -> int:
            await jobs.finish(db, self._done)
            return await jobs.give_back(db, self.name)

        given = await self._write(end)
        if given:
            log.warning("jobs cut and given back", worker=self.name, jobs=given)

    async def _drain(self) -> Drained:
        """Do all that is due now, one kind of thing after the other."""
        await self._lapse()
        ticks = await self._tick()
        relayed = await self._relay()
        handled = [await self._handle(one) for one in self._shop.consumers]
        await self._dispatch()
        ended: list[bool] = []
        while claimed := await self._claim(JOBS_AT_ONCE):
            ended += await asyncio.gather(*map(self._run, claimed))
        return Drained(
            ticks=ticks,
            relayed=relayed,
            delivered=sum(one.done for one in handled),
            deliveries_failed=sum(one.failed for one in handled),
            jobs_done=ended.count(True),
            jobs_failed=ended.count(False),
        )

    @cached_property
    def _look_up(self) -> Prepared:
        # Made when it is wanted, which takes 4 ms: `run_once` does without.
        return looking(self._shop)

    async def _look(self) -> Due:
        """Ask what is due, in one statement, which locks nothing and wakes nobody."""
        now, consumers = await self._now(), self._shop.consumers
        async with self._shop.database.reading_behind() as db:
            (answers,) = await self._look_up.rows(db, {"now": now})
        found, late, ticks, events, carried, *served = map(bool, answers)
        return Due(
            jobs=found,
            lapsed=late,
            ticks=ticks,
            events=events,
            carried=carried,
            consumers=[one for one, is_due in zip(consumers, served, strict=True) if is_due],
        )

    async def _enrol(self) -> None:
        """Store which consumers and recurring jobs there are, once."""
        if self._enrolled:
            return
        now = self._shop.clock.now()

        async def store(db: AsyncConnection) -> None:
            await deliveries.enrol(db, self._shop.consumers, now=now)
            await couriers.enrol(db, self._shop)
            await schedules.plan(db, self._shop.recurring, now=now)

        await self._write(store)
        self._enrolled = True

    async def _lapse(self) -> int:
        now = await self._now()
        mine = {*self._held, *(one.id for one in self._done)}
        lapsed = await self._write(lambda db: jobs.lapse(db, now=now, but=mine))
        if lapsed:
            log.warning("jobs of a worker that is gone", jobs=lapsed)
        return lapsed

    async def _tick(self) -> int:
        recurring, now = self._shop.recurring, await self._now()
        return await self._write(lambda db: schedules.tick(db, recurring, now=now))

    async def _relay(self) -> int:
        relayed = await self._write(lambda db: deliveries.relay(db, now=self._shop.clock.now()))
        crash_point("outbox.after_relay")
        return relayed

    async def _dispatch(self) -> int:
        async with self._shop.context(viewer=SYSTEM) as ctx:
            return await couriers.dispatch(ctx)

    async def _serve(self, consumer: Consumer) -> bool:
        """Hand a consumer what it is to hear, until it has caught up or its turn is over."""
        until = asyncio.get_running_loop().time() + _TURN_S
        total = 0
        while not self._stopping:
            self._batches[consumer.name] += 1
            handled = await self._handle(consumer)
            total += handled.done + handled.failed
            is_all = handled.done < handling.HANDLE_AT_ONCE
            if is_all or asyncio.get_running_loop().time() > until:
                break
        return total > 0

    async def _handle(self, consumer: Consumer) -> Handled:
        return await handling.handle(self._shop, consumer, chance=self._chance)

    async def _claim(self, limit: int) -> list[Claimed]:
        """Remove the jobs that are done, and take others: in one transaction, for all of them."""
        kinds, now = self._kinds.values(), await self._now()
        done, until = [*self._done], _lease_ends()

        async def work(db: AsyncConnection) -> list[Claimed]:
            await jobs.finish(db, done)
            if not limit:
                return []
            return await jobs.claim(db, kinds, worker=self.name, now=now, limit=limit)

        claimed = await self._write(work)
        del self._done[: len(done)]
        self._leased_until = max(self._leased_until, until)
        crash_point("jobs.after_claim")
        return claimed

    async def _work_off(self, claimed: Claimed) -> bool:
        await self._run(claimed)
        return True

    async def _run(self, claimed: Claimed) -> bool:
        """Run a claimed job and store how it ended; returns whether it is done."""
        with bound_contextvars(job=claimed.kind, job_id=str(claimed.id)):
            try:
                problem = await self._attempt_held(claimed)
            except _LeaseLost:
                return False
            crash_point("jobs.after_run.before_done")
            if problem is None:
                self._done.append(claimed)
            else:
                await self._fail(claimed, problem)
            return problem is None

    async def _attempt_held(self, claimed: Claimed) -> str | None:
        """Attempt a job whose lease is prolonged meanwhile. Raises _LeaseLost if it cannot be."""
        task = asyncio.current_task()
        assert task is not None, "each job has a task of its own"
        self._held[claimed.id] = task
        try:
            return await self._attempt(claimed)
        except asyncio.CancelledError:
            # Cut by `_cut`, and by nobody else.
            if self._held.get(claimed.id) is task or task.uncancel():
                raise
            raise _LeaseLost from None
        finally:
            if self._held.get(claimed.id) is task:
                del self._held[claimed.id]

    async def _attempt(self, claimed: Claimed) -> str | None:
        """Run a claimed job; returns what went wrong, or None."""
        kind = self._kinds[claimed.kind]
        try:
            task = msgspec.convert(claimed.payload, kind, str_keys=True)
            async with cut_after(kind.deadline_s), self._shop.context(viewer=SYSTEM) as ctx:
                ctx.handed[Claimed] = claimed
                await self._shop.jobs[kind](ctx, task)
        # Whatever it is, it is the job's: stored with it, told, and the next one runs.
        except Exception as error:
            return describe(error, secrets=(self._shop.settings.secret,))
        return None

    async def _fail(self, claimed: Claimed, problem: str) -> None:
        now, chance = await self._now(), self._chance()
        state = await self._write(
            lambda db: jobs.fail(db, claimed, error=problem, now=now, chance=chance)
        )
        dead = state is JobState.DEAD
        log.warning("job failed", attempts=claimed.attempts, dead=dead, problem=problem)

    @asynccontextmanager
    async def _alive(self) -> AsyncIterator[None]:
        """Prolong the leases of what runs, as long as the block lasts."""
        beating = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.wait([beating])
            if not beating.cancelled():
                beating.result()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_S)
            if self._held:
                await self._survive(self._prolong(), None)
                # The database may not have answered for so long that others take them for ours.
                if time.monotonic() >= self._leased_until:
                    self._cut([*self._held])

    async def _prolong(self) -> None:
        """Prolong the leases of what runs; what another worker has by now is cut."""
        before, now, until = dict(self._held), await self._now(), _lease_ends()
        kept = await self._write(lambda db: jobs.prolong(db, self.name, now=now))
        self._leased_until = until
        self._cut(before.keys() - kept)

    def _cut(self, lost: Iterable[UUID]) -> None:
        for key in lost:
            task = self._held.pop(key, None)
            if task is not None:
                log.warning("a job is cut: another worker has it", job_id=str(key))
                task.cancel()

    async def _now(self) -> datetime:
        """The database's time: a machine whose clock jumped takes no job from another."""
        return await self._shop.clock.database_now(self._shop.database)

    async def _wait(self, seconds: float) -> None:
        """Wait until there may be something to do, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._poked.wait()

    async def _survive(self, work: Awaitable[T], otherwise: T) -> T:
        """Outlive a database that is in trouble; what was claimed comes back by its lease."""
        try:
            return await work
        except Exception as error:
            if not is_trouble(error):
                raise
            log.warning("the worker's database is in trouble", problem=describe(error))
            return otherwise

    async def _write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        return await self._shop.database.transact_behind(work)


def _lease_ends() -> float:
    """Return when a lease ends that is asked for now."""
    return time.monotonic() + jobs.LEASE.total_seconds()


class _LeaseLost(Exception):
    """A job is another worker's by now."""


@asynccontextmanager
async def working(shop: Shop) -> AsyncIterator[None]:
    """Run a worker beside the block, in this process; it ends with the block."""
    worker = Worker(shop, grace_s=2)
    task = asyncio.create_task(worker.run_until_stopped())
    task.add_done_callback(_tell_if_broken)
    try:
        yield
    finally:
        worker.stop()
        await task


def _tell_if_broken(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("the worker broke; the shop runs on without it", exc_info=error)
