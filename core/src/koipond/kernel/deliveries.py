"""Deliveries: each stored event comes to each of its consumers, in its aggregate's order.

What the rows say; handling.py does what is due.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

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

from koipond.kernel import db as database
from koipond.kernel.context import Context
from koipond.kernel.db import AsyncConnection
from koipond.kernel.events import Event
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
from koipond.kernel.retries import ATTEMPTS_MAX

if TYPE_CHECKING:
    pass

RELAY_AT_ONCE = 500


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


class Taken(Struct, frozen=True, kw_only=True):
    """A delivery that a batch has to itself."""

    event_id: UUID
    event_name: str
    aggregate_id: UUID
    attempts: int
    payload: Any


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


async def take_heads(
    db: AsyncConnection, consumer: str, known: Sequence[str], *, limit: int, now: datetime
) -> list[Taken]:
    """Lock the heads of lanes that are due to a consumer, those that were due first before others.

    known: the names of its events. Whoever locks the head of a lane has all of it: the rest cannot
    be a head before that.
    """
    asked = {"consumer": consumer, "known": list(known), "now": now, "limit": limit}
    return [Taken(**row._asdict()) for row in await _FIRST.rows(db, asked)]


async def take_followers(
    db: AsyncConnection, consumer: str, heads: Sequence[Taken], *, limit: int
) -> list[Taken]:
    """Return what is behind heads that were taken, each lane in its order."""
    lanes, taken = [one.aggregate_id for one in heads], [one.event_id for one in heads]
    asked = {"consumer": consumer, "lanes": lanes, "taken": taken, "limit": limit}
    return [Taken(**row._asdict()) for row in await _FOLLOWERS.rows(db, asked)]


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
