"""Which channel, currency and languages a request gets."""

import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from koipond.channel.errors import ChannelInvalid, ChannelUnknown, CurrencyNotSold
from koipond.channel.types import Channel
from koipond.kernel.context import Scope
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import ChannelId
from koipond.kernel.money import currency as parse_currency
from koipond.kernel.texts import LOCALE_MAX, LocaleUnknown
from koipond.kernel.texts import locale as parse_locale

_NAME_MAX = 120
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def make_channel(
    key: ChannelId,
    *,
    code: str,
    name: str,
    currencies: Sequence[str],
    locales: Sequence[str],
    time_zone: str,
) -> Channel:
    """Make a channel from plain words. Raises ChannelInvalid, naming what is wrong."""
    if not _CODE.fullmatch(code):
        raise ChannelInvalid(channel=code, reason="a code is a-z, 0-9 and -, at most 40 characters")
    if len(name) > _NAME_MAX:
        reason = f"its name has {len(name)} characters, at most {_NAME_MAX} are kept"
        raise ChannelInvalid(channel=code, reason=reason)
    if not currencies or not locales:
        raise ChannelInvalid(channel=code, reason="it needs at least one currency and one language")
    if not _is_time_zone(time_zone):
        reason = f"{time_zone[:40]!r} is no time zone; write it like Europe/Berlin, or UTC"
        raise ChannelInvalid(channel=code, reason=reason)
    try:
        return Channel(
            id=key,
            code=code,
            name=name,
            currencies=tuple(dict.fromkeys(map(parse_currency, currencies))),
            locales=tuple(dict.fromkeys(map(parse_locale, locales))),
            time_zone=time_zone,
        )
    except DomainError as error:
        raise ChannelInvalid(channel=code, reason=str(error).rstrip(".")) from error


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def choose(
    channels: Sequence[Channel], *, code: str | None, currency: str | None, locale: str | None
) -> Scope:
    """Return the scope that a caller asked for; what was left out takes the channel's first.

    channels: all of the shop, the default first. The languages are the wanted one, then its more
    general forms that the channel has (zh-Hans-CN, zh-Hans, zh), then the channel's others.
    Raises ChannelUnknown, CurrencyNotSold, LocaleUnknown.
    """
    channel = next((one for one in channels if code is None or one.code == code), None)
    if channel is None:
        known = ", ".join(one.code for one in channels) or "none; `koi channel add` makes one"
        raise ChannelUnknown(channel=code or "", known=known)
    if currency is not None and currency not in channel.currencies:
        known = ", ".join(channel.currencies)
        raise CurrencyNotSold(channel=channel.code, currency=currency, known=known)
    wanted = channel.locales[:1] if locale is None else _narrowed(channel, locale)
    if not wanted:
        raise LocaleUnknown(locale=locale or "", known=", ".join(channel.locales))
    return Scope(
        channel_id=channel.id,
        channel=channel.code,
        currency=next(one for one in channel.currencies if currency in {None, one}),
        locales=tuple(dict.fromkeys([*wanted, *channel.locales])),
        time_zone=channel.time_zone,
    )


def _narrowed(channel: Channel, locale: str) -> list[str]:
    """Return the channel's languages that `locale` is a form of, the closest first."""
    # Its forms are as many as its parts, and as long.
    if len(locale) > LOCALE_MAX:
        return []
    parts = locale.split("-")
    forms = ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return [known for form in forms for known in channel.locales if known == form]
