"""Tax, seen from outside."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from koipond.channel.types import Zone
from koipond.kernel.ids import TaxRateId
from koipond.kernel.texts import Texts

# The category of goods that name none, and that of shipping: it is taxed as STANDARD where there is
# no such category.
STANDARD = "standard"
SHIPPING = "shipping"


class TaxCategory(Struct, frozen=True, kw_only=True):
    """Goods that are taxed alike."""

    code: str
    name: str
    version: int = 1


class TaxRate(Struct, frozen=True, kw_only=True):
    """What goods of a category are taxed in a zone, from `starts_at` until `ends_at`, exclusive.

    None: always, for ever. rate_ppm: millionths, 0 to 1,000,000. label: what buyers read.
    """

    id: TaxRateId
    zone_code: str
    category_code: str
    rate_ppm: int
    label: Texts
    starts_at: datetime | None
    ends_at: datetime | None
    version: int = 1

    def holds_at(self, now: datetime) -> bool:
        """Tell whether it holds at an instant."""
        begun = self.starts_at is None or self.starts_at <= now
        return begun and (self.ends_at is None or now < self.ends_at)


class TaxRules(Struct, frozen=True, kw_only=True):
    """All that staff set of tax: zones by code, categories by code, rates."""

    zones: Mapping[str, Zone]
    categories: Mapping[str, TaxCategory]
    rates: tuple[TaxRate, ...]


class TaxRateDraft(Struct, frozen=True, kw_only=True):
    """A rate of tax in plain words. label: {language: text}."""

    zone: str
    category: str
    rate_ppm: int
    label: Mapping[str, str]
    starts_at: datetime | None = None
    ends_at: datetime | None = None
