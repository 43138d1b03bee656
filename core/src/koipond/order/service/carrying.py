"""Use-cases of orders whose buyer turned out to be somebody else: two members became one."""

from collections.abc import Collection, Mapping

from msgspec.structs import replace

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import MemberId, OrderId, OwnerId, SubjectId
from koipond.kernel.jobs import enqueue
from koipond.order import repository
from koipond.order.types import CarryUnits, Order
from koipond.quota import service as quota


@transaction
async def absorb(ctx: Context, former: MemberId, keeper: MemberId) -> dict[str, str]:
    """Let a locked member's orders be another's; returns {order: whom limits counted it for}."""
    return await repository.move_orders(ctx.db, former, keeper)


@transaction
async def release(
    ctx: Context, former: MemberId, keeper: MemberId, subjects: Mapping[str, str]
) -> None:
    """Give the orders back that were another's; those placed since stay."""
    await repository.move_orders_back(ctx.db, keeper, former, subjects)


@transaction
async def absorb_carts(ctx: Context, former: MemberId, keeper: MemberId) -> list[str]:
    """Let a locked member's carts be another's; returns their keys."""
    return await repository.move_carts(ctx.db, former, keeper)


@transaction
async def release_carts(
    ctx: Context, former: MemberId, keeper: MemberId, keys: Collection[str]
) -> None:
    """Give the carts back that were another's."""
    await repository.move_carts(ctx.db, keeper, former, keys)


async def follow_buyer(ctx: Context, order: Order) -> Order:
    """Count an order for its buyer, who was merged while it was placed; its units follow soon.

    They were reserved for whom the buyer was then, and only what locks quotas may change that.
    """
    was, buyer = ctx.viewer.member_id, order.member_id
    if was is None or buyer is None or buyer == was:
        return order
    await enqueue(ctx, CarryUnits(order_id=order.id, former_id=was, member_id=buyer))
    return replace(order, subject=SubjectId(buyer))


async def carry_units(ctx: Context, job: CarryUnits) -> None:
    """Let an order's units count for its buyer; again, there is nothing to carry."""
    await quota.merge_subjects(
        ctx, SubjectId(job.former_id), SubjectId(job.member_id), owners=[OwnerId(job.order_id)]
    )


async def find_strays(
    ctx: Context, aliases: Mapping[MemberId, MemberId]
) -> list[tuple[OrderId, MemberId]]:
    """Return [(order, merged member)] of orders whose buyer became somebody else."""
    if not aliases:
        return []
    async with ctx.reading() as db:
        return await repository.find_strays(db, aliases)
