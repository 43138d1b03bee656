"""Use-cases of flash sales.

OPEN --endFlashSale, or its end is past--> ENDED: its price is withdrawn, its free units go back
"""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from koipond_flashsale import repository, rules
from koipond_flashsale.errors import FlashSaleUnknown
from koipond_flashsale.events import (
    FlashSaleRoundEnded,
    FlashSaleScheduled,
    FlashSaleUnitsAdded,
)
from koipond_flashsale.types import (
    EndFlashSaleRounds,
    FlashSaleRoundId,
    FlashSaleSettings,
    Round,
    RoundState,
    RoundWish,
    Seen,
)
from koipond_sdk import (
    Context,
    Finding,
    Quantity,
    VariantId,
    encode,
    new_id,
    once,
    settings_of,
    transaction,
)
from koipond_sdk.hooks import Checkout, CheckoutTerms
from koipond_sdk.services import activities, catalog, channels, quotas, stock


async def schedule_round(ctx: Context, wish: RoundWish, *, idempotency_key: str) -> Round:
    """Set units of a variant apart and publish their price; nothing of it happens twice.

    Raises ChannelUnknown, CurrencyNotSold, VariantUnknown, VariantNotPriced, InsufficientStock,
    FlashSaleOverlaps, what `rules.plan_round` refuses, and what is wrong with the key.
    """
    scope = await channels.choose_scope(
        ctx, code=wish.channel or ctx.channel, currency=wish.price.currency
    )
    made = await once(
        ctx.at(scope),
        partial(_schedule, wish=wish),
        operation="scheduleFlashSale",
        key=idempotency_key,
        request=wish,
        subject_id=new_id(),
    )
    return await _find_round(ctx, FlashSaleRoundId(made))


async def _schedule(ctx: Context, key: UUID, *, wish: RoundWish) -> None:
    variant = (await catalog.find_variants_by_ids(ctx, [wish.variant_id])).get(wish.variant_id)
    if variant is None:
        unknown = catalog.VariantUnknown(variant_id=encode(VariantId, wish.variant_id))
        raise unknown.located("variantId")
    list_price = (await catalog.find_prices(ctx, [variant.id])).get(variant.id)
    if list_price is None:
        unpriced = catalog.VariantNotPriced(sku=variant.sku, currency=ctx.scope.currency)
        raise unpriced.located("variantId")
    settings = await settings_of(ctx, FlashSaleSettings)
    new = rules.plan_round(
        FlashSaleRoundId(key),
        wish,
        channel_id=ctx.scope.channel_id,
        list_price=list_price,
        window_minutes=settings.payment_window_minutes,
        now=ctx.clock.now(),
    )
    await repository.lock_timetable(ctx.db, new.channel_id, new.variant_id)
    rules.check_free(await repository.find_overlap(ctx.db, new))
    await repository.add(ctx.db, new)
    await activities.publish_activities(ctx, [rules.activity_of(new)])
    ctx.emit(
        FlashSaleScheduled(
            round_id=new.id,
            variant_id=new.variant_id,
            units=new.units,
            starts_at=new.starts_at,
            ends_at=new.ends_at,
        )
    )
    # Last: it locks a row that every buyer of the variant wants.
    await stock.set_apart(ctx, variant, rules.quota_of(new), new.units)


async def add_units(
    ctx: Context, round_id: FlashSaleRoundId, units: Quantity, *, idempotency_key: str
) -> Round:
    """Set more units apart for a round, once per key; never a new number: others may add as well.

    Raises FlashSaleUnknown, FlashSaleEnded, FlashSaleNumberInvalid, InsufficientStock, and what is
    wrong with the key.
    """
    await once(
        ctx,
        partial(_add_units, units=units),
        operation="addFlashSaleUnits",
        key=idempotency_key,
        request=(round_id, units),
        subject_id=round_id,
    )
    return await _find_round(ctx, round_id)


async def _add_units(ctx: Context, key: UUID, *, units: Quantity) -> None:
    found = await _lock(ctx, FlashSaleRoundId(key))
    changed = rules.add_units(found, units, ctx.clock.now())
    await repository.store(ctx.db, changed)
    ctx.emit(FlashSaleUnitsAdded(round_id=found.id, units=units))
    pool = (await quotas.find_quotas(ctx, [found.quota_id]))[found.quota_id]
    assert pool.parent_id is not None, "its units were set apart from stock"
    try:
        await quotas.move_units(ctx, pool.parent_id, pool.id, units)
    except quotas.CapacityTaken as error:
        variant = (await catalog.find_variants_by_ids(ctx, [found.variant_id]))[found.variant_id]
        left = max(error.capacity - error.taken, 0)
        short = stock.InsufficientStock(sku=variant.sku, requested=units, available=left)
        raise short.located("units") from error


async def end_round(ctx: Context, round_id: FlashSaleRoundId) -> Round:
    """End a round now; a second time changes nothing. Raises FlashSaleUnknown."""
    await _end(ctx, round_id)
    return await _find_round(ctx, round_id)


