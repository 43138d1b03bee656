"""Backfilling: a consumer that came later hears of events from before, if somebody wants it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Integer, Select, String, Uuid, func, literal, select, tuple_

from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.deliveries import Consumer
from koipond.kernel.outbox import DeliveryState, delivery, outbox_event

_AT_ONCE = 500


class Place(Struct, frozen=True, kw_only=True):
    """Where an event stands among all of them."""

    aggregate_id: UUID
    seq: int


class Backfilled(Struct, frozen=True, kw_only=True):
    """How many events a part of a backfill looked at, and how many deliveries it made.

    place: where it ended; None: there are no more.
    """

    looked: int
    made: int
    place: Place | None


async def backfill_part(
    db: AsyncConnection, consumer: Consumer, *, since: datetime, after: Place | None, now: datetime
) -> Backfilled:
    """Make the deliveries of older events that `consumer` has none of yet, up to 500 events.

    since: no events before that. after: where the last call ended, None for the first. What waits
    for the relay is left to it. Run twice, or beside workers, it makes none twice.
    """
    wanted = [event.name() for event in consumer.events]
    told = select(outbox_event.c.id, outbox_event.c.aggregate_id, outbox_event.c.seq)
    place = (outbox_event.c.aggregate_id, outbox_event.c.seq)
    told = (
        told.where(outbox_event.c.name.in_(wanted), outbox_event.c.occurred_at >= since)
        .where(outbox_event.c.relayed_at.is_not(None))
        .order_by(*place)
        .limit(_AT_ONCE)
    )
    if after is not None:
        behind = tuple_(literal(after.aggregate_id, Uuid), literal(after.seq, Integer))
        told = told.where(tuple_(*place) > behind)
    found = (await db.execute(told)).all()
    if not found:
        return Backfilled(looked=0, made=0, place=None)
    columns = [
        outbox_event.c.id,
        literal(consumer.name, String),
        outbox_event.c.name,
        *place,
        literal(DeliveryState.PENDING.value),
        literal(0),
        literal(now, delivery.c.run_at.type),
    ]
    chosen = select(*columns).where(outbox_event.c.id.in_([row.id for row in found]))
    names = ["event_id", "consumer", "event_name", "aggregate_id", "seq"]
    made = insert(db, delivery).from_select([*names, "state", "attempts", "run_at"], chosen)
    done = await db.execute(made.on_conflict_do_nothing().returning(delivery.c.event_id))
    *_, last = found
    return Backfilled(
        looked=len(found),
        made=len(done.all()),
        place=Place(aggregate_id=last.aggregate_id, seq=last.seq),
    )


def to_look_at(consumer: Consumer, since: datetime) -> Select[Any]:
    """Select how many events a backfill would look at."""
    wanted = [event.name() for event in consumer.events]
    return (
        select(func.count())
        .select_from(outbox_event)
        .where(outbox_event.c.name.in_(wanted), outbox_event.c.occurred_at >= since)
        .where(outbox_event.c.relayed_at.is_not(None))
    )
