"""Writes single prices."""

from sqlalchemy import select

from koipond.catalog.tables import price, price_list
from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.ids import ChannelId, PriceListId, VariantId, new_id
from koipond.kernel.money import Currency


async def ensure_price_list(
    db: AsyncConnection, channel_id: ChannelId, currency: Currency
) -> PriceListId:
    """Return the price list of a channel and currency; makes it if there is none."""
    made = insert(db, price_list).values(id=new_id(), channel_id=channel_id, currency=currency)
    await db.execute(made.on_conflict_do_nothing())
    key: PriceListId = (
        await db.execute(
            select(price_list.c.id).where(
                price_list.c.channel_id == channel_id, price_list.c.currency == currency
            )
        )
    ).scalar_one()
    return key


async def set_price(
    db: AsyncConnection, price_list_id: PriceListId, variant_id: VariantId, amount_minor: int
) -> None:
    """Set what a variant costs in a price list, whether it had a price there or not."""
    statement = insert(db, price).values(
        price_list_id=price_list_id, variant_id=variant_id, amount_minor=amount_minor
    )
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=["price_list_id", "variant_id"],
            set_={"amount_minor": statement.excluded.amount_minor},
        )
    )
