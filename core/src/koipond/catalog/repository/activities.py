"""SQL of activities."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select

from koipond.catalog.tables import activity
from koipond.catalog.types import Activity
from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.ids import ActivityId, VariantId
from koipond.kernel.money import Currency

_COLUMNS = [activity.c[name] for name in Activity.__struct_fields__]


async def find_activities(
    db: AsyncConnection,
    *,
    at: datetime,
    starting_by: datetime,
    variant_ids: Sequence[VariantId] | None = None,
) -> list[Activity]:
    """Return the activities that have not ended `at` an instant, and begin before another.

    variant_ids: None means of all variants.
    """
    statement = select(*_COLUMNS).where(
        activity.c.ends_at > at,
        activity.c.starts_at <= starting_by,
        activity.c.withdrawn_at.is_(None),
    )
    if variant_ids is not None:
        statement = statement.where(activity.c.variant_id.in_(variant_ids))
    return [_activity(row) for row in await db.execute(statement.order_by(activity.c.id))]


async def find_activities_by_ids(
    db: AsyncConnection, ids: Collection[ActivityId]
) -> list[Activity]:
    """Return activities, over or not."""
    statement = select(*_COLUMNS).where(activity.c.id.in_(sorted(ids)))
    return [_activity(row) for row in await db.execute(statement.order_by(activity.c.id))]


async def save_activities(db: AsyncConnection, changed: Sequence[Activity]) -> None:
    """Store new activities; those that there are become what is told, as their next version."""
    rows = [msgspec.structs.asdict(one) for one in changed]
    statement = insert(db, activity)
    told = {
        name: statement.excluded[name]
        for name in Activity.__struct_fields__
        if name not in {"id", "version"}
    }
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=[activity.c.id],
            set_={**told, "version": activity.c.version + 1, "withdrawn_at": None},
        ),
        rows,
    )


async def withdraw(db: AsyncConnection, ids: Collection[ActivityId], *, now: datetime) -> None:
    """Store that activities sell no more."""
    await db.execute(
        activity.update()
        .where(activity.c.id.in_(sorted(ids)), activity.c.withdrawn_at.is_(None))
        .values(withdrawn_at=now, version=activity.c.version + 1)
    )


def _activity(row: Any) -> Activity:
    found = dict(row._mapping)
    return Activity(**found | {"currency": Currency(found["currency"])})
