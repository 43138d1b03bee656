"""What must always hold of promotions."""

from __future__ import annotations

from koipond_promotions import rules
from koipond_promotions.repository import promotions as repository
from koipond_promotions.repository import uses as use_repository
from koipond_sdk import Context, Finding
from koipond_sdk.services import quotas


async def audit(ctx: Context) -> list[Finding]:
    """Return what is wrong: I9, beside what core holds of every quota."""
    async with ctx.reading() as db:
        published = await repository.find_published(db)
        standing = await use_repository.sum_standing(db)
        orphans = await use_repository.find_orphans(db)
        bare = await use_repository.find_bare(db)
    wanted = [spec.id for one in published for spec in rules.quotas_of(one)]
    found = await quotas.find_quotas(ctx, wanted)
    return rules.find_wrong(published, standing, found, [*orphans, *bare])
