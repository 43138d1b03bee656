"""Deliveries: each stored event comes to each of its consumers, in its aggregate's order.

An event is handled in the transaction that marks its delivery: what a handler writes to this
database happens once. Work outside of it (a network call) is enqueued as a job from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    UpdateBase,
    bindparam,
    insert,
    literal,
    literal_column,
    select,
)
from sqlalchemy.exc import DBAPIError

from koipond.kernel import db as database
from koipond.kernel.context import Context, hand_rows
from koipond.kernel.db import AsyncConnection
from koipond.kernel.dispatch import PluginFailed
from koipond.kernel.events import Event
from koipond.kernel.faults import crash_point
from koipond.kernel.logs import log
from koipond.kernel.outbox import (
    DeliveryState,
    delivery,
    holds,
    outbox_event,
    pending,
    subscription,
    unrelayed,
)
from koipond.kernel.prepared import Prepared
from koipond.kernel.retries import ATTEMPTS_MAX, backoff, cut_after, describe
from koipond.kernel.steps import RowsClash, Steps
from koipond.kernel.troubles import may_retry
from koipond.kernel.viewer import SYSTEM

if TYPE_CHECKING:
    from koipond.kernel.context import Shop

RELAY_AT_ONCE = 500
# PostgreSQL keeps 64 savepoints of a transaction at hand; with more, all others' reads get slow.
HANDLE_AT_ONCE = 50
# A batch holds its rows, and on SQLite the only writer: after so long it takes up nothing more.
_BATCH_S = 1.0


class Consumer(Struct, frozen=True, kw_only=True):
    """Who wants to hear of events; registered by app.py. Its name is kept in rows: never change it.

    handle: a use-case that only writes to the database. It is run again after a failure, and one
    that is over its deadline is cut.
    """

    name: str
    events: tuple[type[Event], ...]
    handle: Callable[[Context, Any], Awaitable[None]]
    attempts_max: int = ATTEMPTS_MAX
    deadline_s: float = 5

    def event_class(self, name: str) -> type[Event] | None:
        """Return the class of events called `name`, if this code knows it."""
        for one in self.events:
            if one.name() == name:
                return one
        return None


class Handled(Struct, frozen=True, kw_only=True):
    """How many deliveries a batch has done, and how many have failed."""

    done: int = 0
    failed: int = 0


class _Taken(Struct, frozen=True, kw_only=True):
    """A delivery that a batch has to itself."""

    event_id: UUID
    event_name: str
    aggregate_id: UUID
    attempts: int
    payload: Any


# With what went wrong.
_Failed = tuple[_Taken, str]


class Failed(Struct, frozen=True, kw_only=True):
    """A delivery that failed: `attempts` in all, due again at `run_at`, or dead since `died_at`."""

    event_id: UUID
    attempts: int
    problem: str
    run_at: datetime
    died_at: datetime | None

    @property
    def is_dead(self) -> bool:
        """Tell whether it is not tried again."""
        return self.died_at is not None


async def enrol(db: AsyncConnection, consumers: Sequence[Consumer], *, now: datetime) -> None:
    """Note what each consumer wants: events that are relayed from now on, and no older ones."""
    for one in consumers:
        wanted = [event.name() for event in one.events]
        await db.execute(
            subscription.delete().where(
                subscription.c.consumer == one.name, subscription.c.event_name.not_in(wanted)
            )
        )
        rows = [{"consumer": one.name, "event_name": name, "since": now} for name in wanted]
        await db.execute(database.insert(db, subscription).on_conflict_do_nothing(), rows)


def waiting_for_relay() -> Select[Any]:
    """Select the events that have no deliveries yet."""
    return select(outbox_event.c.id).where(unrelayed)


async def relay(db: AsyncConnection, *, now: datetime) -> int:
    """Make the deliveries of events that have none yet; returns how many events there were."""
    waiting = (
        waiting_for_relay()
        .order_by(outbox_event.c.aggregate_id, outbox_event.c.seq)
        .limit(RELAY_AT_ONCE)
        .with_for_update(skip_locked=True, key_share=True)
    )
    ids = (await db.execute(waiting)).scalars().all()
    if not ids:
        return 0
    wanted = (
        select(
            outbox_event.c.id,
            subscription.c.consumer,
            outbox_event.c.name,
            outbox_event.c.aggregate_id,
            outbox_event.c.seq,
            literal(DeliveryState.PENDING.value),
            literal(0),
            literal(now, delivery.c.run_at.type),
        )
        .join_from(outbox_event, subscription, subscription.c.event_name == outbox_event.c.name)
        .where(outbox_event.c.id.in_(ids))
    )
    names = ["event_id", "consumer", "event_name", "aggregate_id", "seq"]
    columns = [*names, "state", "attempts", "run_at"]
    await db.execute(insert(delivery).from_select(columns, wanted))
    await db.execute(outbox_event.update().where(outbox_event.c.id.in_(ids)).values(relayed_at=now))
    return len(ids)


def heads(consumer: Any, known: Any, now: Any) -> Select[Any]:
    """Select what may be delivered to a consumer next: due, and nothing before it in its lane.

    consumer, known, now: its name, the names of its events, and when: values or parameters.
    """
    earlier = delivery.alias()
    ahead = select(earlier.c.event_id).where(
        holds(earlier),
        earlier.c.consumer == delivery.c.consumer,
        earlier.c.aggregate_id == delivery.c.aggregate_id,
        earlier.c.seq < delivery.c.seq,
    )
    return (
        _taken()
        .where(pending, delivery.c.consumer == consumer, delivery.c.run_at <= now)
        .where(delivery.c.event_name.in_(known), _none(ahead), _none_unrelayed())
    )


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


async def finish(
    db: AsyncConnection, consumer: str, event_ids: Sequence[UUID], *, now: datetime
) -> None:
    """Mark deliveries as done that a consumer has taken."""
    if event_ids:
        await _DONE.rows(db, {"of": consumer, "ids": list(event_ids), "now": now})


async def store_failures(db: AsyncConnection, consumer: str, failed: Sequence[Failed]) -> None:
    """Let deliveries wait for their next attempt, or bury them."""
    if failed:
        rows = [
            {
                "key": one.event_id,
                "state": DeliveryState.DEAD if one.is_dead else DeliveryState.PENDING,
                "attempts": one.attempts,
                "run_at": one.run_at,
                "last_error": one.problem,
                "finished_at": one.died_at,
            }
            for one in failed
        ]
        await db.execute(
            delivery.update()
            .where(pending, delivery.c.consumer == consumer)
            .where(delivery.c.event_id == bindparam("key")),
            rows,
        )


async def retry(db: AsyncConnection, event_id: UUID, consumer: str, *, now: datetime) -> bool:
    """Try a dead delivery again, with all its attempts; returns whether it was dead."""
    values = {"state": DeliveryState.PENDING, "attempts": 0, "run_at": now, "finished_at": None}
    return await _bring_back(db, event_id, consumer, values)


async def skip(db: AsyncConnection, event_id: UUID, consumer: str, *, now: datetime) -> bool:
    """Give up a dead delivery, so that its lane moves on; returns whether it was dead."""
    values = {"state": DeliveryState.SKIPPED, "finished_at": now}
    return await _bring_back(db, event_id, consumer, values)


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
        self.current: _Taken | None = None

    async def run(self, db: AsyncConnection) -> Handled:
        """Take, handle and mark what is due."""
        self.current = None
        until = asyncio.get_running_loop().time() + _BATCH_S
        done: list[_Taken] = []
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

    async def _take(self, db: AsyncConnection) -> list[list[_Taken]]:
        """Return the lanes that something is to be delivered of, each in its order.

        Whoever locks the head of a lane has all of it: the rest cannot be a head before that.
        """
        of = {"consumer": self._consumer.name, "limit": HANDLE_AT_ONCE}
        known = [event.name() for event in self._consumer.events]
        found = await _FIRST.rows(db, {**of, "known": known, "now": self.shop.clock.now()})
        lanes = {row.aggregate_id: [_Taken(**row._asdict())] for row in found}
        if 0 < len(lanes) < HANDLE_AT_ONCE:
            taken = [row.event_id for row in found]
            behind = {"lanes": list(lanes), "taken": taken, "limit": HANDLE_AT_ONCE - len(lanes)}
            for row in await _FOLLOWERS.rows(db, {**of, **behind}):
                lanes[row.aggregate_id].append(_Taken(**row._asdict()))
        return [self._known(lane) for lane in lanes.values()]

    def _known(self, lane: list[_Taken]) -> list[_Taken]:
        """Return a lane up to the first event that only newer code knows."""
        unknown = (
            n for n, one in enumerate(lane) if not self._consumer.event_class(one.event_name)
        )
        return lane[: next(unknown, len(lane))]

    async def _attempt(self, steps: Steps, one: _Taken) -> str | None:
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

    async def _handle(self, steps: Steps, one: _Taken) -> None:
        kind = self._consumer.event_class(one.event_name)
        assert kind is not None, "a lane is taken as far as its events are known"
        event = msgspec.convert(one.payload, kind, str_keys=True)
        ctx = Context(self.shop, viewer=SYSTEM, connection=steps.connection)
        await self._consumer.handle(ctx, event)
        if steps.is_begun or not hand_rows(ctx, steps.added):
            await ctx.settle()

    async def _finish(self, db: AsyncConnection, done: Sequence[_Taken]) -> None:
        ids = [one.event_id for one in done]
        await finish(db, self._consumer.name, ids, now=self.shop.clock.now())

    async def fail(self, db: AsyncConnection, failed: Sequence[_Failed]) -> None:
        """Let what failed wait for its next attempt, or bury it after its last."""
        rows = [self._failure(one, problem) for one, problem in failed]
        await store_failures(db, self._consumer.name, rows)

    def _failure(self, one: _Taken, problem: str) -> Failed:
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


async def _bring_back(
    db: AsyncConnection, event_id: UUID, consumer: str, values: dict[str, Any]
) -> bool:
    dead = (
        delivery.c.event_id == event_id,
        delivery.c.consumer == consumer,
        delivery.c.state == DeliveryState.DEAD,
    )
    brought = await db.execute(delivery.update().where(*dead).values(**values))
    return brought.rowcount == 1


def _taken() -> Select[Any]:
    event = select(outbox_event.c.payload).where(outbox_event.c.id == delivery.c.event_id)
    return select(
        delivery.c.event_id,
        delivery.c.event_name,
        delivery.c.aggregate_id,
        delivery.c.attempts,
        event.scalar_subquery().label("payload"),
    )


def _none_unrelayed() -> ColumnElement[bool]:
    """Say which deliveries need not wait for the relay: two of its runs may overtake each other."""
    earlier = outbox_event.alias()
    return _none(
        select(earlier.c.id).where(
            earlier.c.relayed_at.is_(None),
            earlier.c.aggregate_id == delivery.c.aggregate_id,
            earlier.c.seq < delivery.c.seq,
        )
    )


def _none(found: Select[Any]) -> ColumnElement[bool]:
    """Say that there is no such row: looked up for one delivery after the other.

    NOT EXISTS would be planned as a join with all that waits, however few deliveries are wanted.
    """
    return found.limit(1).scalar_subquery().is_(None)


def _first() -> Select[Any]:
    """Select the heads that a batch takes; it locks them."""
    known: Any = bindparam("known", expanding=True)
    return (
        heads(bindparam("consumer"), known, bindparam("now"))
        .order_by(delivery.c.run_at, delivery.c.event_id)
        .limit(bindparam("limit", type_=Integer))
        .with_for_update(of=delivery, skip_locked=True, key_share=True)
    )


def _followers() -> Select[Any]:
    """Select what is behind the heads that a batch has taken."""
    return (
        _taken()
        .where(pending, delivery.c.consumer == bindparam("consumer"))
        .where(delivery.c.aggregate_id.in_(bindparam("lanes", expanding=True)))
        .where(delivery.c.event_id.not_in(bindparam("taken", expanding=True)), _none_unrelayed())
        .order_by(delivery.c.aggregate_id, delivery.c.seq)
        .limit(bindparam("limit", type_=Integer))
    )


def _done() -> UpdateBase:
    return (
        delivery.update()
        .where(delivery.c.consumer == bindparam("of"))
        .where(delivery.c.event_id.in_(bindparam("ids", expanding=True)))
        .values(state=literal_column("'done'"), finished_at=bindparam("now"))
        .values(attempts=delivery.c.attempts + 1, last_error=None)
    )


_FIRST = Prepared(_first())
_FOLLOWERS = Prepared(_followers())
_DONE = Prepared(_done())
