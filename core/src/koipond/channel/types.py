"""What a channel and a zone are, seen from outside."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from koipond.kernel.ids import ChannelId
from koipond.kernel.money import Currency, RoundingPolicy
from koipond.kernel.texts import Locale

# The edition of zones, tax and shipping: purchases read all of them, staff change them seldom.
RATES = "rates"
WRITES_CHANNELS = "channel.write"


class Channel(Struct, frozen=True, kw_only=True):
    """One way to the customer: a shop page, a mini program, a country. Lists: default first.

    country, region: its home, whose tax holds as long as a buyer has given no address; "" is none.
    prices_include_tax: its prices are what is paid; else tax comes on top. rounding: of those
    currencies that are not rounded as RoundingPolicy() does. version: one more with every edit.
    """

    id: ChannelId
    code: str
    name: str
    currencies: tuple[Currency, ...]
    locales: tuple[Locale, ...]
    time_zone: str
    country: str = ""
    region: str = ""
    prices_include_tax: bool = True
    rounding: Mapping[Currency, RoundingPolicy] = {}
    version: int = 1


class Place(Struct, frozen=True, order=True):
    """A country, ISO 3166-1 in two letters, or a region of it; "" is all of it."""

    country: str
    region: str = ""

    def __str__(self) -> str:
        return f"{self.country}/{self.region}" if self.region else self.country


class Zone(Struct, frozen=True, kw_only=True):
    """Places that are taxed alike, or that parcels cost the same to."""

    code: str
    name: str
    places: tuple[Place, ...]
    version: int = 1


class ZoneDraft(Struct, frozen=True, kw_only=True):
    """A zone in plain words: places as DE or US/CA."""

    code: str
    name: str
    places: tuple[str, ...]


class ChannelDraft(Struct, frozen=True, kw_only=True):
    """A channel in plain words. rounding: {currency: (mode, per unit)}."""

    code: str
    name: str
    currencies: tuple[str, ...]
    locales: tuple[str, ...]
    time_zone: str = "UTC"
    country: str = ""
    region: str = ""
    prices_include_tax: bool = True
    rounding: Mapping[str, tuple[str, bool]] = {}


class SourceClass(StrEnum):
    """The four ways in which somebody comes to a shop: a friend, a search, a place, an advert."""

    SOCIAL = "social"
    ONLINE = "online"
    OFFLINE = "offline"
    COMMERCIAL = "commercial"


class Source(Struct, frozen=True, kw_only=True):
    """From where somebody came. entry: the door, such as `chat` or `poster`; campaign: why.

    An entry that the setting source_entries does not name is kept as it was told.
    """

    kind: SourceClass
    entry: str = ""
    campaign: str = ""
