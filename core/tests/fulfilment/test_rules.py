"""Which shipping methods a buyer may choose from, without a database."""

from typing import Any

import pytest

from koipond.channel.rules import make_zone
from koipond.channel.types import Place, ZoneDraft
from koipond.fulfilment import rules
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
    ShippingRate,
    ShippingRateDraft,
)
from koipond.kernel.ids import ShippingMethodId, new_id
from koipond.kernel.money import AmountInvalid, Currency, CurrencyUnknown, Money
from koipond.pricing.types import ShippingStep

EUR, CNY = Currency("EUR"), Currency("CNY")
ZONES = {"de": make_zone(ZoneDraft(code="de", name="Germany", places=("DE",)))}


def method(code: str, *rates: dict[str, Any]) -> ShippingMethod:
    told = tuple(ShippingRateDraft(**({"currency": "EUR"} | rate)) for rate in rates)
    draft = ShippingMethodDraft(code=code, name={"en": code.title()}, rates=told)
    return rules.make_method(ShippingMethodId(new_id()), draft)


PARCEL = method("parcel", {"price": "4.90"})
HEAVY = method(
    "heavy",
    {"price": "9.00", "zone": "de", "grams_max": 5_000},
    {"price": "15.00", "zone": "de", "grams_max": 10_000},
)
DEAR = method("dear", {"price": "0", "total_from": "50.00"})


def parcel(*, currency: Currency = EUR, country: str = "DE", grams: int = 0) -> Parcel:
    place = Place(country)
    return Parcel(currency=currency, place=place, home=place, grams=grams)


def codes(*methods: ShippingMethod, **told: Any) -> list[str]:
    return [one.code for one in rules.offered(methods, ZONES, parcel(**told))]


def test_rates_are_read_in_whole_minor_units() -> None:
    assert HEAVY.rates == (
        ShippingRate(currency=EUR, amount_minor=9_00, zone_code="de", grams_max=5_000),
        ShippingRate(currency=EUR, amount_minor=15_00, zone_code="de", grams_max=10_000),
    )


def test_a_method_is_offered_only_in_currencies_that_it_has_a_rate_in() -> None:
    assert codes(PARCEL) == ["parcel"]
    assert codes(PARCEL, currency=CNY) == []
    assert not rules.ships([PARCEL], parcel(currency=CNY))


def test_a_method_is_offered_only_where_it_goes_and_as_heavy_as_it_takes() -> None:
    assert codes(PARCEL, HEAVY, grams=10_000) == ["parcel", "heavy"]
    assert codes(PARCEL, HEAVY, grams=10_001) == ["parcel"]
    assert codes(PARCEL, HEAVY, country="FR") == ["parcel"]
    assert codes(PARCEL, HEAVY, country="") == ["parcel"]


def test_a_channel_that_ships_nothing_needs_no_method() -> None:
    assert rules.choose_method([], ZONES, parcel(), None) is None


@pytest.mark.parametrize("code", [None, "drone"])
def test_a_method_must_be_one_of_those_that_are_offered(code: str | None) -> None:
    with pytest.raises(ShippingMethodUnknown) as refused:
        rules.choose_method([PARCEL], ZONES, parcel(), code)
    assert str(refused.value).endswith("Choose one of: parcel.")


def test_a_parcel_that_is_too_heavy_is_refused_with_both_weights() -> None:
    with pytest.raises(ParcelTooHeavy) as refused:
        rules.choose_method([PARCEL, HEAVY], ZONES, parcel(grams=12_000), "heavy")
    assert str(refused.value) == (
        "12000 g are too heavy for 'heavy': at most 10000 g go to DE by it. Order in parts, or "
        "choose one of: parcel."
    )


def test_a_place_that_a_method_does_not_go_to_is_refused_by_name() -> None:
    with pytest.raises(ShippingPlaceNotServed) as refused:
        rules.choose_method([PARCEL, HEAVY], ZONES, parcel(country="FR"), "heavy")
    assert str(refused.value) == "'heavy' does not go to FR. Choose one of: parcel."


def test_goods_below_what_a_method_is_offered_from_are_refused_with_both_sums() -> None:
    offers = rules.offered([PARCEL, DEAR], ZONES, parcel())
    with pytest.raises(GoodsTotalTooLow) as refused:
        rules.check_goods(offers[1], offers, Money(49_99, EUR))
    assert str(refused.value) == (
        "'dear' is offered from 50.00 EUR on, the goods come to 49.99 EUR. Order more, or choose "
        "one of: parcel."
    )
    rules.check_goods(offers[1], offers, Money(50_00, EUR))


def test_the_steps_of_an_offer_are_those_of_its_weight_the_least_total_first() -> None:
    post = method(
        "post",
        {"price": "2.00", "grams_max": 1_000, "total_from": "30.00", "free_from": "60.00"},
        {"price": "4.00", "grams_max": 1_000},
        {"price": "8.00", "grams_max": 2_000},
    )
    (offer,) = rules.offered([post], ZONES, parcel(grams=700))
    assert offer.steps == (
        ShippingStep(total_from_minor=0, amount_minor=4_00),
        ShippingStep(total_from_minor=30_00, amount_minor=2_00, free_from_minor=60_00),
    )


def test_an_amount_finer_than_its_currency_is_refused() -> None:
    with pytest.raises(AmountInvalid):
        method("x", {"price": "4.90", "currency": "JPY"})
    with pytest.raises(AmountInvalid):
        method("x", {"price": "4.90", "free_from": "9.999"})
    with pytest.raises(CurrencyUnknown):
        method("x", {"price": "4", "currency": "TEA"})


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        ([{"price": "1"}, {"price": "2"}], "the same currency, zone, weight and total"),
        ([{"price": "1", "grams_max": 0}], "a parcel of at most 0 g is none; 1 to 1000000000 g"),
        (
            [{"price": "1", "total_from": f"{n}"} for n in range(1_001)],
            "it has 1001 rates, at most",
        ),
    ],
)
def test_a_method_of_wrong_rates_is_refused(rates: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(ShippingMethodInvalid, match=words):
        method("x", *rates)


@pytest.mark.parametrize("changes", [{"code": ""}, {"code": "a b"}, {"name": {}}])
def test_a_method_has_a_code_without_spaces_and_a_name(changes: dict[str, Any]) -> None:
    draft: dict[str, Any] = {"code": "post", "name": {"en": "Post"}, "rates": ()} | changes
    with pytest.raises(ShippingMethodInvalid):
        rules.make_method(ShippingMethodId(new_id()), ShippingMethodDraft(**draft))
