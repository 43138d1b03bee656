"""SQL of what becomes a member's when they log in."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import MemberId, OrderId
from koipond.member.types import Contact
from koipond.order.tables import cart, order
from koipond.order.types import CheckoutDetails


async def claim_cart(
    db: AsyncConnection, token_hash: str, member_id: MemberId, *, now: datetime
) -> None:
    """Store that a cart which is nobody's yet is a member's."""
    await db.execute(
        cart.update()
        .where(
            cart.c.token_hash == token_hash, cart.c.member_id.is_(None), cart.c.placed.is_(False)
        )
        .values(member_id=member_id, updated_at=now)
    )


async def lock_contacts(db: AsyncConnection, member_id: MemberId) -> dict[OrderId, Contact | None]:
    """Lock somebody's orders; returns {order: its contact}."""
    rows = await db.execute(
        select(order.c.id, order.c.details)
        .where(order.c.member_id == member_id)
        .order_by(order.c.id)
        .with_for_update(key_share=True)
    )
    return {OrderId(row.id): msgspec.convert(row.details, CheckoutDetails).contact for row in rows}


async def give_orders(
    db: AsyncConnection, keys: Collection[OrderId], member_id: MemberId, *, now: datetime
) -> None:
    """Store whose orders these are now; they are locked."""
    if keys:
        await db.execute(
            order.update()
            .where(order.c.id.in_(sorted(keys)))
            .values(member_id=member_id, updated_at=now)
        )
