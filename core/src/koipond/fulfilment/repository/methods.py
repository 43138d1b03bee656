"""SQL of shipping methods."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec
from sqlalchemy import func, select

from koipond.fulfilment.tables import shipping_method, shipping_rate
from koipond.fulfilment.types import FulfilmentMethod, ShippingMethod, ShippingRate
from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.editing import upserted
from koipond.kernel.ids import ChannelId, ShippingMethodId, ShippingRateId, new_id

_m, _r = shipping_method.c, shipping_rate.c


async def find_methods(db: AsyncConnection) -> dict[ChannelId, tuple[ShippingMethod, ...]]:
    """Return {channel: its shipping methods in their order}."""
    rates: dict[ShippingMethodId, list[ShippingRate]] = defaultdict(list)
    columns = [_r[name] for name in ShippingRate.__struct_fields__]
    for method_id, *values in await db.execute(select(_r.method_id, *columns).order_by(_r.id)):
        told = dict(zip(ShippingRate.__struct_fields__, values, strict=True))
        rates[method_id].append(ShippingRate(**told))
    found: dict[ChannelId, list[ShippingMethod]] = defaultdict(list)
    for row in await db.execute(select(shipping_method).order_by(_m.position, _m.code)):
        found[row.channel_id].append(
            ShippingMethod(
                id=row.id,
                code=row.code,
                name=row.name,
                rates=tuple(rates[row.id]),
                method=FulfilmentMethod(row.method),
                version=row.version,
            )
        )
    return {key: tuple(methods) for key, methods in found.items()}


async def next_position(db: AsyncConnection, channel_id: ChannelId) -> int:
    """Return the place behind all methods of a channel."""
    last = select(func.max(_m.position)).where(_m.channel_id == channel_id)
    found: int | None = (await db.execute(last)).scalar_one()
    return 0 if found is None else found + 1


async def save_method(
    db: AsyncConnection, channel_id: ChannelId, told: ShippingMethod, *, position: int | None
) -> None:
    """Store a method, new or known by its id; its rates become exactly those that are told.

    position: None leaves a known one where it is.
    """
    made = insert(db, shipping_method).values(
        id=told.id,
        channel_id=channel_id,
        code=told.code,
        position=position or 0,
        name=dict(told.name),
        method=told.method,
    )
    kept = ("name", "method") if position is None else ("name", "method", "position")
    changed = upserted(shipping_method, made, *kept)
    await db.execute(made.on_conflict_do_update(index_elements=["id"], set_=changed))
    await db.execute(shipping_rate.delete().where(_r.method_id == told.id))
    await _add_rates(db, told.id, told.rates)


async def _add_rates(
    db: AsyncConnection, method_id: ShippingMethodId, rates: Sequence[ShippingRate]
) -> None:
    rows = [
        msgspec.structs.asdict(one) | {"id": ShippingRateId(new_id()), "method_id": method_id}
        for one in rates
    ]
    if rows:
        await db.execute(shipping_rate.insert(), rows)
