"""What must hold of events, deliveries and jobs; see kernel/invariants.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, bindparam, func, select

from koipond.kernel.context import Context
from koipond.kernel.invariants import Finding
from koipond.kernel.jobs import JobState, job
from koipond.kernel.outbox import DeliveryState, delivery, holds, outbox_event
from koipond.kernel.prepared import Prepared

# Of what is wrong in the same way, so many are named.
_NAMED = 5
# A worker that is there notices a lapsed lease within seconds.
_UNNOTICED = timedelta(minutes=5)
_KEPT = "Rows were changed by hand or lost: compare with a copy of the database"


def _counted(wrong: Select[Any]) -> Prepared:
    """Return a statement of the first of what is wrong; last in each row: how many there are."""
    return Prepared(wrong.add_columns(func.count().over()).limit(_NAMED))


_GAPS = _counted(
    select(outbox_event.c.aggregate_id)
    .group_by(outbox_event.c.aggregate_id)
    .having(func.max(outbox_event.c.seq) - func.min(outbox_event.c.seq) + 1 != func.count())
)
_EARLY = _counted(
    select(delivery.c.event_id)
    .join_from(delivery, outbox_event, outbox_event.c.id == delivery.c.event_id)
    .where(outbox_event.c.relayed_at.is_(None))
)


async def audit_events(ctx: Context) -> Sequence[Finding]:
    """I6: no event of an aggregate is missing, and none was relayed without being marked."""
    return [
        *await _found(ctx, _GAPS, "aggregates whose events have gaps", _KEPT),
        *await _found(ctx, _EARLY, "events with deliveries that were never relayed", _KEPT),
    ]


def _overtaken() -> Select[Any]:
    earlier = delivery.alias()
    ahead = select(earlier.c.event_id).where(
        holds(earlier),
        earlier.c.consumer == delivery.c.consumer,
        earlier.c.aggregate_id == delivery.c.aggregate_id,
        earlier.c.seq < delivery.c.seq,
    )
    return select(delivery.c.event_id).where(delivery.c.state == DeliveryState.DONE, ahead.exists())


_LOST = _counted(
    select(delivery.c.event_id)
    .outerjoin_from(delivery, outbox_event, outbox_event.c.id == delivery.c.event_id)
    .where(outbox_event.c.id.is_(None), holds(delivery))
)
_OVERTAKEN = _counted(_overtaken())
_DEAD_DELIVERIES = _counted(
    select(delivery.c.event_id, delivery.c.consumer).where(delivery.c.state == DeliveryState.DEAD)
)


async def audit_deliveries(ctx: Context) -> Sequence[Finding]:
    """I6: each delivery has its event, none was done before one ahead of it, and none is dead."""
    way_out = "Each says why in last_error, and holds up what is behind it: mend that, then retry"
    return [
        *await _found(ctx, _LOST, "deliveries of events that are gone", _KEPT),
        *await _found(ctx, _OVERTAKEN, "deliveries done before one ahead of them", _KEPT),
        *await _found(ctx, _DEAD_DELIVERIES, "dead deliveries", way_out),
    ]


_STUCK = _counted(
    select(job.c.kind, job.c.id).where(
        job.c.state == JobState.RUNNING, job.c.leased_until <= bindparam("late")
    )
)
_DEAD_JOBS = _counted(select(job.c.kind, job.c.id).where(job.c.state == JobState.DEAD))


async def audit_jobs(ctx: Context) -> Sequence[Finding]:
    """I6: no job is dead, and none waits for a worker that is gone."""
    late = ctx.clock.now() - _UNNOTICED
    way_out = "Each says why in last_error: mend that, then try it again"
    return [
        *await _found(ctx, _STUCK, "jobs of a worker that is gone", "Run: koi worker", late=late),
        *await _found(ctx, _DEAD_JOBS, "dead jobs", way_out),
    ]


AUDITS = (audit_events, audit_deliveries, audit_jobs)


async def _found(ctx: Context, wrong: Prepared, what: str, fix: str, **given: Any) -> list[Finding]:
    """Return a finding that counts what `wrong` selects and names the first of it, or nothing."""
    async with ctx.reading() as db:
        rows = await wrong.rows(db, given)
    if not rows:
        return []
    count = rows[0][-1]
    named = ", ".join(" ".join(map(str, row[:-1])) for row in rows)
    more = ", …" if count > _NAMED else ""
    return [Finding(invariant="I6", problem=f"{count} {what}: {named}{more}", fix=f"{fix}.")]
