"""SQL of stock."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, select

from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.ids import LocationId, OrderId, StockMovementId, VariantId, new_id
from koipond.stock.tables import stock_allocation, stock_level, stock_location, stock_movement
from koipond.stock.types import Allocation, Location, MovementReason, StockLevel, StockReceipt


async def find_locations(db: AsyncConnection) -> list[Location]:
    """Return every location, the oldest (the default) first."""
    rows = await db.execute(select(stock_location).order_by(stock_location.c.id))
    return [Location(**row._mapping) for row in rows]


async def add_location(db: AsyncConnection, new: Location) -> None:
    """Store a location, unless there is one of its code by now."""
    statement = insert(db, stock_location).values(id=new.id, code=new.code, name=new.name)
    await db.execute(statement.on_conflict_do_nothing())


async def lock_levels(db: AsyncConnection, variant_ids: Sequence[VariantId]) -> list[StockLevel]:
    """Lock and return the levels of these variants, the oldest location first within a variant.

    Sorted: two orders that share variants take the rows in one order and cannot deadlock.
    """
    rows = await db.execute(
        select(stock_level)
        .where(stock_level.c.variant_id.in_(sorted(variant_ids)))
        .order_by(stock_level.c.variant_id, stock_level.c.location_id)
        .with_for_update(key_share=True)
    )
    return [StockLevel(**row._mapping) for row in rows]


async def find_free(db: AsyncConnection, variant_ids: Sequence[VariantId]) -> dict[VariantId, int]:
    """Return {variant: units that can be sold}, over all locations; without unknown ones."""
    rows = await db.execute(
        select(
            stock_level.c.variant_id,
            func.sum(stock_level.c.on_hand - stock_level.c.allocated),
        )
        .where(stock_level.c.variant_id.in_(sorted(set(variant_ids))))
        .group_by(stock_level.c.variant_id)
    )
    return {variant_id: int(free) for variant_id, free in rows}


async def find_levels(db: AsyncConnection, variant_ids: Sequence[VariantId]) -> list[StockLevel]:
    """Return the levels of these variants, the oldest location first within a variant."""
    rows = await db.execute(
        select(stock_level)
        .where(stock_level.c.variant_id.in_(sorted(set(variant_ids))))
        .order_by(stock_level.c.variant_id, stock_level.c.location_id)
    )
    return [StockLevel(**row._mapping) for row in rows]


async def take(db: AsyncConnection, order_id: OrderId, plan: Sequence[Allocation]) -> bool:
    """Promise units to an order; False if a level had fewer than planned (the rows are locked)."""
    for part in plan:
        level = (stock_level.c.variant_id == part.variant_id) & (
            stock_level.c.location_id == part.location_id
        )
        changed = await db.execute(
            stock_level.update()
            .where(level, stock_level.c.on_hand - stock_level.c.allocated >= part.quantity)
            .values(allocated=stock_level.c.allocated + part.quantity)
        )
        if changed.rowcount != 1:
            return False
    await db.execute(
        stock_allocation.insert(),
        [
            {
                "order_id": order_id,
                "variant_id": part.variant_id,
                "location_id": part.location_id,
                "quantity": part.quantity,
            }
            for part in plan
        ],
    )
    return True


async def give_back(db: AsyncConnection, order_id: OrderId) -> list[Allocation]:
    """Free all that is promised to an order; returns what was, nothing the second time."""
    rows = await db.execute(
        stock_allocation.delete()
        .where(stock_allocation.c.order_id == order_id)
        .returning(
            stock_allocation.c.variant_id,
            stock_allocation.c.location_id,
            stock_allocation.c.quantity,
        )
    )
    freed = sorted(
        (Allocation(**row._mapping) for row in rows),
        key=lambda part: (part.variant_id, part.location_id),
    )
    for part in freed:
        await db.execute(
            stock_level.update()
            .where(
                stock_level.c.variant_id == part.variant_id,
                stock_level.c.location_id == part.location_id,
            )
            .values(allocated=stock_level.c.allocated - part.quantity)
        )
    return freed


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
    # Sorted, for the same reason as in lock_levels.
    ordered = sorted(changes, key=lambda change: change.variant_id)
    keys = [{"variant_id": c.variant_id, "location_id": location_id} for c in ordered]
    levels = insert(db, stock_level).values([key | {"on_hand": 0, "allocated": 0} for key in keys])
    await db.execute(levels.on_conflict_do_nothing())
    await db.execute(
        stock_level.update()
        .where(
            stock_level.c.variant_id == bindparam("of_variant"),
            stock_level.c.location_id == location_id,
        )
        .values(on_hand=stock_level.c.on_hand + bindparam("delta")),
        [{"of_variant": change.variant_id, "delta": change.quantity} for change in ordered],
    )
    await db.execute(
        stock_movement.insert(),
        [
            key
            | {
                "id": StockMovementId(new_id()),
                "delta": change.quantity,
                "reason": reason,
                "reference": reference,
                "moved_at": now,
            }
            for key, change in zip(keys, ordered, strict=True)
        ],
    )
