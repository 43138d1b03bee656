"""SQL of price lists: base prices, and the rules beside them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Uuid, and_, bindparam, case, or_, select

from koipond.catalog.tables import price, price_list, price_rule
from koipond.catalog.types import BasePrice, ListPrice, PriceRule, PriceTier
from koipond.kernel.db import AsyncConnection, Instant, insert
from koipond.kernel.editing import upserted
from koipond.kernel.ids import ChannelId, PriceListId, PriceRuleId, VariantId, new_id
from koipond.kernel.money import Currency
from koipond.kernel.parts import Parts

_FIELDS = PriceRule.__struct_fields__
_RULE = [price_rule.c[name] for name in _FIELDS]


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
            set_=upserted(price, statement, "amount_minor"),
        )
    )


async def find_price_list(
    db: AsyncConnection, channel_id: ChannelId, currency: Currency
) -> PriceListId | None:
    """Return the price list of a channel and currency, None if there is none yet."""
    rows = await db.execute(
        select(price_list.c.id).where(
            price_list.c.channel_id == channel_id, price_list.c.currency == currency
        )
    )
    found: PriceListId | None = rows.scalar_one_or_none()
    return found


async def find_base_prices(
    db: AsyncConnection, price_list_id: PriceListId, variant_ids: Sequence[VariantId]
) -> dict[VariantId, int]:
    """Return {variant: its base price} of those that have one in a list."""
    rows = await db.execute(
        select(price.c.variant_id, price.c.amount_minor).where(
            price.c.price_list_id == price_list_id, price.c.variant_id.in_(variant_ids)
        )
    )
    return {VariantId(row.variant_id): row.amount_minor for row in rows}


async def lock_price(
    db: AsyncConnection, price_list_id: PriceListId, variant_id: VariantId
) -> tuple[int, int] | None:
    """Return what a variant costs in a list and the price's version; None: it has none there.

    Whoever else sets a price of that list, also a first one, waits until the transaction ends.
    """
    await db.execute(
        select(price_list.c.id)
        .where(price_list.c.id == price_list_id)
        .with_for_update(key_share=True)
    )
    rows = await db.execute(
        select(price.c.amount_minor, price.c.version)
        .where(price.c.price_list_id == price_list_id, price.c.variant_id == variant_id)
        .with_for_update(key_share=True)
    )
    row = rows.one_or_none()
    return None if row is None else (row.amount_minor, row.version)


async def find_every_price(
    db: AsyncConnection, variant_ids: Sequence[VariantId]
) -> list[tuple[VariantId, BasePrice]]:
    """Return the base prices of variants in all lists, with the version of each."""
    rows = await db.execute(
        select(
            price.c.variant_id,
            price_list.c.channel_id,
            price_list.c.currency,
            price.c.amount_minor,
            price.c.version,
        )
        .join(price_list, price_list.c.id == price.c.price_list_id)
        .where(price.c.variant_id.in_(variant_ids))
        .order_by(price_list.c.id)
    )
    return [(key, BasePrice(*values)) for key, *values in rows]


async def lock_rule(db: AsyncConnection, key: PriceRuleId) -> PriceRule | None:
    """Return a rule, locked against who changes it, too."""
    wanted = select(*_RULE).where(price_rule.c.id == key)
    row = (await db.execute(wanted.with_for_update(key_share=True))).one_or_none()
    return None if row is None else PriceRule(**row._mapping)


async def set_prices(
    db: AsyncConnection, price_list_id: PriceListId, amounts: Mapping[VariantId, int]
) -> None:
    """Set what variants cost in a price list, in one order of rows for all who do so at once."""
    if not amounts:
        return
    made = insert(db, price)
    await db.execute(
        made.on_conflict_do_update(
            index_elements=["price_list_id", "variant_id"],
            set_=upserted(price, made, "amount_minor"),
        ),
        [
            {"price_list_id": price_list_id, "variant_id": key, "amount_minor": amount}
            for key, amount in sorted(amounts.items())
        ],
    )


async def lock_base(
    db: AsyncConnection, channel_id: ChannelId, currency: Currency, variant_id: VariantId
) -> PriceListId | None:
    """Lock a variant's base price and return its list; None if it has none there."""
    rows = await db.execute(
        select(price.c.price_list_id)
        .join(price_list, price_list.c.id == price.c.price_list_id)
        .where(
            price_list.c.channel_id == channel_id,
            price_list.c.currency == currency,
            price.c.variant_id == variant_id,
        )
        .with_for_update(key_share=True, of=price)
    )
    found: PriceListId | None = rows.scalar_one_or_none()
    return found


