"""SQL of which orders carry which promotions, joined with core's views of orders."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Select, and_, bindparam, exists, func, select

from koipond_promotions.tables import promotions_coupon, promotions_promotion, promotions_use
from koipond_promotions.types import PLUGIN, PromotionId, SeenUse, Standing, Use
from koipond_sdk import MemberId, OrderId, Page, Slice, cut
from koipond_sdk.db import AsyncConnection
from koipond_sdk.views import order, order_adjustment

_u = promotions_use.c
_COLUMNS = [_u[name] for name in Use.__struct_fields__]
_OFF = ("cancelled", "expired")
_MISFITS = 20


async def add(db: AsyncConnection, new: Sequence[Use]) -> None:
    """Store the uses of an order."""
    await db.execute(promotions_use.insert().values([msgspec.structs.asdict(one) for one in new]))


async def count_orders(db: AsyncConnection, member_id: MemberId) -> int:
    """Return how many orders a member has that stand."""
    count = await db.execute(
        select(func.count())
        .select_from(order)
        .where(order.c.member_id == member_id, order.c.state.not_in(_OFF))
    )
    return int(count.scalar_one())


async def find_page(db: AsyncConnection, promotion_id: PromotionId, page: Page) -> Slice[SeenUse]:
    """Return one page of the uses of a promotion, the newest first."""
    joined = promotions_use.join(order, order.c.id == _u.order_id).outerjoin(
        promotions_coupon, promotions_coupon.c.id == _u.coupon_id
    )
    statement = (
        select(*_COLUMNS, order.c.number, order.c.state, promotions_coupon.c.code)
        .select_from(joined)
        .where(_u.promotion_id == promotion_id)
    )
    if page.after is not None:
        statement = statement.where(_u.order_id < msgspec.convert(page.after[0], UUID))
    rows = await db.execute(statement.order_by(_u.order_id.desc()).limit(page.first + 1))
    found = [_seen(dict(row)) for row in rows.mappings()]
    return cut(found, [(one.use.order_id.hex,) for one in found], page)


_BY_BUYER = (
    select(
        _u.promotion_id,
        _u.subject_id,
        func.count().label("uses"),
        func.sum(_u.off_minor).label("off_minor"),
    )
    .select_from(promotions_use.join(order, order.c.id == _u.order_id))
    .where(order.c.state.not_in(_OFF))
    .group_by(_u.promotion_id, _u.subject_id)
)


def _standing(by_buyer: Select[Any]) -> Select[Any]:
    b = by_buyer.subquery().c
    return select(
        b.promotion_id, func.sum(b.uses), func.sum(b.off_minor), func.max(b.uses)
    ).group_by(b.promotion_id)


_STANDING = _standing(_BY_BUYER)
_STANDING_OF = _standing(_BY_BUYER.where(_u.promotion_id.in_(bindparam("keys", expanding=True))))


async def sum_standing(
    db: AsyncConnection, keys: Collection[PromotionId] | None = None
) -> dict[PromotionId, Standing]:
    """Return {promotion: what orders that stand have of it}, of these or of all."""
    if keys is None:
        rows = await db.execute(_STANDING)
    else:
        rows = await db.execute(_STANDING_OF, {"keys": sorted(keys)})
    return {
        PromotionId(key): Standing(uses=int(uses), off_minor=int(off), most=int(most))
        for key, uses, off, most in rows
    }


_ORPHANS = (
    select(_u.order_id, _u.promotion_id)
    .where(
        ~exists().where(order.c.id == _u.order_id)
        | ~exists().where(promotions_promotion.c.id == _u.promotion_id)
        | and_(
            _u.coupon_id.is_not(None),
            ~exists().where(promotions_coupon.c.id == _u.coupon_id),
        )
    )
    .limit(_MISFITS)
)


async def find_orphans(db: AsyncConnection) -> list[tuple[OrderId, PromotionId]]:
    """Return some uses whose order or promotion there is not."""
    rows = await db.execute(_ORPHANS)
    return [(OrderId(order_id), PromotionId(key)) for order_id, key in rows]


_a = order_adjustment.c
_BARE = (
    select(_u.order_id, _u.promotion_id)
    .where(~exists().where(_a.order_id == _u.order_id, _a.origin == PLUGIN))
    .limit(_MISFITS)
)


async def find_bare(db: AsyncConnection) -> list[tuple[OrderId, PromotionId]]:
    """Return some uses whose order has no adjustment of this plugin: it does not carry them."""
    rows = await db.execute(_BARE)
    return [(OrderId(order_id), PromotionId(key)) for order_id, key in rows]


def _seen(row: dict[str, Any]) -> SeenUse:
    number, state, code = row.pop("number"), row.pop("state"), row.pop("code")
    return SeenUse(use=Use(**row), number=number, order_state=state, code=code)
