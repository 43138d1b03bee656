"""SQL of coupon codes."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from koipond_promotions.repository.promotions import COLUMNS, to_promotion
from koipond_promotions.tables import promotions_coupon, promotions_promotion
from koipond_promotions.types import BatchId, Coupon, PromotionId, Unlocked
from koipond_sdk import MemberId, Page, Slice, cut
from koipond_sdk.db import AsyncConnection, insert
from koipond_sdk.views import member

_c = promotions_coupon.c
_COLUMNS = [_c[name] for name in Coupon.__struct_fields__]
_LABELLED = [column.label(f"coupon_{column.name}") for column in _COLUMNS]
# SQLite takes no more than so many values in one statement, of any version that is allowed.
_ROWS_AT_ONCE = 1_000


async def add(db: AsyncConnection, new: Sequence[Coupon]) -> int:
    """Store coupons; those whose code or source there is already are left. Returns how many."""
    added = 0
    for start in range(0, len(new), _ROWS_AT_ONCE):
        rows = [msgspec.structs.asdict(one) for one in new[start : start + _ROWS_AT_ONCE]]
        statement = insert(db, promotions_coupon).values(rows).on_conflict_do_nothing()
        done = await db.execute(statement.returning(_c.id))
        added += len(done.all())
    return added


async def find_unlocked(db: AsyncConnection, codes: Collection[str]) -> list[Unlocked]:
    """Return the coupons of codes and what they unlock: one read of the index for each code."""
    joined = promotions_coupon.join(
        promotions_promotion, promotions_promotion.c.id == _c.promotion_id
    )
    rows = await db.execute(
        select(*_LABELLED, *COLUMNS).select_from(joined).where(_c.code.in_(sorted(codes)))
    )
    return [_unlocked(dict(row)) for row in rows.mappings()]


async def find_by_codes(db: AsyncConnection, codes: Collection[str]) -> dict[str, Coupon]:
    """Return {code: coupon}."""
    rows = await db.execute(select(*_COLUMNS).where(_c.code.in_(sorted(codes))))
    return {row.code: Coupon(**row._mapping) for row in rows}


async def find_of_batch(db: AsyncConnection, batch_id: BatchId) -> list[Coupon]:
    """Return the coupons that were generated together, by code."""
    rows = await db.execute(select(*_COLUMNS).where(_c.batch_id == batch_id).order_by(_c.code))
    return [Coupon(**row._mapping) for row in rows]


async def find_of_members(
    db: AsyncConnection, member_ids: Collection[MemberId], *, most: int
) -> list[Unlocked]:
    """Return coupons that are these members' own, the newest first."""
    joined = promotions_coupon.join(
        promotions_promotion, promotions_promotion.c.id == _c.promotion_id
    )
    rows = await db.execute(
        select(*_LABELLED, *COLUMNS)
        .select_from(joined)
        .where(_c.member_id.in_(sorted(member_ids)))
        .order_by(_c.created_at.desc(), _c.id)
        .limit(most)
    )
    return [_unlocked(dict(row)) for row in rows.mappings()]


async def find_page(db: AsyncConnection, promotion_id: PromotionId, page: Page) -> Slice[Coupon]:
    """Return one page of a promotion's coupons."""
    statement = select(*_COLUMNS).where(_c.promotion_id == promotion_id)
    if page.after is not None:
        statement = statement.where(_c.id > msgspec.convert(page.after[0], UUID))
    rows = await db.execute(statement.order_by(_c.id).limit(page.first + 1))
    found = [Coupon(**row._mapping) for row in rows]
    return cut(found, [(one.id.hex,) for one in found], page)


async def find_members(db: AsyncConnection, keys: Collection[MemberId]) -> set[MemberId]:
    """Return those of these members that there are."""
    rows = await db.execute(select(member.c.id).where(member.c.id.in_(sorted(keys))))
    return {MemberId(key) for key in rows.scalars()}


def _unlocked(row: dict[str, Any]) -> Unlocked:
    own = {name: row.pop(f"coupon_{name}") for name in Coupon.__struct_fields__}
    return Unlocked(coupon=Coupon(**own), promotion=to_promotion(row))


async def move(db: AsyncConnection, source: MemberId, target: MemberId) -> list[UUID]:
    """Store a member's codes as another's; returns which."""
    changed = promotions_coupon.update().where(_c.member_id == source).values(member_id=target)
    return list((await db.execute(changed.returning(_c.id))).scalars())


async def move_back(
    db: AsyncConnection, source: MemberId, target: MemberId, keys: Collection[str]
) -> None:
    """Store these codes as those of whom they were before."""
    await db.execute(
        promotions_coupon.update()
        .where(_c.id.in_([UUID(key) for key in keys]), _c.member_id == source)
        .values(member_id=target)
    )
