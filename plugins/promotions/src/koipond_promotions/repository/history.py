"""SQL that reads what was bought, for dry runs: core's views and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from koipond_promotions.types import PastLine, PastOrder
from koipond_sdk import (
    ChannelId,
    Currency,
    MemberId,
    OrderId,
    OrderLineId,
    ProductId,
    VariantId,
)
from koipond_sdk.db import AsyncConnection
from koipond_sdk.hooks import Stage
from koipond_sdk.views import order, order_adjustment, order_line

_OFF = ("cancelled", "expired")
# No driver takes more than some ten thousand values in one statement.
_AT_ONCE = 1_000


async def find_past(
    db: AsyncConnection,
    *,
    channel_id: ChannelId,
    currency: Currency,
    since: datetime,
    most: int,
) -> list[PastOrder]:
    """Return the newest orders of a channel that stand, in the order in which they were placed."""
    o = order.c
    rows = await db.execute(
        select(o.id, o.member_id, o.placed_at)
        .where(o.channel_id == channel_id, o.currency == currency, o.placed_at >= since)
        .where(o.state.not_in(_OFF))
        .order_by(o.placed_at.desc(), o.id)
        .limit(most)
    )
    found = list(rows)
    keys = [OrderId(row.id) for row in found]
    lines, stages = await _find_lines(db, keys), await _find_stages(db, keys)
    firsts = await _find_firsts(db, {MemberId(row.member_id) for row in found})
    return [
        _past(row, lines[row.id], stages[row.id], firsts[MemberId(row.member_id)])
        for row in reversed(found)
    ]


async def _find_lines(db: AsyncConnection, keys: list[OrderId]) -> dict[OrderId, list[Any]]:
    lines: dict[OrderId, list[Any]] = defaultdict(list)
    for start in range(0, len(keys), _AT_ONCE):
        rows = await db.execute(
            select(order_line)
            .where(order_line.c.order_id.in_(keys[start : start + _AT_ONCE]))
            .order_by(order_line.c.order_id, order_line.c.position)
        )
        for row in rows:
            lines[OrderId(row.order_id)].append(row)
    return lines


async def _find_stages(
    db: AsyncConnection, keys: list[OrderId]
) -> dict[OrderId, list[tuple[OrderLineId | None, str, int]]]:
    """Return {order: [(line, stage, amount)]} of what activities changed and shipping cost."""
    stages: dict[OrderId, list[tuple[OrderLineId | None, str, int]]] = defaultdict(list)
    a = order_adjustment.c
    for start in range(0, len(keys), _AT_ONCE):
        rows = await db.execute(
            select(a.order_id, a.line_id, a.stage, a.amount_minor)
            .where(a.order_id.in_(keys[start : start + _AT_ONCE]))
            .where(a.stage.in_([Stage.ACTIVITY, Stage.SHIPPING]))
        )
        for row in rows:
            stages[row.order_id].append((row.line_id, row.stage, row.amount_minor))
    return stages


async def _find_firsts(db: AsyncConnection, keys: Collection[MemberId]) -> dict[MemberId, datetime]:
    """Return {member: when the first of their orders that stand was placed}."""
    wanted = sorted(keys)
    firsts: dict[MemberId, datetime] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        rows = await db.execute(
            select(order.c.member_id, func.min(order.c.placed_at).label("first"))
            .where(order.c.member_id.in_(wanted[start : start + _AT_ONCE]))
            .where(order.c.state.not_in(_OFF))
            .group_by(order.c.member_id)
        )
        firsts |= {MemberId(row.member_id): row.first for row in rows}
    return firsts


def _past(
    row: Any,
    lines: list[Any],
    stages: list[tuple[OrderLineId | None, str, int]],
    first: datetime,
) -> PastOrder:
    by_activity = {key for key, stage, _ in stages if stage == Stage.ACTIVITY}
    return PastOrder(
        id=OrderId(row.id),
        member_id=MemberId(row.member_id),
        placed_at=row.placed_at,
        # What was given is in no order again for having been given once.
        lines=tuple(_line(line, by_activity) for line in lines if line.total_minor > 0),
        shipping_minor=sum(amount for _, stage, amount in stages if stage == Stage.SHIPPING),
        is_first=row.placed_at <= first,
    )


def _line(row: Any, by_activity: Collection[OrderLineId | None]) -> PastLine:
    return PastLine(
        id=OrderLineId(row.id),
        variant_id=VariantId(row.variant_id),
        product_id=ProductId(row.product_id),
        quantity=row.quantity,
        unit_minor=row.unit_price_minor,
        by_activity=row.id in by_activity,
    )
