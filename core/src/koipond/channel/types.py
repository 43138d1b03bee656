"""What a channel is, seen from outside."""

from msgspec import Struct

from koipond.kernel.ids import ChannelId
from koipond.kernel.money import Currency
from koipond.kernel.texts import Locale


class Channel(Struct, frozen=True, kw_only=True):
    """One way to the customer: a shop page, a mini program, a country. Lists: default first."""

    id: ChannelId
    code: str
    name: str
    currencies: tuple[Currency, ...]
    locales: tuple[Locale, ...]
    time_zone: str
