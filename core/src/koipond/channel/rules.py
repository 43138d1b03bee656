"""Which channel, currency and languages a request gets; what a channel and a zone must be."""

import re
from collections.abc import Collection, Iterator, Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from koipond.channel.errors import (
    ChannelInvalid,
    ChannelUnknown,
    CurrencyNotSold,
    SourceInvalid,
    ZoneInvalid,
)
from koipond.channel.types import Channel, ChannelDraft, Place, Source, SourceClass, Zone, ZoneDraft
from koipond.kernel.context import Scope
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import ChannelId
from koipond.kernel.money import Rounding, RoundingPolicy
from koipond.kernel.money import currency as parse_currency
from koipond.kernel.texts import LOCALE_MAX, LocaleUnknown
from koipond.kernel.texts import locale as parse_locale

# As many as there are countries and more; a zone of regions is of one or two of them.
ZONE_PLACES_MAX = 1_000
REGION_MAX = 200
_NAME_MAX = 120
_COUNTRY = re.compile(r"[A-Z]{2}")
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def make_channel(key: ChannelId, draft: ChannelDraft) -> Channel:
    """Make a channel from plain words. Raises ChannelInvalid, naming what is wrong."""
    for problem in _channel_problems(draft):
        raise ChannelInvalid(channel=draft.code, reason=problem)
    try:
        return Channel(
            id=key,
            code=draft.code,
            name=draft.name,
            currencies=tuple(dict.fromkeys(map(parse_currency, draft.currencies))),
            locales=tuple(dict.fromkeys(map(parse_locale, draft.locales))),
            time_zone=draft.time_zone,
            country=draft.country.upper(),
            region=draft.region.strip(),
            prices_include_tax=draft.prices_include_tax,
            rounding={
                parse_currency(code): read_policy(mode, per_unit)
                for code, (mode, per_unit) in draft.rounding.items()
            },
        )
    except (DomainError, ValueError) as error:
        raise ChannelInvalid(channel=draft.code, reason=str(error).rstrip(".")) from error


def _channel_problems(draft: ChannelDraft) -> Iterator[str]:
    if not _CODE.fullmatch(draft.code):
        yield "a code is a-z, 0-9 and -, at most 40 characters"
    if len(draft.name) > _NAME_MAX:
        yield f"its name has {len(draft.name)} characters, at most {_NAME_MAX} are kept"
    if not draft.currencies or not draft.locales:
        yield "it needs at least one currency and one language"
    if not _is_time_zone(draft.time_zone):
        yield f"{draft.time_zone[:40]!r} is no time zone; write it like Europe/Berlin, or UTC"
    if draft.country and not _COUNTRY.fullmatch(draft.country.upper()):
        yield f"{draft.country[:40]!r} is no country; write it in two letters, like CN or DE"
    if len(draft.region) > REGION_MAX or (draft.region and not draft.country):
        yield f"a region is of a country and has at most {REGION_MAX} characters"
    for code in draft.rounding:
        if code not in draft.currencies:
            yield f"it rounds {code[:40]!r}, and sells in {', '.join(draft.currencies)}"


def draft_of(known: Channel) -> ChannelDraft:
    """Return a channel in plain words again, to change some of them."""
    return ChannelDraft(
        code=known.code,
        name=known.name,
        currencies=tuple(known.currencies),
        locales=tuple(known.locales),
        time_zone=known.time_zone,
        country=known.country,
        region=known.region,
        prices_include_tax=known.prices_include_tax,
        rounding={code: (one.rounding.value, one.per_unit) for code, one in known.rounding.items()},
    )


def read_policy(mode: str, per_unit: bool) -> RoundingPolicy:
    """Return a policy of rounding from plain words. Raises ValueError, naming those that fit."""
    if mode not in set(Rounding):
        raise ValueError(f"it rounds {mode[:40]!r}; there are {', '.join(Rounding)}")
    return RoundingPolicy(rounding=Rounding(mode), per_unit=per_unit)


def make_zone(draft: ZoneDraft) -> Zone:
    """Make a zone from plain words. Raises ZoneInvalid, naming what is wrong."""
    problem = None
    if not _CODE.fullmatch(draft.code):
        problem = "a code is a-z, 0-9 and -, at most 40 characters"
    elif not 0 < len(draft.name.strip()) <= _NAME_MAX:
        problem = f"its name has {len(draft.name.strip())} characters, 1 to {_NAME_MAX} are kept"
    elif len(draft.places) > ZONE_PLACES_MAX:
        problem = f"it has {len(draft.places)} places, at most {ZONE_PLACES_MAX} are possible"
    if problem is not None:
        raise ZoneInvalid(zone=draft.code, reason=problem)
    places = sorted({_read_place(draft.code, text) for text in draft.places})
    return Zone(code=draft.code, name=draft.name.strip(), places=tuple(places))


def _read_place(zone: str, text: str) -> Place:
    country, _, region = text.partition("/")
    place = Place(country.strip().upper(), region.strip())
    if not _COUNTRY.fullmatch(place.country) or len(place.region) > REGION_MAX:
        reason = f"{text[:40]!r} is no place; write a country like DE, or a region like US/CA"
        raise ZoneInvalid(zone=zone, reason=reason)
    return place


def closeness(zone: Zone, place: Place) -> int:
    """Return how closely a zone names a place: 2 by its region, 1 by its country, 0 not at all."""
    best = 0
    for one in zone.places:
        if one.country != place.country:
            continue
        if not one.region:
            best = max(best, 1)
        elif one.region.casefold() == place.region.strip().casefold():
            best = 2
    return best


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
    sold_in = next(one for one in channel.currencies if currency in {None, one})
    return Scope(
        channel_id=channel.id,
        channel=channel.code,
        currency=sold_in,
        locales=tuple(dict.fromkeys([*wanted, *channel.locales])),
        time_zone=channel.time_zone,
        country=channel.country,
        region=channel.region,
        prices_include_tax=channel.prices_include_tax,
        rounding=channel.rounding.get(sold_in, RoundingPolicy()),
    )


def _narrowed(channel: Channel, locale: str) -> list[str]:
    """Return the channel's languages that `locale` is a form of, the closest first."""
    # Its forms are as many as its parts, and as long.
    if len(locale) > LOCALE_MAX:
        return []
    parts = locale.split("-")
    forms = ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return [known for form in forms for known in channel.locales if known == form]


ENTRY_MAX, CAMPAIGN_MAX = 60, 120


def make_source(kind: SourceClass, entry: str, campaign: str) -> Source:
    """Return a source as it is kept. Raises SourceInvalid."""
    kept = Source(kind=kind, entry=entry.strip().lower(), campaign=campaign.strip())
    for name, value, most in (
        ("entry", kept.entry, ENTRY_MAX),
        ("campaign", kept.campaign, CAMPAIGN_MAX),
    ):
        if len(value) > most or not value.isprintable():
            reason = f"its {name} has {len(value)} characters, at most {most} printable are kept"
            raise SourceInvalid(reason=reason).located(f"source.{name}")
    return kept


def is_known_entry(entry: str, known: Collection[str]) -> bool:
    """Tell whether an entry is one that the shop has named; the rest is what somebody typed."""
    return entry in known
