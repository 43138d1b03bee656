"""SQL of shipping methods."""

from sqlalchemy import Uuid, bindparam, select

from koipond.fulfilment.tables import shipping_method
from koipond.fulfilment.types import ShippingMethod
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import ChannelId
from koipond.kernel.prepared import Prepared


async def find_methods(db: AsyncConnection, channel_id: ChannelId) -> list[ShippingMethod]:
    """Return the shipping methods of a channel in their order."""
    rows = await _METHODS.rows(db, {"channel": channel_id})
    return [ShippingMethod(**row._asdict()) for row in rows]


async def add_method(
    db: AsyncConnection, channel_id: ChannelId, new: ShippingMethod, *, position: int
) -> None:
    """Store a shipping method of a channel."""
    await db.execute(
        shipping_method.insert().values(
            id=new.id,
            channel_id=channel_id,
            code=new.code,
            position=position,
            name=dict(new.name),
            prices=dict(new.prices),
        )
    )


_m = shipping_method.c
_METHODS = Prepared(
    select(_m.id, _m.code, _m.name, _m.prices)
    .where(_m.channel_id == bindparam("channel", type_=Uuid))
    .order_by(_m.position)
)
