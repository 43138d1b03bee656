"""Use-cases of an order's own rows, in the order's transaction; none of them waits for a quota."""

from collections.abc import Sequence

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import OwnerId, QuotaId
from koipond.quota import repository, rules
from koipond.quota.errors import Lapsed
from koipond.quota.types import Claim


@transaction
async def place(ctx: Context, owner: OwnerId, claims: Sequence[Claim], *, part: int = 0) -> None:
    """Tie what was reserved to its order, so that it does not lapse any more.

    Stores what the transaction has unsent with it, as its last statement: until the transaction
    ends, batches that change this owner's rows wait.
    claims: those that were reserved; what is held must be exactly these. A second time there is
    nothing held, so a repeat must be told from the first try before.
    Raises Lapsed; then reserve again, and place again.
    """
    repository.place(ctx.unsent, owner, part)
    placed = {row.quota_id: row.quantity for row in await ctx.store()}
    if placed != {claim.quota_id: claim.quantity for claim in claims}:
        raise Lapsed(owner=owner, claimed=len(claims), held=len(placed))


@transaction
async def place_unread(ctx: Context, owner: OwnerId, claims: Sequence[Claim]) -> None:
    """Do as `place` does, with what the transaction has unsent; it raises Outdated for Lapsed."""
    repository.place_unread(ctx.unsent, owner, 0, claims)


@transaction
async def consume(ctx: Context, owner: OwnerId) -> None:
    """Say, with what the transaction has unsent, that what an owner placed is paid for."""
    repository.consume(ctx.unsent, owner)


@transaction
async def ask_release(ctx: Context, owner: OwnerId) -> int:
    """Let go of all an owner has, each claim by its policy; returns how many reservations.

    The units are counted until the next `give_back`. A second time there is nothing to let go.
    """
    now = await ctx.clock.database_now(ctx.shop.database)
    return await repository.let_go(ctx.db, owner, now=now)


@transaction
async def drop(ctx: Context, owner: OwnerId, *, part: int) -> None:
    """Let go of what a part of an owner holds and has not placed, as if it had lapsed."""
    now = await ctx.clock.database_now(ctx.shop.database)
    await repository.drop(ctx.db, owner, part, now=now)


@transaction
async def return_part(ctx: Context, owner: OwnerId, quota: QuotaId, quantity: int) -> None:
    """Let go of `quantity` units, 1 or more, of what an owner has placed or consumed of a quota.

    Not idempotent: a repeat returns as many again. Raises UnitsNotHeld.
    """
    assert quantity > 0, "a return is of one unit or more"
    now = await ctx.clock.database_now(ctx.shop.database)
    rows = await repository.lock_rows(ctx.db, owner, quota)
    plan = rules.plan_return(rows, quota, quantity, now=now)
    await repository.store_return(ctx.db, plan, rows)
