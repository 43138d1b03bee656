"""Use-cases of shipping."""

from collections.abc import Sequence

from koipond.channel import service as channel
from koipond.fulfilment import repository, rules
from koipond.fulfilment.types import ShippingMethod
from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import ShippingMethodId, new_id
from koipond.settings import ChannelSettings


async def find_offered(ctx: Context) -> list[ShippingMethod]:
    """Return the shipping methods of the request's channel that have a price in its currency."""
    async with ctx.reading() as db:
        methods = await repository.find_methods(db, ctx.scope.channel_id)
    return rules.offered(methods, ctx.scope.currency)


def check_methods(wanted: Sequence[ChannelSettings]) -> None:
    """Raise CurrencyUnknown, AmountInvalid, LocaleUnknown for a method that could not be made."""
    for one in wanted:
        for method in one.shipping:
            key = ShippingMethodId(new_id())
            rules.make_method(key, code=method.code, name=method.name, prices=method.prices)


@transaction
async def ensure_methods(ctx: Context) -> list[ShippingMethod]:
    """Make those shipping methods of the settings that are missing; returns the new ones.

    Raises CurrencyUnknown, AmountInvalid, LocaleUnknown.
    """
    made = []
    channels = {one.code: one for one in await channel.find_channels(ctx)}
    for wanted in ctx.settings.channels:
        channel_id = channels[wanted.code].id
        known = {method.code for method in await repository.find_methods(ctx.db, channel_id)}
        for position, one in enumerate(wanted.shipping):
            if one.code in known:
                continue
            key = ShippingMethodId(new_id())
            new = rules.make_method(key, code=one.code, name=one.name, prices=one.prices)
            await repository.add_method(ctx.db, channel_id, new, position=position)
            made.append(new)
    return made
