"""Use-cases of shipping."""

from collections.abc import Sequence

import msgspec

from koipond.channel import service as channel
from koipond.channel.errors import ChannelUnknown
from koipond.channel.types import RATES
from koipond.fulfilment import repository, rules
from koipond.fulfilment.types import (
    READS_SHIPPING,
    WRITES_SHIPPING,
    FulfilmentMethod,
    ShippingMethod,
    ShippingMethodDraft,
    ShippingRateDraft,
    ShippingRules,
)
from koipond.kernel.context import Context, transaction
from koipond.kernel.editions import Kept, count_up
from koipond.kernel.errors import check_version
from koipond.kernel.ids import ChannelId, ShippingMethodId, encode, new_id
from koipond.settings import ChannelSettings, ShippingSettings


async def _read(ctx: Context) -> ShippingRules:
    async with ctx.reading() as db:
        methods = await repository.find_methods(db)
    return ShippingRules(zones=await channel.find_zones(ctx), methods=methods)


_RULES: Kept[ShippingRules] = Kept(RATES, read=_read, empty=ShippingRules(zones={}, methods={}))


async def find_rules(ctx: Context) -> ShippingRules:
    """Return all that staff set of shipping, at most 1 s old; in a transaction as it is stored."""
    return await _RULES.find(ctx)


async def find_methods(ctx: Context, code: str) -> Sequence[ShippingMethod]:
    """Return the shipping methods of a channel in their order.

    Raises ChannelUnknown, ChannelNotHeld.
    """
    channel.check_reach(ctx, READS_SHIPPING, code)
    key = await _find_channel(ctx, code)
    async with ctx.reading() as db:
        methods = await repository.find_methods(db)
    return methods.get(key, ())


@transaction
async def set_method(
    ctx: Context,
    code: str,
    draft: ShippingMethodDraft,
    *,
    position: int | None = None,
    expected_version: int | None = None,
) -> ShippingMethod:
    """Make a shipping method of a channel, or change a known one to what is told.

    position: where it is listed; None: where it was, a new one last. Without rates it is offered
    nowhere. expected_version: as it was read, 0 for a new one; None: whichever it is.
    Raises VersionConflict, ChannelUnknown, ZoneUnknown, ShippingMethodInvalid, CurrencyNotSold,
    CurrencyUnknown, AmountInvalid, LocaleUnknown, ChannelNotHeld.
    """
    channel.check_reach(ctx, WRITES_SHIPPING, code)
    channel_id = await _find_channel(ctx, code)
    for one in draft.rates:
        await channel.choose_scope(ctx, code=code, currency=one.currency)
    for zone in sorted({one.zone for one in draft.rates if one.zone}):
        await channel.check_zone(ctx, zone)
    # Before it is read: whoever else changes what purchases go by waits here.
    await count_up(ctx, RATES)
    known = (await repository.find_methods(ctx.db)).get(channel_id, ())
    before = next((one for one in known if one.code == draft.code), None)
    current = 0 if before is None else before.version
    check_version(f"method {draft.code}", expected=expected_version, current=current)
    key = ShippingMethodId(new_id()) if before is None else before.id
    told = msgspec.structs.replace(rules.make_method(key, draft), version=current + 1)
    if position is None and before is None:
        position = await repository.next_position(ctx.db, channel_id)
    await repository.save_method(ctx.db, channel_id, told, position=position)
    ctx.audited(encode(ShippingMethodId, key), before=before, after=told)
    return told


def check_methods(wanted: Sequence[ChannelSettings]) -> None:
    """Raise what `set_method` raises of a method that could not be made."""
    for one in wanted:
        for method in one.shipping:
            rules.make_method(ShippingMethodId(new_id()), _draft(method))


@transaction
async def ensure_methods(ctx: Context) -> list[ShippingMethod]:
    """Make those shipping methods of the settings that are missing; returns the new ones.

    Raises what `set_method` raises.
    """
    made = []
    for wanted in ctx.settings.channels:
        known = {one.code for one in await find_methods(ctx, wanted.code)}
        for position, one in enumerate(wanted.shipping):
            if one.code not in known:
                made.append(await set_method(ctx, wanted.code, _draft(one), position=position))
    return made


async def _find_channel(ctx: Context, code: str) -> ChannelId:
    channels = await channel.find_channels(ctx)
    found = next((one.id for one in channels if one.code == code), None)
    if found is None:
        raise ChannelUnknown(channel=code, known=", ".join(one.code for one in channels))
    return found


def _draft(wanted: ShippingSettings) -> ShippingMethodDraft:
    anywhere = [
        ShippingRateDraft(currency=code, price=price) for code, price in wanted.prices.items()
    ]
    rates = [
        ShippingRateDraft(
            currency=one.currency,
            price=one.price,
            zone=one.zone,
            grams_max=one.grams_max,
            total_from=one.total_from,
            free_from=one.free_from,
        )
        for one in wanted.rates
    ]
    return ShippingMethodDraft(
        code=wanted.code,
        name=wanted.name,
        rates=(*anywhere, *rates),
        method=FulfilmentMethod.PICK_UP if wanted.pick_up else FulfilmentMethod.SHIPMENT,
    )
