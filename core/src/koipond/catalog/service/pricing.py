"""Use-cases of price lists: base prices, and the rules beside them."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET

from koipond.catalog import repository, rules
from koipond.catalog.errors import PriceRuleUnknown, PriceRuleWithoutPrice, VariantUnknown
from koipond.catalog.types import (
    READS_CATALOG,
    WRITES_CATALOG,
    BasePrice,
    ListPrice,
    PriceRule,
    PriceRuleWish,
    Variant,
)
from koipond.channel import service as channels
from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import check_version
from koipond.kernel.ids import ChannelId, PriceRuleId, VariantId, encode, new_id
from koipond.kernel.money import Currency, Money
from koipond.member import service as member


@transaction
async def set_price(
    ctx: Context,
    variant_id: VariantId,
    price: Money,
    *,
    channel: str,
    expected_version: int | None = None,
) -> Variant:
    """Set what a variant costs in a channel, in the price's currency; returns the variant.

    expected_version: of the price, 0: it has none yet; None: whichever it is.
    Raises ChannelUnknown, ChannelNotHeld, CurrencyNotSold, VariantUnknown, VersionConflict.
    """
    channels.check_reach(ctx, WRITES_CATALOG, channel)
    scope = await channels.choose_scope(ctx, code=channel, currency=price.currency)
    found = await _find_variant(ctx, variant_id)
    price_list_id = await repository.ensure_price_list(ctx.db, scope.channel_id, scope.currency)
    before = await repository.lock_price(ctx.db, price_list_id, variant_id)
    amount, version = (None, 0) if before is None else before
    subject = f"price of {found.sku} in {channel} {scope.currency}"
    check_version(subject, expected=expected_version, current=version)
    await repository.set_price(ctx.db, price_list_id, variant_id, price.amount_minor)
    named = f"price_minor {channel} {scope.currency}"
    ctx.audited(
        encode(VariantId, variant_id),
        before={named: amount},
        after={named: price.amount_minor},
    )
    return found


async def find_base_prices(
    ctx: Context, variant_ids: Sequence[VariantId]
) -> Mapping[VariantId, int]:
    """Return {variant: minor units by the list, without its rules}, in the scope's currency."""
    scope = ctx.scope
    async with ctx.reading() as db:
        key = await repository.find_price_list(db, scope.channel_id, scope.currency)
        return {} if key is None else await repository.find_base_prices(db, key, variant_ids)


@transaction
async def set_prices(
    ctx: Context, amounts: Mapping[VariantId, int], *, channel_id: ChannelId, currency: Currency
) -> dict[VariantId, int | None]:
    """Set base prices, {variant: minor units}; returns what they were, None for those without."""
    price_list_id = await repository.ensure_price_list(ctx.db, channel_id, currency)
    before = await repository.find_base_prices(ctx.db, price_list_id, list(amounts))
    changed = {key: amount for key, amount in amounts.items() if before.get(key) != amount}
    await repository.set_prices(ctx.db, price_list_id, changed)
    return {key: before.get(key) for key in amounts}


@transaction
async def set_price_rule(
    ctx: Context, wish: PriceRuleWish, *, expected_version: int | None = None
) -> Variant:
    """Set what a variant costs from a quantity, for a group or for a while; returns the variant.

    A rule of the same quantity, group and dates is changed. expected_version: of that rule, 0: a
    new one; None: whichever it is. Raises VersionConflict, ChannelUnknown, CurrencyNotSold,
    VariantUnknown, MemberGroupUnknown, PriceRuleWithoutPrice, PriceRuleInvalid, PriceRuleOverlaps,
    ChannelNotHeld.
    """
    channels.check_reach(ctx, WRITES_CATALOG, wish.channel)
    scope = await channels.choose_scope(ctx, code=wish.channel, currency=wish.price.currency)
    found = await _find_variant(ctx, wish.variant_id)
    if wish.group is not None:
        await member.check_group(ctx, wish.group)
    # Locked, so that two rules at once see each other.
    price_list_id = await repository.lock_base(
        ctx.db, scope.channel_id, scope.currency, wish.variant_id
    )
    if price_list_id is None:
        raise PriceRuleWithoutPrice(sku=found.sku, channel=wish.channel, currency=scope.currency)
    known = [rule for rule, _ in await repository.find_rules(ctx.db, [wish.variant_id])]
    made = rules.make_rule(
        PriceRuleId(new_id()),
        price_list_id,
        wish,
        known,
        quantity_max=ctx.settings.order_line_quantity_max,
    )
    before = next((one for one in known if one.id == made.id), None)
    version = 0 if before is None else before.version
    subject = f"price rule of {found.sku} from {made.from_quantity}"
    check_version(subject, expected=expected_version, current=version)
    told = msgspec.structs.replace(made, version=version + 1)
    await repository.save_rule(ctx.db, told)
    ctx.audited(encode(PriceRuleId, made.id), before=before, after=told)
    return found


