"""The outbox: every event of a transaction is stored by it, in the order of its aggregate.

    outbox_event --relay--> delivery, one per consumer --handled--> DONE
                                   PENDING, tried again ---------> DEAD: parks its lane

A lane is what one consumer gets of one aggregate. What follows storing is said by
kernel/deliveries.py, and done by kernel/handling.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    bindparam,
    literal_column,
    select,
)

from koipond.kernel.db import AsyncConnection, Document, Instant, metadata
from koipond.kernel.events import Event
from koipond.kernel.ids import new_id
from koipond.kernel.prepared import Prepared
from koipond.kernel.unsent import Unsent

outbox_event = Table(
    "outbox_event",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(80), nullable=False),
    Column("version", Integer, nullable=False),
    Column("aggregate_id", Uuid, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("payload", Document, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    # When its deliveries were made; never a second time.
    Column("relayed_at", Instant),
    # Two transactions that tell of one aggregate cannot take the same place: the later one is run
    # again (kernel/db.py), so the order stored is the order that happened.
    UniqueConstraint("aggregate_id", "seq"),
)
unrelayed = outbox_event.c.relayed_at.is_(None)
# Small at all times: it holds what waits for the relay, in the order in which that takes it.
Index(
    "ix_outbox_event_unrelayed",
    outbox_event.c.aggregate_id,
    outbox_event.c.seq,
    postgresql_where=unrelayed,
    sqlite_where=unrelayed,
)


class DeliveryState(StrEnum):
    """Where a delivery stands. What is pending or dead holds up its lane."""

    PENDING = "pending"
    DONE = "done"
    DEAD = "dead"
    SKIPPED = "skipped"


# What each consumer wants from now on. It is kept here, so that a worker with older code, or one
# that lacks a plugin, makes the deliveries of consumers that it does not know.
subscription = Table(
    "subscription",
    metadata,
    Column("consumer", String(80), primary_key=True),
    Column("event_name", String(80), primary_key=True),
    Column("since", Instant, nullable=False),
)

# Without foreign keys: one from here would write to the event's row with each delivery.
delivery = Table(
    "delivery",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("consumer", String(80), primary_key=True),
    # The event's own: what it is, its lane, and its place in it.
    Column("event_name", String(80), nullable=False),
    Column("aggregate_id", Uuid, nullable=False),
    Column("seq", Integer, nullable=False),
    # A DeliveryState.
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("run_at", Instant, nullable=False),
    # Of the last attempt that failed.
    Column("last_error", Text),
    # When it was done, buried or skipped.
    Column("finished_at", Instant),
)
# Written out and not as parameters: only then can a plan that is kept use the partial indexes.
_PENDING: ColumnElement[str] = literal_column("'pending'")
_DEAD: ColumnElement[str] = literal_column("'dead'")
pending = delivery.c.state == _PENDING


def holds(of: FromClause) -> ColumnElement[bool]:
    """Say which rows `of` the table delivery hold up what is behind them in their lane."""
    return of.c.state.in_([_PENDING, _DEAD])


Index(
    "ix_delivery_pending",
    delivery.c.consumer,
    delivery.c.run_at,
    delivery.c.event_id,
    postgresql_where=pending,
    sqlite_where=pending,
)
Index(
    "ix_delivery_lane",
    delivery.c.consumer,
    delivery.c.aggregate_id,
    delivery.c.seq,
    postgresql_where=holds(delivery),
    sqlite_where=holds(delivery),
)


def put(unsent: Unsent, events: Sequence[Event], *, now: datetime) -> None:
    """Store `events` in their order, each with the next place in its aggregate's row of events."""
    places: Counter[UUID] = Counter()
    for event in events:
        key = event.aggregate_id()
        places[key] += 1
        row = {
            "id": new_id(),
            "name": event.name(),
            "version": event.version,
            "aggregate_id": key,
            "seq": places[key],
            "payload": event,
            "occurred_at": now,
        }
        unsent.add(outbox_event, row, counts_on=("seq", "aggregate_id"))


_TOLD = Prepared(
    select(outbox_event.c.aggregate_id, outbox_event.c.name)
    .where(
        outbox_event.c.aggregate_id.in_(bindparam("aggregates", expanding=True)),
        outbox_event.c.name.in_(bindparam("names", expanding=True)),
    )
    .order_by(outbox_event.c.aggregate_id, outbox_event.c.seq),
    by_arrays=True,
)


async def find_told(
    db: AsyncConnection, aggregates: Collection[UUID], names: Collection[str]
) -> dict[UUID, list[str]]:
    """Return {aggregate: those of its events that are called so, in their order}."""
    rows = await _TOLD.rows(db, {"aggregates": sorted(aggregates), "names": sorted(names)})
    told: dict[UUID, list[str]] = {key: [] for key in aggregates}
    for key, name in rows:
        told[key].append(name)
    return told
