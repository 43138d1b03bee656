"""SQL of carts that staff put together for somebody."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import ChannelId, MemberId, OrderId
from koipond.kernel.pages import Page, Slice, cut
from koipond.order.repository.orders import read_cart
from koipond.order.tables import cart, order_draft
from koipond.order.types import Draft

_d = order_draft.c
_DRAFT = select(cart, _d.note, _d.made_by, _d.created_at.label("drafted_at"), _d.version).join(
    order_draft, _d.id == cart.c.id
)


async def add_draft(db: AsyncConnection, new: Draft) -> None:
    """Store that a cart, which is stored, is a draft, and whose it is."""
    await db.execute(
        order_draft.insert().values(
            id=new.id, note=new.note, made_by=new.made_by, created_at=new.created_at
        )
    )
    await give_cart(db, new.id, new.member_id)


async def give_cart(db: AsyncConnection, key: OrderId, member_id: MemberId | None) -> None:
    """Store whose a cart is."""
    await db.execute(cart.update().where(cart.c.id == key).values(member_id=member_id))


async def save_draft(db: AsyncConnection, changed: Draft) -> None:
    """Store what is said of a draft that is locked, whose cart is stored by itself."""
    await db.execute(order_draft.update().where(_d.id == changed.id).values(note=changed.note))


async def find_draft(db: AsyncConnection, key: OrderId, *, lock: bool = False) -> Draft | None:
    """Return a draft, placed or not; its cart locked, if so asked."""
    if lock:
        await db.execute(select(cart.c.id).where(cart.c.id == key).with_for_update(key_share=True))
    row = (await db.execute(_DRAFT.where(cart.c.id == key))).one_or_none()
    return None if row is None else _draft(row)


async def find_drafts(
    db: AsyncConnection, page: Page, *, reach: Collection[ChannelId] | None
) -> Slice[Draft]:
    """Return a page of the drafts that are not placed, the newest first. reach: None: all."""
    wanted = _DRAFT.where(cart.c.placed.is_(False)).order_by(cart.c.id.desc())
    if reach is not None:
        wanted = wanted.where(cart.c.channel_id.in_(sorted(reach)))
    if page.after is not None:
        wanted = wanted.where(cart.c.id < page.after[0])
    rows = [_draft(row) for row in await db.execute(wanted.limit(page.first + 1))]
    return cut(rows, [(str(one.id),) for one in rows], page)


async def remove_draft(db: AsyncConnection, key: OrderId) -> None:
    """Remove a draft that is locked and not placed, with its cart."""
    await db.execute(order_draft.delete().where(_d.id == key))
    await db.execute(cart.delete().where(cart.c.id == key))


def _draft(row: Any) -> Draft:
    return Draft(
        cart=read_cart(row),
        member_id=row.member_id,
        note=row.note,
        made_by=row.made_by,
        created_at=row.drafted_at,
        version=row.version,
    )
