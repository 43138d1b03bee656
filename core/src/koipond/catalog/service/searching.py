"""Use-cases of search: keeping what products are found by up to date."""

from collections.abc import Callable, Sequence
from uuid import UUID

from koipond.catalog import repository, rules
from koipond.catalog.types import ProductDraft, Telling
from koipond.catalog.types.jobs import RefreshSearch
from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import ChannelId
from koipond.kernel.invariants import Finding
from koipond.kernel.money import Currency
from koipond.kernel.texts import Locale

_BATCH = 200
# Listings and prices, of whatever channel, stay as they are.
NOWHERE = Telling(locale=Locale("en"), channel_id=ChannelId(UUID(int=0)), currency=Currency("EUR"))
# Given how many products are done, and of how many.
Show = Callable[[int, int], None]


async def reindex(ctx: Context, *, every: bool, show: Show) -> int:
    """Make the search texts again of products whose own are missing or of another edition.

    every: of all products. Returns how many it were. After a stop, it goes on where it was, unless
    it is told to do all.
    """
    async with ctx.reading() as db:
        total = await repository.count_unsearchable(db, every=every)
    await _rebuild(ctx)
    done, last = 0, None
    while True:
        async with ctx.reading() as db:
            found = await repository.find_unsearchable(db, last, _BATCH, every=every)
        if not found:
            return done
        await _reindex(ctx, [slug for _, slug in found])
        done, last = done + len(found), found[-1][0]
        show(done, max(done, total))


async def refresh_search(ctx: Context, _job: RefreshSearch) -> None:
    """Make the search texts again of the products whose own are out of date."""
    await reindex(ctx, every=False, show=lambda _done, _total: None)


@transaction
async def _rebuild(ctx: Context) -> None:
    if await repository.count_unindexed(ctx.db):
        await repository.rebuild_index(ctx.db)


@transaction
async def _reindex(ctx: Context, slugs: Sequence[str]) -> None:
    await repository.take_turns(ctx.db)
    # Drafts that tell nothing: the shelf is all that they are about.
    drafts = [ProductDraft(slug=slug, name="", variants=()) for slug in slugs]
    before = await repository.load_shelf(ctx.db, drafts, NOWHERE)
    await repository.save_shelf(ctx.db, before, rules.search_anew(before), NOWHERE)


async def audit(ctx: Context) -> Sequence[Finding]:
    """Find products that are not found by what they are called."""
    async with ctx.reading() as db:
        products = await repository.count_unsearchable(db, every=False)
        rows = await repository.count_unindexed(db)
    problems = []
    if products:
        problems.append(f"{products} products have search texts that are missing or out of date")
    if rows:
        problems.append(f"{rows} rows differ between the search texts and the index over them")
    return [
        Finding(invariant="search", problem=problem, fix="Run: koi reindex") for problem in problems
    ]
