"""The audience of couriers: whom they tell, of what, and of what again. See kernel/couriers.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Column, Integer, Select, String, Table, func, literal, select

from koipond.kernel.db import AsyncConnection, Instant, insert, metadata
from koipond.kernel.outbox import DeliveryState, delivery, outbox_event, subscription

# Whom couriers tell.
carried = Table(
    "carried",
    metadata,
    Column("consumer", String(80), primary_key=True),
    # The name of its courier.
    Column("courier", String(20), nullable=False),
    # What is not open hears of nothing; what it is to hear waits `deliveries_keep_days`.
    Column("is_open", Boolean, nullable=False),
    # In a row, of any of its deliveries; 0 since one was taken.
    Column("failures", Integer, nullable=False),
    Column("failing_since", Instant),
    Column("rests_until", Instant),
    # Who waits longest comes first.
    Column("begun_at", Instant, nullable=False),
)


async def open_consumer(
    db: AsyncConnection, consumer: str, *, courier: str, events: Sequence[str], now: datetime
) -> None:
    """Let a consumer hear of `events` from now on, and of what has waited for it."""
    row = {"consumer": consumer, "courier": courier, "is_open": True, "failures": 0}
    opened = insert(db, carried).values(**row, begun_at=now)
    fresh = {"is_open": True, "failures": 0, "failing_since": None, "rests_until": None}
    await db.execute(
        opened.on_conflict_do_update(
            index_elements=["consumer"], set_=fresh, where=carried.c.is_open.is_(False)
        )
    )
    await choose_events(db, consumer, events, now=now)


async def open_consumers(db: AsyncConnection) -> list[str]:
    """Return those who hear of events now."""
    found = await db.execute(select(carried.c.consumer).where(carried.c.is_open.is_(True)))
    return list(found.scalars())


async def choose_events(
    db: AsyncConnection, consumer: str, events: Sequence[str], *, now: datetime
) -> None:
    """Let a consumer hear of `events`, and of no others that come from now on."""
    mine = subscription.c.consumer == consumer
    await db.execute(
        subscription.delete().where(mine, subscription.c.event_name.not_in(list(events)))
    )
    rows = [{"consumer": consumer, "event_name": name, "since": now} for name in events]
    if rows:
        await db.execute(insert(db, subscription).on_conflict_do_nothing(), rows)


async def close_consumer(db: AsyncConnection, consumer: str) -> None:
    """Tell a consumer nothing until it is opened again; what it is to hear waits."""
    closed = carried.update().where(carried.c.consumer == consumer)
    await db.execute(closed.values(is_open=False))


async def remove_consumer(db: AsyncConnection, consumer: str) -> None:
    """Forget a consumer, and what it was to hear."""
    for table in (subscription, delivery, carried):
        await db.execute(table.delete().where(table.c.consumer == consumer))


def row_of(consumer: str) -> Select[Any]:
    """Select a consumer's row."""
    return select(carried).where(carried.c.consumer == consumer)


async def lock_consumer(db: AsyncConnection, consumer: str) -> Any:
    """Lock a consumer's row, before anything else of it; returns it, or None."""
    row = await db.execute(row_of(consumer).with_for_update(key_share=True))
    return row.one_or_none()


async def revive(db: AsyncConnection, consumer: str, *, now: datetime) -> None:
    """Try all again that is dead for a consumer, with all its attempts."""
    dead = (delivery.c.consumer == consumer, delivery.c.state == DeliveryState.DEAD.value)
    await db.execute(delivery.update().where(*dead).values(_anew(now)))


def happened(events: Sequence[str], *, since: datetime, until: datetime) -> Select[Any]:
    """Select the events of some names that happened then; what waits for the relay is left out."""
    return select(outbox_event.c.id).where(
        outbox_event.c.name.in_(list(events)),
        outbox_event.c.relayed_at.is_not(None),
        outbox_event.c.occurred_at.between(since, until),
    )


def event_called(event_id: UUID, events: Sequence[str]) -> Select[Any]:
    """Select one event, if it is of these names and was relayed."""
    return select(outbox_event.c.id).where(
        outbox_event.c.id == event_id,
        outbox_event.c.name.in_(list(events)),
        outbox_event.c.relayed_at.is_not(None),
    )


async def count_happened(db: AsyncConnection, wanted: Select[Any]) -> int:
    """Return how many events are selected."""
    counted = select(func.count()).select_from(wanted.subquery())
    found: int = (await db.execute(counted)).scalar_one()
    return found


async def replay(db: AsyncConnection, consumer: str, wanted: Select[Any], *, now: datetime) -> int:
    """Let a consumer hear again of what `wanted` selects the ids of; returns how much that is."""
    columns = {
        "event_id": outbox_event.c.id,
        "consumer": literal(consumer, String),
        "event_name": outbox_event.c.name,
        "aggregate_id": outbox_event.c.aggregate_id,
        "seq": outbox_event.c.seq,
        "state": literal(DeliveryState.PENDING.value),
        "attempts": literal(0),
        "run_at": literal(now, Instant),
    }
    chosen = select(*columns.values()).where(outbox_event.c.id.in_(wanted))
    made = insert(db, delivery).from_select(list(columns), chosen)
    again = made.on_conflict_do_update(
        index_elements=["event_id", "consumer"], set_=_anew(now)
    ).returning(delivery.c.event_id)
    return len((await db.execute(again)).all())


def _anew(now: datetime) -> dict[str, Any]:
    """Return what a delivery is that is to be made again."""
    return {
        "state": DeliveryState.PENDING.value,
        "attempts": 0,
        "run_at": now,
        "last_error": None,
        "finished_at": None,
    }
