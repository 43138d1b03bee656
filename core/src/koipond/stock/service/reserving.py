"""Use-cases of units that orders hold."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from koipond.catalog.types import Variant
from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import (
    OrderId,
    OwnerId,
    QuotaId,
    SubjectId,
    VariantId,
)
from koipond.quota import service as quota
from koipond.quota.errors import CapacityTaken, QuotaShort
from koipond.quota.types import Claim, QuotaSpec
from koipond.stock import rules
from koipond.stock.errors import (
    InsufficientStock,
)
from koipond.stock.service.booking import pay_shortages
from koipond.stock.service.levels import count_free, find_level_rows, find_levels, told_at_most
from koipond.stock.types import (
    Allocation,
    Demand,
    GiveBackUnits,
    Level,
)

# How often an order looks again when others were faster at one of several locations.
_PLANS = 3


async def reserve(
    ctx: Context,
    order_id: OrderId,
    demands: Sequence[Demand],
    *,
    others: Sequence[Claim] = (),
    part: int = 0,
    known: Mapping[VariantId, Sequence[Level]] = MappingProxyType({}),
) -> list[Claim]:
    """Hold all that an order wants for a short while, or nothing; in no transaction.

    demands: one per tracked variant. others: what it wants beside the stock, on quotas that are no
    level's. known: what `asking_levels` told a moment ago. Returns the claims that `place` takes.
    The same ask again by the same order keeps what it has. Raises InsufficientStock, AlreadyPlaced,
    DeskBusy, and a quota's own refusal for one of `others`.
    """
    for attempt in range(1, _PLANS + 1):
        wanted = [demand.variant_id for demand in demands]
        if attempt == 1 and known.keys() >= set(wanted):
            levels = [level for key in wanted for level in known[key]]
        else:
            levels = await find_level_rows(ctx, wanted)
        plan = rules.plan_without_choice(demands, levels)
        has_choice = plan is None
        if plan is None:
            plan = await _plan_allocation(ctx, order_id, part, demands, levels)
        claims = [*rules.make_claims(plan, SubjectId(order_id)), *others]
        try:
            await quota.reserve(ctx, OwnerId(order_id), claims, part=part)
        except QuotaShort as error:
            if any(one.quota_id == error.quota for one in others):
                raise
            # Others were faster; perhaps another location has it.
            if attempt == _PLANS or not has_choice:
                raise rules.shortage_of(error, levels, demands, cap=told_at_most(ctx)) from error
        else:
            return claims
    raise AssertionError("unreachable: the last attempt returns or raises")


async def _plan_allocation(
    ctx: Context, order_id: OrderId, part: int, demands: Sequence[Demand], levels: Sequence[Level]
) -> list[Allocation]:
    counted = await count_free(ctx, levels)
    # Second: else what another try of this order takes in between is seen by neither.
    held = await _held_by(ctx, order_id, part)
    return rules.plan_allocation(
        demands,
        rules.with_held(counted, held),
        rules.STRATEGIES[ctx.settings.allocation_strategy],
        cap=told_at_most(ctx),
    )


@transaction
async def place(ctx: Context, order_id: OrderId, claims: Sequence[Claim], *, part: int = 0) -> None:
    """Tie what was reserved to its order; the transaction's last statement. Raises Lapsed."""
    await quota.place(ctx, OwnerId(order_id), claims, part=part)


@transaction
async def place_unread(ctx: Context, order_id: OrderId, claims: Sequence[Claim]) -> None:
    """Do as `place` does, with what the transaction has unsent; it raises Outdated for Lapsed."""
    await quota.place_unread(ctx, OwnerId(order_id), claims)


@transaction
async def consume(ctx: Context, order_id: OrderId) -> None:
    """Say that what an order placed is paid for."""
    await quota.consume(ctx, OwnerId(order_id))


@transaction
async def release(ctx: Context, order_id: OrderId) -> None:
    """Let go of all that an order has; a second time there is nothing. `give_back` frees it."""
    await quota.ask_release(ctx, OwnerId(order_id))


@transaction
async def drop(ctx: Context, order_id: OrderId, *, part: int) -> None:
    """Let go of what a part of an order holds and has not placed. `give_back` frees it."""
    await quota.drop(ctx, OwnerId(order_id), part=part)


async def give_back(ctx: Context) -> int:
    """Free what lapsed or was let go, then pay what counts found missing; in no transaction.

    Returns how many reservations it freed.
    """
    freed = 0
    while portion := await quota.give_back(ctx):
        freed += portion
    if freed:
        await pay_shortages(ctx)
    return freed


async def do_give_back(ctx: Context, job: GiveBackUnits) -> None:
    """Run `give_back` as the job that it is."""
    await give_back(ctx)


@transaction
async def set_apart(ctx: Context, variant: Variant, wanted: QuotaSpec, units: int) -> QuotaSpec:
    """Move free units of a variant into a quota of their own, made as `wanted` says.

    All from one location, the first by the strategy that has them: there they go back to when that
    quota is closed, or when they are let go after they were paid. Returns the quota as it was made.
    Raises InsufficientStock, with the most that any location has.
    """
    levels = await find_levels(ctx, [variant.id])
    demand = Demand(variant_id=variant.id, sku=variant.sku, quantity=units)
    strategy = rules.STRATEGIES[ctx.settings.allocation_strategy]
    source = rules.choose_whole(demand, strategy(demand, levels))
    made = msgspec.structs.replace(wanted, capacity=0, parent_id=source)
    await quota.create(ctx, [made])
    try:
        await quota.move_units(ctx, source, made.id, units)
    except CapacityTaken as error:
        left = max(error.capacity - error.taken, 0)
        raise InsufficientStock(sku=variant.sku, requested=units, available=left) from error
    return made


async def _held_by(ctx: Context, order_id: OrderId, part: int) -> dict[QuotaId, int]:
    rows = await quota.find_reservations(ctx, OwnerId(order_id))
    return {row.quota_id: row.quantity for row in rows if row.part == part and rules.stands(row)}
