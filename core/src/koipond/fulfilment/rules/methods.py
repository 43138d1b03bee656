"""Which shipping methods take a parcel, and what a method must be."""

import re
from collections.abc import Mapping, Sequence

from koipond.channel.rules import closeness
from koipond.channel.types import Place, Zone
from koipond.fulfilment.errors import (
    GoodsTotalTooLow,
    ParcelTooHeavy,
    ShippingMethodInvalid,
    ShippingMethodUnknown,
    ShippingPlaceNotServed,
)
from koipond.fulfilment.types import (
    Parcel,
    ShippingMethod,
    ShippingMethodDraft,
    ShippingOffer,
    ShippingRate,
    ShippingRateDraft,
)
from koipond.kernel.ids import ShippingMethodId
from koipond.kernel.money import Money, parse_amount
from koipond.kernel.money import currency as parse_currency
from koipond.kernel.quantity import Quantity
from koipond.kernel.texts import locale as parse_locale
from koipond.pricing.rules import step_at
from koipond.pricing.types import ShippingStep

GRAMS_MAX = 1_000_000_000
RATES_MAX = 1_000
_CODE = re.compile(r"\S{1,40}")
_NAME_MAX = 120
Zones = Mapping[str, Zone]


def ships(methods: Sequence[ShippingMethod], parcel: Parcel) -> bool:
    """Tell whether any method has a rate in the parcel's currency: then one must be chosen."""
    return any(_in_currency(method, parcel) for method in methods)


def offered(methods: Sequence[ShippingMethod], zones: Zones, parcel: Parcel) -> list[ShippingOffer]:
    """Return the methods that take a parcel to its place, as heavy as it is."""
    found = [(method, _steps(method, zones, parcel)) for method in methods]
    return [
        ShippingOffer(
            id=method.id, code=method.code, name=method.name, steps=steps, method=method.method
        )
        for method, steps in found
        if steps
    ]


def choose_method(
    methods: Sequence[ShippingMethod], zones: Zones, parcel: Parcel, code: str | None
) -> ShippingOffer | None:
    """Return the method of this code; None if the channel ships nothing and none was asked for.

    methods: of the channel. Raises ShippingMethodUnknown, also when one must be chosen, and
    ShippingPlaceNotServed or ParcelTooHeavy for one that does not take the parcel.
    """
    priced = [method for method in methods if _in_currency(method, parcel)]
    offers = offered(priced, zones, parcel)
    found = next((one for one in offers if one.code == code), None)
    if found is not None or not (priced or code):
        return found
    nothing = "none; nothing goes there" if priced else "none; leave it out"
    known = ", ".join(one.code for one in offers) or nothing
    method = next((one for one in priced if one.code == code), None)
    if method is None:
        raise ShippingMethodUnknown(shipping_method=code or "", known=known)
    place = parcel.place_by(method.method)
    near = _nearest(_in_currency(method, parcel), zones, place)
    if not near:
        raise ShippingPlaceNotServed(shipping_method=method.code, place=str(place), known=known)
    raise ParcelTooHeavy(
        shipping_method=method.code,
        place=str(place),
        grams=Quantity(parcel.grams),
        grams_most=Quantity(max(one.grams_max or 0 for one in near)),
        known=known,
    )


def check_goods(chosen: ShippingOffer, offers: Sequence[ShippingOffer], goods: Money) -> None:
    """Raise GoodsTotalTooLow if goods of this total do not go by the chosen method."""
    if step_at(chosen.steps, goods.amount_minor) is not None:
        return
    others = [one.code for one in offers if step_at(one.steps, goods.amount_minor) is not None]
    raise GoodsTotalTooLow(
        shipping_method=chosen.code,
        goods=goods,
        goods_least=Money(chosen.steps[0].total_from_minor, goods.currency),
        known=", ".join(others) or "none of these yet",
    )


def _in_currency(method: ShippingMethod, parcel: Parcel) -> list[ShippingRate]:
    return [one for one in method.rates if one.currency == parcel.currency]


def _nearest(rates: Sequence[ShippingRate], zones: Zones, place: Place) -> list[ShippingRate]:
    """Return the rates of the zone that names a place most closely, else those of everywhere."""
    near = {
        code: closeness(zones[code], place)
        for code in sorted({one.zone_code for one in rates if one.zone_code is not None})
        if code in zones
    }
    best = max(near, key=near.__getitem__, default=None)
    zone = best if best is not None and near[best] > 0 else None
    return [one for one in rates if one.zone_code == zone]


def _steps(method: ShippingMethod, zones: Zones, parcel: Parcel) -> tuple[ShippingStep, ...]:
    """Return what a parcel costs by the total of the goods, the least total first.

    Of the rates that bear its weight those count that bear the least.
    """
    place = parcel.place_by(method.method)
    near = _nearest(_in_currency(method, parcel), zones, place)
    bearing = [one for one in near if one.grams_max is None or one.grams_max >= parcel.grams]
    limits = [one.grams_max for one in bearing if one.grams_max is not None]
    least = min(limits, default=None)
    return tuple(
        ShippingStep(
            total_from_minor=one.total_from_minor,
            amount_minor=one.amount_minor,
            free_from_minor=one.free_from_minor,
        )
        for one in sorted(bearing, key=lambda one: one.total_from_minor)
        if one.grams_max == least
    )


def make_method(key: ShippingMethodId, draft: ShippingMethodDraft) -> ShippingMethod:
    """Make a method from plain words.

    Raises ShippingMethodInvalid, CurrencyUnknown, AmountInvalid, LocaleUnknown.
    """
    texts = {parse_locale(tag): text.strip() for tag, text in draft.name.items()}
    rates = tuple(_make_rate(draft.code, one) for one in draft.rates)
    problem = None
    if not _CODE.fullmatch(draft.code):
        problem = "a code has 1 to 40 characters and no spaces"
    elif not texts or not all(0 < len(text) <= _NAME_MAX for text in texts.values()):
        problem = f"its name has 1 to {_NAME_MAX} characters in at least one language"
    elif len(rates) > RATES_MAX:
        problem = f"it has {len(rates)} rates, at most {RATES_MAX} are possible"
    elif len({_parcels(one) for one in rates}) < len(rates):
        problem = "two of its rates are for the same currency, zone, weight and total"
    if problem is not None:
        raise ShippingMethodInvalid(shipping_method=draft.code, reason=problem)
    return ShippingMethod(id=key, code=draft.code, name=texts, rates=rates, method=draft.method)


def _parcels(one: ShippingRate) -> tuple[str, str | None, int | None, int]:
    return one.currency, one.zone_code, one.grams_max, one.total_from_minor


def _make_rate(method: str, draft: ShippingRateDraft) -> ShippingRate:
    known = parse_currency(draft.currency)
    if draft.grams_max is not None and not 0 < draft.grams_max <= GRAMS_MAX:
        reason = f"a parcel of at most {draft.grams_max} g is none; 1 to {GRAMS_MAX} g are"
        raise ShippingMethodInvalid(shipping_method=method, reason=reason)
    return ShippingRate(
        currency=known,
        amount_minor=parse_amount(draft.price, known).amount_minor,
        zone_code=draft.zone or None,
        grams_max=draft.grams_max,
        total_from_minor=parse_amount(draft.total_from, known).amount_minor,
        free_from_minor=(
            parse_amount(draft.free_from, known).amount_minor if draft.free_from else None
        ),
    )
