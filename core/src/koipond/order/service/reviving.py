"""The use-case of money that came late: the order is confirmed if all of it can be had again."""

from collections.abc import Sequence

from koipond.catalog import service as catalog
from koipond.channel import service as channel
from koipond.kernel.context import Context, transaction
from koipond.kernel.faults import crash_point
from koipond.kernel.ids import OrderId, OwnerId
from koipond.order import repository, rules
from koipond.order.service.covering import LATE, confirm, find_standing, is_covered
from koipond.order.service.reading import find_any_order
from koipond.order.types import Order, OrderState, ReviveOrder
from koipond.payment import service as payment
from koipond.payment.types import RefundReason
from koipond.quota import service as quota
from koipond.quota.errors import (
    AlreadyPlaced,
    LimitReached,
    QuotaClosed,
    QuotaNotStarted,
    QuotaShort,
    QuotaUnknown,
)
from koipond.quota.types import Claim
from koipond.stock import service as stock
from koipond.stock.errors import InsufficientStock
from koipond.stock.types import Demand

# Not all of it can be had again.
_GONE = (InsufficientStock, QuotaShort, LimitReached, QuotaUnknown, QuotaNotStarted, QuotaClosed)


async def revive_order(ctx: Context, job: ReviveOrder) -> None:
    """Confirm an expired order that was paid late, or give its money back; in no transaction."""
    order = await find_any_order(ctx, order_id=job.order_id)
    if order is None or order.state is not OrderState.EXPIRED:
        return
    claims: Sequence[Claim] | None = None
    demands = await _find_demands(ctx, order)
    try:
        if demands is not None:
            others = await _find_others(ctx, order)
            claims = await stock.reserve(ctx, order.id, demands, others=others, part=LATE)
    except _GONE:
        pass
    except AlreadyPlaced:
        return
    crash_point("order.reserved_again")
    if claims is None:
        await _give_back(ctx, order.id)
        await payment.settle_voids(ctx, order.id)
        await payment.settle_refunds(ctx, order.id)
    else:
        await _confirm(ctx, order.id, claims)


@transaction
async def _confirm(ctx: Context, order_id: OrderId, claims: Sequence[Claim]) -> None:
    await payment.lock_payments(ctx, order_id)
    order = await repository.lock(ctx.db, order_id)
    payments = await find_standing(ctx, order)
    if order.state is OrderState.EXPIRED and is_covered(order, payments):
        await confirm(ctx, order, payments, late=claims)


@transaction
async def _give_back(ctx: Context, order_id: OrderId) -> None:
    await payment.lock_payments(ctx, order_id)
    order = await repository.lock(ctx.db, order_id)
    if order.state is OrderState.EXPIRED:
        await payment.owe_refund(ctx, order_id, reason=RefundReason.LATE)


async def _find_demands(ctx: Context, order: Order) -> list[Demand] | None:
    """Return what the order wants of the stock; None if something of it is not sold any more."""
    channels = {one.id: one.code for one in await channel.find_channels(ctx)}
    scope = await channel.choose_scope(
        ctx, code=channels[order.channel_id], currency=order.total.currency
    )
    keys = [line.variant_id for line in order.lines]
    sellables = await catalog.find_sellables(ctx.at(scope), keys)
    if any(key not in sellables for key in keys):
        return None
    wanted = [line.activity_id for line in order.lines if line.activity_id is not None]
    return rules.find_demands(
        order.lines, sellables, await catalog.find_activities_by_ids(ctx, wanted)
    )


async def _find_others(ctx: Context, order: Order) -> list[Claim]:
    """Return what the order had beside the stock when it was placed: it wants the very same."""
    had = [one for one in await quota.find_reservations(ctx, OwnerId(order.id)) if one.part == 0]
    levels = await stock.find_level_quotas(ctx, [line.variant_id for line in order.lines])
    return [
        Claim(
            quota_id=one.quota_id,
            subject_id=one.subject_id,
            quantity=one.quantity,
            release=one.release,
        )
        for one in had
        if one.quota_id not in levels
    ]