async def find_prices(
    db: AsyncConnection,
    variant_ids: Sequence[VariantId],
    *,
    channel_id: ChannelId,
    currency: Currency,
    now: datetime,
) -> dict[VariantId, ListPrice]:
    """Return {variant: what it costs by the list now} of those that have a price there."""
    asked = {
        "variants": list(variant_ids),
        "channel": channel_id,
        "currency": currency,
        "now": now,
    }
    rows = await db.execute(_PRICES, asked)
    return {row.variant_id: read_price(row.amount_minor, row.tiers) for row in rows}


def read_price(base_minor: int, tiers: str | None) -> ListPrice:
    """Return what a base price and the column TIERS beside it come to."""
    if tiers is None:
        return ListPrice(list_minor=base_minor)
    found = _TIERS.read(tiers)
    for_all = [one for one in found if one.from_quantity == 1 and one.group_code is None]
    return ListPrice(
        list_minor=for_all[0].amount_minor if for_all else base_minor,
        tiers=tuple(one for one in found if one not in for_all),
    )


async def find_rules(
    db: AsyncConnection, variant_ids: Sequence[VariantId]
) -> list[tuple[PriceRule, ChannelId]]:
    """Return the rules of variants, over or not, each with the channel of its list."""
    rows = await db.execute(
        select(*_RULE, price_list.c.channel_id)
        .join(price_list, price_list.c.id == price_rule.c.price_list_id)
        .where(price_rule.c.variant_id.in_(variant_ids))
        .order_by(
            price_list.c.id,
            price_rule.c.from_quantity,
            price_rule.c.group_code,
            price_rule.c.id,
        )
    )
    return [
        (PriceRule(**dict(zip(_FIELDS, values, strict=True))), channel_id)
        for *values, channel_id in rows
    ]


async def save_rule(db: AsyncConnection, told: PriceRule) -> None:
    """Store a rule, new or known by its id."""
    made = insert(db, price_rule).values(msgspec.structs.asdict(told))
    changed = upserted(price_rule, made, "amount_minor")
    await db.execute(made.on_conflict_do_update(index_elements=["id"], set_=changed))


async def remove_rule(db: AsyncConnection, key: PriceRuleId) -> None:
    """Take out a rule."""
    await db.execute(price_rule.delete().where(price_rule.c.id == key))


_now = bindparam("now", type_=Instant)
_here = and_(
    price_list.c.channel_id == bindparam("channel", type_=Uuid),
    price_list.c.currency == bindparam("currency"),
)
# Of the rows of `price`: the base prices of the channel and currency that are asked for. Its list
# is looked up once; joined, PostgreSQL looks at the prices of all variants.
PRICED = price.c.price_list_id == select(price_list.c.id).where(_here).scalar_subquery()
_TIERS = Parts(price_rule, PriceTier, by="from_quantity")
_HOLDING = _TIERS.of(
    and_(
        price_rule.c.variant_id == price.c.variant_id,
        price_rule.c.price_list_id == price.c.price_list_id,
        or_(price_rule.c.starts_at.is_(None), price_rule.c.starts_at <= _now),
        or_(price_rule.c.ends_at.is_(None), price_rule.c.ends_at > _now),
    )
)
# Beside a row of `price`: the rules that hold now; `read_price` reads it. Where a shop has none, it
# is found out once, and not for each variant.
TIERS = case((select(price_rule.c.id).exists(), _HOLDING))
_PRICES = select(price.c.variant_id, price.c.amount_minor, TIERS.label("tiers")).where(
    PRICED, price.c.variant_id.in_(bindparam("variants", expanding=True))
)