@transaction
async def _end(ctx: Context, round_id: FlashSaleRoundId) -> None:
    found = await _lock(ctx, round_id)
    if found.state is RoundState.ENDED:
        return
    await repository.store(ctx.db, rules.end_round(found))
    await activities.withdraw_activities(ctx, [found.activity_id])
    ctx.emit(FlashSaleRoundEnded(round_id=found.id))
    # Last: it locks rows that every buyer wants. What unpaid orders let go of later follows.
    await quotas.close(ctx, found.quota_id)


async def end_rounds(ctx: Context, job: EndFlashSaleRounds) -> None:
    """End the rounds that are past their end, each by itself."""
    async with ctx.reading() as db:
        over = await repository.find_over(db, ctx.clock.now())
    for round_id in over:
        await _end(ctx, round_id)


async def find_rounds(ctx: Context) -> list[Seen]:
    """Return the rounds that run or will in this channel, of what buyers may see of it."""
    seen = await _find_coming(ctx)
    shown = await catalog.find_variants_by_ids(ctx, [one.round.variant_id for one in seen])
    return [one for one in seen if one.round.variant_id in shown]


async def find_schedule(ctx: Context) -> list[Seen]:
    """Return the rounds of this channel that have not ended, in all its currencies, for staff."""
    async with ctx.reading() as db:
        rounds = await repository.find_open(db, ctx.scope.channel_id)
    return await see(ctx, rounds)


async def find_rounds_of_variants(
    ctx: Context, variant_ids: Sequence[VariantId]
) -> dict[VariantId, Seen]:
    """Return {variant: the round that runs, else the next}, of those that have one here."""
    found: dict[VariantId, Seen] = {}
    for one in await _find_coming(ctx, variant_ids):
        found.setdefault(one.round.variant_id, one)
    return found


async def find_terms(ctx: Context, checkout: Checkout) -> CheckoutTerms | None:
    """Return what a purchase with lines of rounds is told; None without any."""
    keys = {line.activity_id for line in checkout.lines if line.activity_id is not None}
    if not keys:
        return None
    async with ctx.reading() as db:
        found = await repository.find_by_activities(db, keys)
    return rules.terms_of(checkout, {one.activity_id: one for one in found})


async def see(ctx: Context, rounds: Sequence[Round]) -> list[Seen]:
    """Return rounds as they stand now, in their order."""
    if not rounds:
        return []
    free = await quotas.find_free(ctx, [one.quota_id for one in rounds])
    prices = await catalog.find_prices(ctx, [one.variant_id for one in rounds])
    now, seen = ctx.clock.now(), []
    for one in rounds:
        was = prices.get(one.variant_id)
        is_lower = was is not None and was.currency == one.currency and one.price < was
        left = free[one.quota_id]
        assert left is not None, "the units of a round have an end"
        seen.append(Seen(round=one, free=left, was=was if is_lower else None, now=now))
    return seen


async def find_variants(
    ctx: Context, variant_ids: Sequence[VariantId]
) -> dict[VariantId, catalog.Variant]:
    """Return {id: variant}, of those that the viewer may see."""
    return await catalog.find_variants_by_ids(ctx, variant_ids)


async def find_blockers(ctx: Context) -> list[str]:
    """Return why flash sales must not be turned off here: units are set apart for them."""
    channel_id = None if ctx.channel is None else ctx.scope.channel_id
    async with ctx.reading() as db:
        rounds = await repository.find_open(db, channel_id)
    if not rounds:
        return []
    keys = ", ".join(encode(FlashSaleRoundId, one.id) for one in rounds[:3])
    return [f"{len(rounds)} flash sales are not over ({keys}): end them by endFlashSale"]


async def audit_units(ctx: Context) -> list[Finding]:
    """Return what is wrong with the units of rounds: W1."""
    rounds = await _find_all(ctx)
    return rules.find_wrong_units(rounds, await _find_quotas(ctx, rounds))


async def audit_terms(ctx: Context) -> list[Finding]:
    """Return what rounds are sold otherwise than they say: W2, W5."""
    rounds = await _find_all(ctx)
    published = await activities.find_activities_by_ids(ctx, [one.activity_id for one in rounds])
    return rules.find_wrong_terms(rounds, await _find_quotas(ctx, rounds), published)


async def _find_coming(ctx: Context, variant_ids: Sequence[VariantId] | None = None) -> list[Seen]:
    async with ctx.reading() as db:
        rounds = await repository.find_coming(
            db,
            channel_id=ctx.scope.channel_id,
            currency=ctx.scope.currency,
            now=ctx.clock.now(),
            variant_ids=variant_ids,
        )
    return await see(ctx, rounds)


async def _find_round(ctx: Context, round_id: FlashSaleRoundId) -> Round:
    async with ctx.reading() as db:
        found = await repository.find_by_id(db, round_id)
    assert found is not None, "rounds are never deleted"
    return found


async def _lock(ctx: Context, round_id: FlashSaleRoundId) -> Round:
    found = await repository.lock(ctx.db, round_id)
    if found is None:
        raise FlashSaleUnknown(round_id=round_id).located("roundId")
    return found


async def _find_all(ctx: Context) -> list[Round]:
    async with ctx.reading() as db:
        return await repository.find_all(db)


async def _find_quotas(ctx: Context, rounds: Sequence[Round]) -> dict[quotas.QuotaId, quotas.Quota]:
    return await quotas.find_quotas(ctx, [one.quota_id for one in rounds])
