"""SQL of orders whose buyer turned out to be somebody else."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import MemberId, OrderId
from koipond.order.tables import cart, order


async def move_orders(db: AsyncConnection, source: MemberId, target: MemberId) -> dict[str, str]:
    """Store another buyer of all of a member's orders; returns {order: whom limits counted}."""
    own = select(order.c.id, order.c.subject_id).where(order.c.member_id == source)
    rows = await db.execute(own.order_by(order.c.id).with_for_update(key_share=True))
    subjects = {str(row.id): str(row.subject_id) for row in rows}
    await db.execute(
        order.update()
        .where(order.c.member_id == source)
        .values(member_id=target, subject_id=target)
    )
    return subjects


async def move_orders_back(
    db: AsyncConnection, source: MemberId, target: MemberId, subjects: Mapping[str, str]
) -> None:
    """Store these orders as those of whom they were before."""
    for key, subject in sorted(subjects.items()):
        await db.execute(
            order.update()
            .where(order.c.id == UUID(key), order.c.member_id == source)
            .values(member_id=target, subject_id=UUID(subject))
        )


async def move_carts(
    db: AsyncConnection, source: MemberId, target: MemberId, only: Collection[str] | None = None
) -> list[str]:
    """Store a member's carts as another's. only: these. Returns their keys."""
    moved = cart.update().where(cart.c.member_id == source).values(member_id=target)
    if only is not None:
        moved = moved.where(cart.c.id.in_(sorted(UUID(one) for one in only)))
    rows = await db.execute(moved.returning(cart.c.id))
    return [str(one) for one in rows.scalars()]


async def find_strays(
    db: AsyncConnection, aliases: Mapping[MemberId, MemberId]
) -> list[tuple[OrderId, MemberId]]:
    """Return [(order, merged member)] of orders whose buyer became somebody else."""
    rows = await db.execute(
        select(order.c.id, order.c.member_id)
        .where(order.c.member_id.in_(sorted(aliases)))
        .order_by(order.c.id)
    )
    return [(OrderId(row.id), MemberId(row.member_id)) for row in rows]
