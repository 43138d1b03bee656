"""SQL of tax."""

from datetime import datetime

import msgspec
from sqlalchemy import select

from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.editing import upserted
from koipond.kernel.ids import TaxRateId
from koipond.tax.tables import tax_category, tax_rate
from koipond.tax.types import TaxCategory, TaxRate

_RATE = [tax_rate.c[name] for name in TaxRate.__struct_fields__]


async def take_turns(db: AsyncConnection, category: str) -> None:
    """Have whoever sets another rate of a category wait until this transaction ends."""
    key = tax_category.c.code
    await db.execute(select(key).where(key == category).with_for_update(key_share=True))


async def find_categories(db: AsyncConnection) -> dict[str, TaxCategory]:
    """Return {code: category}, in the order of their codes."""
    rows = await db.execute(select(tax_category).order_by(tax_category.c.code))
    return {row.code: TaxCategory(**row._mapping) for row in rows}


async def save_category(db: AsyncConnection, told: TaxCategory) -> None:
    """Store a category, new or known."""
    made = insert(db, tax_category).values(msgspec.structs.asdict(told))
    await db.execute(
        made.on_conflict_do_update(
            index_elements=["code"], set_=upserted(tax_category, made, "name")
        )
    )


async def find_rates(db: AsyncConnection) -> tuple[TaxRate, ...]:
    """Return every rate, over or not, by zone, category and beginning."""
    rows = await db.execute(
        select(*_RATE).order_by(tax_rate.c.zone_code, tax_rate.c.category_code, tax_rate.c.id)
    )
    return tuple(TaxRate(**row._mapping) for row in rows)


async def add_rate(db: AsyncConnection, new: TaxRate) -> None:
    """Store a new rate."""
    await db.execute(tax_rate.insert().values(msgspec.structs.asdict(new)))


async def end_rate(db: AsyncConnection, key: TaxRateId, ends_at: datetime) -> None:
    """Store when a rate ends."""
    await db.execute(tax_rate.update().where(tax_rate.c.id == key).values(ends_at=ends_at))


async def remove_rate(db: AsyncConnection, key: TaxRateId) -> None:
    """Take out a rate."""
    await db.execute(tax_rate.delete().where(tax_rate.c.id == key))
