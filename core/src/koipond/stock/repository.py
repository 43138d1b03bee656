"""SQL of stock."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Uuid, bindparam, case, func, select

from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.ids import LocationId, QuotaId, StockMovementId, VariantId, new_id
from koipond.kernel.prepared import Prepared
from koipond.kernel.questions import Question
from koipond.stock.tables import stock_level, stock_location, stock_movement
from koipond.stock.types import Level, Location, MovementReason, StockReceipt

_moved = stock_movement.c


async def find_locations(db: AsyncConnection) -> list[Location]:
    """Return every location, the one that is asked first (the default) first."""
    rows = await db.execute(
        select(stock_location).order_by(stock_location.c.priority, stock_location.c.id)
    )
    return [Location(**row._mapping) for row in rows]


async def add_location(db: AsyncConnection, new: Location) -> None:
    """Store a location, unless there is one of its code by now."""
    statement = insert(db, stock_location).values(
        id=new.id, code=new.code, name=new.name, priority=new.priority
    )
    await db.execute(statement.on_conflict_do_nothing())


async def find_levels(db: AsyncConnection, variant_ids: Collection[VariantId]) -> list[Level]:
    """Return the levels of these variants, the location that is asked first before the others."""
    found = await asking_levels(variant_ids).ask(db)
    return [level for key in sorted(found) for level in found[key]]


def asking_levels(
    variant_ids: Collection[VariantId],
) -> Question[dict[VariantId, list[Level]]]:
    """Ask for {variant: its levels, the location that is asked first first}."""
    keys = sorted(set(variant_ids))

    def read(rows: Sequence[Any]) -> dict[VariantId, list[Level]]:
        levels: dict[VariantId, list[Level]] = {key: [] for key in keys}
        for row in rows:
            levels[row.variant_id].append(Level(**row._asdict()))
        for found in levels.values():
            found.sort(key=lambda one: (one.location_priority, one.location_id))
        return levels

    return Question(_LEVELS_OF, {"variants": keys}, read)


async def find_short_levels(db: AsyncConnection, *, most: int) -> list[Level]:
    """Return levels that lack units which are promised, at most `most`."""
    rows = await db.execute(
        _LEVELS.where(stock_level.c.short > 0).order_by(stock_level.c.quota_id).limit(most)
    )
    return [Level(**row._mapping) for row in rows]


async def lock_level(
    db: AsyncConnection, variant_id: VariantId, location_id: LocationId
) -> Level | None:
    """Lock and return a level, None if this location never had the variant."""
    rows = await db.execute(
        _LEVELS.where(
            stock_level.c.variant_id == variant_id, stock_level.c.location_id == location_id
        ).with_for_update(key_share=True, of=stock_level)
    )
    row = rows.one_or_none()
    return None if row is None else Level(**row._mapping)


async def add_levels(
    db: AsyncConnection, location_id: LocationId, quotas: Mapping[VariantId, QuotaId]
) -> None:
    """Store empty levels, {variant: its quota}; those that there are by now stay as they are."""
    rows = [
        {
            "variant_id": variant_id,
            "location_id": location_id,
            "quota_id": quota_id,
            "on_hand": 0,
            "back_order": 0,
            "short": 0,
        }
        for variant_id, quota_id in sorted(quotas.items())
    ]
    await db.execute(insert(db, stock_level).values(rows).on_conflict_do_nothing())


async def move(
    db: AsyncConnection,
    location_id: LocationId,
    changes: Sequence[StockReceipt],
    *,
    reason: MovementReason,
    reference: str,
    now: datetime,
) -> None:
    """Change what a location has, and write down why. quantity may be negative, never 0."""
    # Sorted: two deliveries that share variants take the rows in one order and cannot deadlock.
    ordered = sorted(changes, key=lambda change: change.variant_id)
    units = {change.variant_id: change.quantity for change in ordered}
    await db.execute(
        stock_level.update()
        .where(stock_level.c.variant_id.in_(list(units)), stock_level.c.location_id == location_id)
        .values(on_hand=stock_level.c.on_hand + case(units, value=stock_level.c.variant_id))
    )
    rows = [
        {
            "id": StockMovementId(new_id()),
            "variant_id": change.variant_id,
            "location_id": location_id,
            "delta": change.quantity,
            "reason": reason,
            "reference": reference,
            "moved_at": now,
        }
        for change in ordered
    ]
    await db.execute(stock_movement.insert(), rows)


async def set_back_order(db: AsyncConnection, quota_id: QuotaId, units: int) -> None:
    """Store how many units of a locked level may be sold ahead."""
    await db.execute(
        stock_level.update().where(stock_level.c.quota_id == quota_id).values(back_order=units)
    )


async def add_short(db: AsyncConnection, quota_id: QuotaId, units: int) -> None:
    """Change how many promised units a locked level lacks, by `units`."""
    await db.execute(
        stock_level.update()
        .where(stock_level.c.quota_id == quota_id)
        .values(short=stock_level.c.short + units)
    )


_VARIANTS = Prepared(
    select(stock_level.c.quota_id, stock_level.c.variant_id).where(
        stock_level.c.quota_id.in_(bindparam("quotas", expanding=True))
    ),
    by_arrays=True,
)


async def find_variants(
    db: AsyncConnection, quota_ids: Collection[QuotaId]
) -> dict[QuotaId, VariantId]:
    """Return {quota: the variant whose units it counts}, without quotas of something else."""
    rows = await _VARIANTS.rows(db, {"quotas": sorted(quota_ids)})
    return {QuotaId(key): VariantId(variant_id) for key, variant_id in rows}


async def find_level_places(
    db: AsyncConnection, quota_ids: Collection[QuotaId]
) -> dict[QuotaId, tuple[VariantId, LocationId]]:
    """Return {quota: whose units where it counts}, without quotas of something else."""
    level = stock_level.c
    rows = await db.execute(
        select(level.quota_id, level.variant_id, level.location_id).where(
            level.quota_id.in_(sorted(quota_ids))
        )
    )
    return {QuotaId(row[0]): (VariantId(row[1]), LocationId(row[2])) for row in rows}


_MOVEMENTS = Prepared(
    select(_moved.reference, _moved.variant_id, func.sum(_moved.delta).label("units"))
    .where(_moved.reason == bindparam("for_reason"))
    .group_by(_moved.reference, _moved.variant_id)
)


async def sum_movements(
    db: AsyncConnection, reason: MovementReason
) -> dict[tuple[str, VariantId], int]:
    """Return {(reference, variant): units} of all movements for a reason."""
    rows = await _MOVEMENTS.rows(db, {"for_reason": reason})
    return {(row[0], VariantId(row[1])): int(row[2]) for row in rows}


def _uneven() -> Select[Any]:
    moved = (
        select(_moved.variant_id, _moved.location_id, func.sum(_moved.delta).label("units"))
        .group_by(_moved.variant_id, _moved.location_id)
        .subquery()
    )
    units = func.coalesce(moved.c.units, 0)
    return (
        select(stock_level.c.variant_id, stock_level.c.location_id, stock_level.c.on_hand, units)
        .outerjoin(
            moved,
            (moved.c.variant_id == stock_level.c.variant_id)
            & (moved.c.location_id == stock_level.c.location_id),
        )
        .where(stock_level.c.on_hand != units)
    )


_UNEVEN = Prepared(_uneven())


async def find_uneven(db: AsyncConnection) -> list[tuple[VariantId, LocationId, int, int]]:
    """Return [(variant, location, on_hand, sum of its movements)] where the two differ."""
    return [(row[0], row[1], int(row[2]), int(row[3])) for row in await _UNEVEN.rows(db)]


_LEVELS: Select[Any] = select(
    stock_level.c.variant_id,
    stock_level.c.location_id,
    stock_level.c.quota_id,
    stock_location.c.priority.label("location_priority"),
    stock_level.c.on_hand,
    stock_level.c.back_order,
    stock_level.c.short,
).join(stock_location, stock_location.c.id == stock_level.c.location_id)
_LEVELS_OF = Prepared(
    _LEVELS.where(stock_level.c.variant_id.in_(bindparam("variants", type_=Uuid, expanding=True)))
)
# (variant, quota) of the levels of variants.
QUOTAS_OF = select(stock_level.c.variant_id, stock_level.c.quota_id).where(
    stock_level.c.variant_id.in_(bindparam("variants", type_=Uuid, expanding=True))
)