@transaction
async def remove_price_rule(
    ctx: Context, key: PriceRuleId, *, expected_version: int | None = None
) -> Variant:
    """Take out a rule; orders that were placed keep their prices.

    Raises PriceRuleUnknown, VersionConflict.
    """
    known = await repository.lock_rule(ctx.db, key)
    if known is None:
        raise PriceRuleUnknown(rule=encode(PriceRuleId, key))
    reach = await channels.find_reach(ctx, WRITES_CATALOG)
    if reach is not None:
        found = await repository.find_rules(ctx.db, [known.variant_id])
        if not any(one.id == key and channel in reach for one, channel in found):
            raise PriceRuleUnknown(rule=encode(PriceRuleId, key))
    check_version(encode(PriceRuleId, key), expected=expected_version, current=known.version)
    await repository.remove_rule(ctx.db, key)
    ctx.audited(encode(PriceRuleId, key), before=known)
    return await _find_variant(ctx, known.variant_id)


async def find_price_rules(
    ctx: Context, variant_ids: Sequence[VariantId]
) -> Mapping[VariantId, list[tuple[PriceRule, ChannelId]]]:
    """Return {variant: its rules, over or not, each with the channel of its list}.

    Staff who look after some channels see no others'.
    """
    reach = await _find_reach(ctx)
    async with ctx.reading() as db:
        found = await repository.find_rules(db, variant_ids)
    rules_of: dict[VariantId, list[tuple[PriceRule, ChannelId]]] = {key: [] for key in variant_ids}
    for one in found:
        if reach is None or one[1] in reach:
            rules_of[one[0].variant_id].append(one)
    return rules_of


async def find_every_price(
    ctx: Context, variant_ids: Sequence[VariantId]
) -> Mapping[VariantId, list[BasePrice]]:
    """Return {variant: its base prices in all lists}; staff of some channels see no others'."""
    reach = await _find_reach(ctx)
    async with ctx.reading() as db:
        found = await repository.find_every_price(db, variant_ids)
    prices: dict[VariantId, list[BasePrice]] = {key: [] for key in variant_ids}
    for key, one in found:
        if reach is None or one.channel_id in reach:
            prices[key].append(one)
    return prices


async def _find_reach(ctx: Context) -> frozenset[ChannelId] | None:
    """Return the channels whose price lists who asks may see, as who reads or as who sets them."""
    reads = await channels.find_reach(ctx, READS_CATALOG)
    writes = await channels.find_reach(ctx, WRITES_CATALOG)
    return None if reads is None or writes is None else reads | writes


async def find_list_prices(
    ctx: Context, variant_ids: Sequence[VariantId]
) -> Mapping[VariantId, ListPrice]:
    """Return {variant: what it costs by the list now}, in the channel and currency of the scope."""
    async with ctx.reading() as db:
        return await repository.find_prices(
            db,
            variant_ids,
            channel_id=ctx.scope.channel_id,
            currency=ctx.scope.currency,
            now=ctx.clock.now(),
        )


async def find_listed(ctx: Context, variants: Sequence[Variant]) -> Mapping[VariantId, ListPrice]:
    """Return what `find_list_prices` does; no price is read again that a variant came with."""
    read = {one.id: one.priced for one in variants if one.priced is not UNSET}
    found = {key: one for key, one in read.items() if one is not None}
    missing = [one.id for one in variants if one.id not in read]
    return found | {**(await find_list_prices(ctx, missing) if missing else {})}


async def find_prices(ctx: Context, variant_ids: Sequence[VariantId]) -> dict[VariantId, Money]:
    """Return {variant: price} in the channel and currency of the scope, of those that have one.

    What one unit costs everyone now.
    """
    return _amounts(ctx, await find_list_prices(ctx, variant_ids))


async def find_prices_of(ctx: Context, variants: Sequence[Variant]) -> list[Money | None]:
    """Return what each variant costs everyone now, as `find_prices` does, in their order.

    No price is read again that a variant came with.
    """
    currency = ctx.scope.currency
    missing = [one.id for one in variants if one.priced is UNSET]
    read = await find_list_prices(ctx, missing) if missing else {}
    prices = [read.get(one.id) if one.priced is UNSET else one.priced for one in variants]
    return [None if one is None else Money(one.list_minor, currency) for one in prices]


def _amounts(ctx: Context, found: Mapping[VariantId, ListPrice]) -> dict[VariantId, Money]:
    currency = ctx.scope.currency
    return {key: Money(one.list_minor, currency) for key, one in found.items()}


async def _find_variant(ctx: Context, key: VariantId) -> Variant:
    found = await repository.find_variants_by_ids(ctx.db, [key], channel_id=None)
    if key not in found:
        raise VariantUnknown(variant_id=encode(VariantId, key))
    return found[key]
