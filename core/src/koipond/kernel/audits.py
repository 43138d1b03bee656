"""What must hold of events, deliveries and jobs; see kernel/invariants.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, func, select

from koipond.kernel.context import Context
from koipond.kernel.invariants import Finding
from koipond.kernel.jobs import JobState, job
from koipond.kernel.outbox import DeliveryState, delivery, holds, outbox_event

# Of what is wrong in the same way, so many are named.
_NAMED = 5
# A worker that is there notices a lapsed lease within seconds.
_UNNOTICED = timedelta(minutes=5)
_KEPT = "Rows were changed by hand or lost: compare with a copy of the database"


async def audit_events(ctx: Context) -> Sequence[Finding]:
    """I6: no event of an aggregate is missing, and none was relayed without being marked."""
    gaps = (
        select(outbox_event.c.aggregate_id)
        .group_by(outbox_event.c.aggregate_id)
        .having(func.max(outbox_event.c.seq) - func.min(outbox_event.c.seq) + 1 != func.count())
    )
    early = (
        select(delivery.c.event_id)
        .join_from(delivery, outbox_event, outbox_event.c.id == delivery.c.event_id)
        .where(outbox_event.c.relayed_at.is_(None))
    )
    return [
        *await _found(ctx, gaps, "aggregates whose events have gaps", _KEPT),
        *await _found(ctx, early, "events with deliveries that were never relayed", _KEPT),
    ]


async def audit_deliveries(ctx: Context) -> Sequence[Finding]:
    """I6: each delivery has its event, none was done before one ahead of it, and none is dead."""
    earlier = delivery.alias()
    lost = (
        select(delivery.c.event_id)
        .outerjoin_from(delivery, outbox_event, outbox_event.c.id == delivery.c.event_id)
        .where(outbox_event.c.id.is_(None), holds(delivery))
    )
    ahead = select(earlier.c.event_id).where(
        holds(earlier),
        earlier.c.consumer == delivery.c.consumer,
        earlier.c.aggregate_id == delivery.c.aggregate_id,
        earlier.c.seq < delivery.c.seq,
    )
    overtaken = select(delivery.c.event_id).where(
        delivery.c.state == DeliveryState.DONE, ahead.exists()
    )
    dead = select(delivery.c.event_id, delivery.c.consumer).where(
        delivery.c.state == DeliveryState.DEAD
    )
    way_out = "Each says why in last_error, and holds up what is behind it: mend that, then retry"
    return [
        *await _found(ctx, lost, "deliveries of events that are gone", _KEPT),
        *await _found(ctx, overtaken, "deliveries done before one ahead of them", _KEPT),
        *await _found(ctx, dead, "dead deliveries", way_out),
    ]


async def audit_jobs(ctx: Context) -> Sequence[Finding]:
    """I6: no job is dead, and none waits for a worker that is gone."""
    late = ctx.clock.now() - _UNNOTICED
    stuck = select(job.c.kind, job.c.id).where(
        job.c.state == JobState.RUNNING, job.c.leased_until <= late
    )
    dead = select(job.c.kind, job.c.id).where(job.c.state == JobState.DEAD)
    way_out = "Each says why in last_error: mend that, then try it again"
    return [
        *await _found(ctx, stuck, "jobs of a worker that is gone", "Run: koi worker"),
        *await _found(ctx, dead, "dead jobs", way_out),
    ]


AUDITS = (audit_events, audit_deliveries, audit_jobs)


async def _found(ctx: Context, wrong: Select[Any], what: str, fix: str) -> list[Finding]:
    """Return a finding that counts what `wrong` selects and names the first of it, or nothing."""
    async with ctx.reading() as db:
        counted = select(func.count()).select_from(wrong.subquery())
        count = (await db.execute(counted)).scalar_one()
        if not count:
            return []
        rows = (await db.execute(wrong.limit(_NAMED))).all()
    named = ", ".join(" ".join(map(str, row)) for row in rows)
    more = ", …" if count > _NAMED else ""
    return [Finding(invariant="I6", problem=f"{count} {what}: {named}{more}", fix=f"{fix}.")]
