"""Use-cases of tax."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from koipond.channel import service as channel
from koipond.channel.types import RATES, Place
from koipond.kernel.context import Context, transaction
from koipond.kernel.editions import Kept, count_up
from koipond.kernel.errors import check_version
from koipond.kernel.ids import TaxRateId, encode, new_id
from koipond.pricing.types import TaxTable
from koipond.tax import repository, rules
from koipond.tax.errors import TaxCategoryUnknown, TaxRateInvalid, TaxRateUnknown
from koipond.tax.types import TaxCategory, TaxRate, TaxRateDraft, TaxRules


async def _read(ctx: Context) -> TaxRules:
    async with ctx.reading() as db:
        categories = await repository.find_categories(db)
        rates = await repository.find_rates(db)
    return TaxRules(zones=await channel.find_zones(ctx), categories=categories, rates=rates)


_NONE = TaxRules(zones={}, categories={}, rates=())
_RULES: Kept[TaxRules] = Kept(RATES, read=_read, empty=_NONE)


async def find_table(ctx: Context, place: Place) -> TaxTable | None:
    """Return what is taxed how at a place now; None where nothing is.

    Costs no SQL while nothing was changed, see kernel/editions.py.
    """
    found = await _RULES.find(ctx)
    return rules.make_table(
        found,
        place,
        ctx.clock.now(),
        included=ctx.scope.prices_include_tax,
        locales=ctx.scope.locales,
    )


async def find_categories(ctx: Context) -> Mapping[str, TaxCategory]:
    """Return {code: category}, by their codes."""
    async with ctx.reading() as db:
        return await repository.find_categories(db)


async def check_category(ctx: Context, code: str) -> None:
    """Raise TaxCategoryUnknown if there is no category of this code."""
    categories = await find_categories(ctx)
    if code not in categories:
        raise TaxCategoryUnknown(category=code, known=", ".join(categories) or "none")


async def find_rates(ctx: Context) -> tuple[TaxRate, ...]:
    """Return every rate, over or not, by zone and category."""
    async with ctx.reading() as db:
        return await repository.find_rates(db)


@transaction
async def set_category(
    ctx: Context, code: str, name: str, *, expected_version: int | None = None
) -> TaxCategory:
    """Make a category, or call a known one otherwise.

    expected_version: as it was read, 0 for a new one; None: whichever it is. Raises
    TaxCategoryInvalid, VersionConflict.
    """
    made = rules.make_category(code, name)
    # First: whoever else changes tax waits here, so what is read is what is changed.
    await count_up(ctx, RATES)
    known = (await repository.find_categories(ctx.db)).get(code)
    current = 0 if known is None else known.version
    check_version(f"tax category {code}", expected=expected_version, current=current)
    told = msgspec.structs.replace(made, version=current + 1)
    await repository.save_category(ctx.db, told)
    ctx.audited(f"tax category {code}", before=known, after=told)
    return told


@transaction
async def add_rate(ctx: Context, draft: TaxRateDraft) -> TaxRate:
    """Say what a category is taxed in a zone, always or for a while.

    Raises ZoneUnknown, TaxCategoryUnknown, TaxRateOutOfRange, TaxRateInvalid, TaxRateOverlaps.
    """
    await count_up(ctx, RATES)
    await channel.check_zone(ctx, draft.zone)
    await repository.take_turns(ctx.db, draft.category)
    await check_category(ctx, draft.category)
    new = rules.make_rate(TaxRateId(new_id()), draft, await repository.find_rates(ctx.db))
    await repository.add_rate(ctx.db, new)
    ctx.audited(encode(TaxRateId, new.id), after=new)
    return new


@transaction
async def end_rate(
    ctx: Context,
    key: TaxRateId,
    ends_at: datetime | None,
    *,
    expected_version: int | None = None,
) -> TaxRate:
    """Have a rate end, None: now; orders that were placed keep their tax.

    Raises TaxRateUnknown, VersionConflict, TaxRateInvalid, TaxRateOverlaps.
    """
    known = await _lock_rate(ctx, key, expected_version)
    await repository.take_turns(ctx.db, known.category_code)
    ends = ends_at or ctx.clock.now()
    if known.starts_at is not None and ends <= known.starts_at:
        reason = f"it begins at {known.starts_at.isoformat()}; one that never held is removed"
        raise TaxRateInvalid(reason=reason).located("endsAt")
    ended = msgspec.structs.replace(known, ends_at=ends, version=known.version + 1)
    rules.check_overlap(ended, await repository.find_rates(ctx.db))
    await repository.end_rate(ctx.db, key, ends)
    ctx.audited(encode(TaxRateId, key), before=known, after=ended)
    return ended


@transaction
async def remove_rate(
    ctx: Context, key: TaxRateId, *, expected_version: int | None = None
) -> TaxRate:
    """Take out a rate; orders that were placed keep their tax.

    Raises TaxRateUnknown, VersionConflict.
    """
    known = await _lock_rate(ctx, key, expected_version)
    await repository.remove_rate(ctx.db, key)
    ctx.audited(encode(TaxRateId, key), before=known)
    return known


async def _lock_rate(ctx: Context, key: TaxRateId, expected_version: int | None) -> TaxRate:
    # First: whoever else changes tax waits here, so what is read is what is changed.
    await count_up(ctx, RATES)
    rates = await repository.find_rates(ctx.db)
    known = next((one for one in rates if one.id == key), None)
    if known is None:
        raise TaxRateUnknown(tax_rate=encode(TaxRateId, key))
    check_version(encode(TaxRateId, key), expected=expected_version, current=known.version)
    return known
