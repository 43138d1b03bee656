"""What can be read of quotas, without waiting for anybody."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select

from koipond.kernel.context import Context
from koipond.kernel.ids import OwnerId, QuotaId, SubjectId
from koipond.kernel.invariants import Finding
from koipond.kernel.prepared import Prepared
from koipond.quota import repository
from koipond.quota.types import Quota, Reservation


async def find_free(ctx: Context, quota_ids: Collection[QuotaId]) -> dict[QuotaId, int | None]:
    """Return {quota: units that can be had, None: no end to them}, 0 for closed ones.

    A moment later it may be less; only `reserve` decides. Unknown ones are left out.
    """
    quotas = await find_quotas(ctx, quota_ids)
    return {key: 0 if quota.closed else quota.free for key, quota in quotas.items()}


async def find_quotas(ctx: Context, quota_ids: Collection[QuotaId]) -> dict[QuotaId, Quota]:
    """Return {id: quota}, without those that there are none of."""
    async with ctx.reading() as db:
        return await repository.find_quotas(db, quota_ids)


def free_of(named: Select[Any]) -> Prepared:
    """Return a statement that reads what can be had of quotas, 0 of closed ones: `key`, `free`.

    named: a SELECT of keys and the quotas of each.
    """
    return repository.free_of(named)


async def find_taken(
    ctx: Context, subject: SubjectId, quota_ids: Collection[QuotaId]
) -> dict[QuotaId, int]:
    """Return {quota: units that a subject has of it, in all periods}, of those it has any of."""
    async with ctx.reading() as db:
        return await repository.find_taken(db, subject, quota_ids)


async def find_reservations(ctx: Context, owner: OwnerId) -> list[Reservation]:
    """Return all that an owner has or had, by quota and part."""
    async with ctx.reading() as db:
        return await repository.find_reservations(db, owner)


async def find_kept(
    ctx: Context, owners: Collection[OwnerId]
) -> list[tuple[OwnerId, QuotaId, int]]:
    """Return [(owner, quota, units)] of what these owners have placed or consumed."""
    async with ctx.reading() as db:
        return await repository.find_kept(db, owners)


async def find_holders(ctx: Context, quota: QuotaId) -> list[Reservation]:
    """Return what is taken of a quota, by owner: such as who sits in a team."""
    async with ctx.reading() as db:
        return await repository.find_holders(db, quota)


async def audit(ctx: Context) -> list[Finding]:
    """Return what is wrong: counters that are not the sum of their rows, limits passed.

    I1 and I9, for `kernel.invariants.run_audits`.
    """
    async with ctx.reading() as db:
        return [
            *await repository.find_drift(db),
            *await repository.find_invented(db),
            *await repository.find_unbalanced(db),
            *await repository.find_over_limit(db),
        ]
