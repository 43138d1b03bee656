"""Shipping, seen from outside."""

from collections.abc import Mapping

from msgspec import Struct

from koipond.channel.types import Place, Zone
from koipond.kernel.ids import ChannelId, ShippingMethodId
from koipond.kernel.money import Currency
from koipond.kernel.texts import Texts
from koipond.pricing.types import ShippingStep


class ShippingRate(Struct, frozen=True, kw_only=True):
    """What a method costs in a currency for some parcels.

    zone_code: None is everywhere. grams_max: the heaviest parcel, None: any. total_from_minor: what
    the goods come to at least. free_from_minor: from which total it costs nothing, None: from none.
    """

    currency: Currency
    amount_minor: int
    zone_code: str | None = None
    grams_max: int | None = None
    total_from_minor: int = 0
    free_from_minor: int | None = None


class ShippingMethod(Struct, frozen=True, kw_only=True):
    """A way to the buyer; offered where one of its rates fits."""

    id: ShippingMethodId
    code: str
    name: Texts
    rates: tuple[ShippingRate, ...]


class ShippingRules(Struct, frozen=True, kw_only=True):
    """All that staff set of shipping: zones by code, the methods of each channel in their order."""

    zones: Mapping[str, Zone]
    methods: Mapping[ChannelId, tuple[ShippingMethod, ...]]


class Parcel(Struct, frozen=True, kw_only=True):
    """What is to be sent: how heavy, where to, paid in which currency."""

    currency: Currency
    place: Place
    grams: int


class ShippingOffer(Struct, frozen=True, kw_only=True):
    """A method that takes a parcel; which of `steps` it costs, the total of the goods decides."""

    id: ShippingMethodId
    code: str
    name: Texts
    steps: tuple[ShippingStep, ...]


class ShippingRateDraft(Struct, frozen=True, kw_only=True):
    """A rate in plain words; see ShippingRate. Amounts are texts in major units."""

    currency: str
    price: str
    zone: str = ""
    grams_max: int | None = None
    total_from: str = "0"
    free_from: str = ""


class ShippingMethodDraft(Struct, frozen=True, kw_only=True):
    """A method in plain words. name: {language: text}."""

    code: str
    name: Mapping[str, str]
    rates: tuple[ShippingRateDraft, ...]
