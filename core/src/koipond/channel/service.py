"""Use-cases of channels."""

from collections.abc import Sequence

from koipond.channel import repository, rules
from koipond.channel.errors import ChannelInvalid
from koipond.channel.types import Channel
from koipond.kernel.context import Context, Scope, transaction
from koipond.kernel.ids import ChannelId, new_id
from koipond.settings import ChannelSettings


async def find_channels(ctx: Context) -> list[Channel]:
    """Return every channel, the default first."""
    async with ctx.reading() as db:
        return await repository.find_all(db)


async def choose_scope(
    ctx: Context, *, code: str | None = None, currency: str | None = None, locale: str | None = None
) -> Scope:
    """Return the channel, currency and languages that a caller asked for, with their defaults.

    Raises ChannelUnknown, CurrencyNotSold, LocaleUnknown.
    """
    channels = await find_channels(ctx)
    return rules.choose(channels, code=code, currency=currency, locale=locale)


@transaction
async def add_channel(
    ctx: Context,
    *,
    code: str,
    name: str,
    currencies: Sequence[str],
    locales: Sequence[str],
    time_zone: str = "UTC",
) -> Channel:
    """Make a channel; its first currency and language are its defaults. Raises ChannelInvalid."""
    new = rules.make_channel(
        ChannelId(new_id()),
        code=code,
        name=name,
        currencies=currencies,
        locales=locales,
        time_zone=time_zone,
    )
    if any(known.code == new.code for known in await repository.find_all(ctx.db)):
        raise ChannelInvalid(
            channel=code, reason="there is one of this code; `koi channel list` shows it"
        )
    await repository.add(ctx.db, new)
    return new


def check_channels(wanted: Sequence[ChannelSettings]) -> None:
    """Raise ChannelInvalid for one that could not be made."""
    for one in wanted:
        rules.make_channel(
            ChannelId(new_id()),
            code=one.code,
            name=one.name,
            currencies=one.currencies,
            locales=one.locales,
            time_zone=one.time_zone,
        )


@transaction
async def ensure_channels(ctx: Context) -> list[Channel]:
    """Make those channels of the settings that are missing; returns the new ones."""
    known = {one.code for one in await repository.find_all(ctx.db)}
    return [
        await add_channel(
            ctx,
            code=wanted.code,
            name=wanted.name,
            currencies=wanted.currencies,
            locales=wanted.locales,
            time_zone=wanted.time_zone,
        )
        for wanted in ctx.settings.channels
        if wanted.code not in known
    ]
