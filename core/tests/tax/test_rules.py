"""Which rates of tax hold where and when, without a database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from koipond.channel.rules import make_zone
from koipond.channel.types import Place, ZoneDraft
from koipond.kernel.ids import TaxRateId, new_id
from koipond.kernel.texts import Locale
from koipond.tax import rules
from koipond.tax.errors import (
    TaxCategoryInvalid,
    TaxRateInvalid,
    TaxRateOutOfRange,
    TaxRateOverlaps,
)
from koipond.tax.types import TaxCategory, TaxRate, TaxRateDraft, TaxRules

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
DAY = timedelta(days=1)
ZONES = {
    code: make_zone(ZoneDraft(code=code, name=code, places=places))
    for code, places in {"us": ("US",), "ca": ("US/CA",), "eu": ("DE", "FR")}.items()
}


def rate(zone: str, rate_ppm: int, category: str = "standard", **told: Any) -> TaxRate:
    draft: dict[str, Any] = {"zone": zone, "category": category, "rate_ppm": rate_ppm}
    draft |= {"label": {"en": f"Tax {rate_ppm}", "zh-Hans": "税"}} | told
    return rules.make_rate(TaxRateId(new_id()), TaxRateDraft(**draft), [])


def shares(place: Place, *rates: TaxRate, now: datetime = NOW) -> dict[str, int] | None:
    known = TaxRules(zones=ZONES, categories={}, rates=rates)
    table = rules.make_table(known, place, now, included=True, locales=[Locale("en")])
    return None if table is None else {code: one.rate_ppm for code, one in table.rates.items()}


def test_a_rate_holds_in_its_zone_only() -> None:
    assert shares(Place("DE"), rate("eu", 190_000)) == {"standard": 190_000}
    assert shares(Place("CH"), rate("eu", 190_000)) is None
    assert shares(Place(""), rate("eu", 190_000)) is None


def test_the_rate_of_the_region_goes_before_that_of_the_country() -> None:
    rates = rate("us", 10_000), rate("ca", 72_500), rate("us", 5_000, "food")
    assert shares(Place("US", "ca"), *rates) == {"standard": 72_500, "food": 5_000}
    assert shares(Place("US", "NY"), *rates) == {"standard": 10_000, "food": 5_000}


def test_a_rate_holds_from_its_first_instant_until_before_its_last() -> None:
    old = rate("eu", 190_000, ends_at=NOW)
    new = rate("eu", 160_000, starts_at=NOW, ends_at=NOW + DAY)
    moment = timedelta(microseconds=1)
    assert shares(Place("DE"), old, new, now=NOW - moment) == {"standard": 190_000}
    assert shares(Place("DE"), old, new, now=NOW) == {"standard": 160_000}
    assert shares(Place("DE"), old, new, now=NOW + DAY - moment) == {"standard": 160_000}
    assert shares(Place("DE"), old, new, now=NOW + DAY) is None


def test_shipping_has_a_category_of_its_own_where_there_is_one() -> None:
    kinds = {"shipping": TaxCategory(code="shipping", name="Shipping")}
    for categories, wanted in (({}, "standard"), (kinds, "shipping")):
        known = TaxRules(zones=ZONES, categories=categories, rates=(rate("eu", 1),))
        table = rules.make_table(known, Place("DE"), NOW, included=False, locales=[])
        assert table is not None
        assert (table.goods, table.shipping, table.included) == ("standard", wanted, False)


def test_a_rate_is_called_in_the_buyers_language() -> None:
    known = TaxRules(zones=ZONES, categories={}, rates=(rate("eu", 1),))
    table = rules.make_table(known, Place("DE"), NOW, included=True, locales=[Locale("zh-Hans")])
    assert table is not None
    assert table.rates["standard"].label == "税"


@pytest.mark.parametrize("rate_ppm", [-1, 1_000_001, 10**20])
def test_a_rate_over_100_percent_or_below_0_is_refused(rate_ppm: int) -> None:
    with pytest.raises(TaxRateOutOfRange) as refused:
        rate("eu", rate_ppm)
    assert str(refused.value) == (
        f"A tax of {rate_ppm} ppm is not possible: 0 to 1000000 ppm, which is 100 %. "
        "19 % is 190000."
    )


def test_a_rate_of_100_percent_is_one() -> None:
    assert rate("eu", 1_000_000).rate_ppm == 1_000_000


def test_a_rate_that_ends_before_it_begins_or_is_called_nothing_is_refused() -> None:
    with pytest.raises(TaxRateInvalid, match=r"it would end at .* before it begins"):
        rate("eu", 1, starts_at=NOW, ends_at=NOW)
    for label in ({}, {"en": " "}, {"en": "x" * 121}):
        with pytest.raises(TaxRateInvalid, match="its label has 1 to 120 characters"):
            rate("eu", 1, label=label)


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "meets"),
    [
        (None, None, True),
        (None, NOW, False),
        (None, NOW + timedelta(seconds=1), True),
        (NOW + DAY, None, False),
        (NOW + DAY - timedelta(seconds=1), None, True),
    ],
)
def test_two_rates_of_a_category_never_hold_in_a_zone_at_once(
    starts_at: datetime | None, ends_at: datetime | None, meets: bool
) -> None:
    known = rate("eu", 190_000, starts_at=NOW, ends_at=NOW + DAY)
    new = rate("eu", 160_000, starts_at=starts_at, ends_at=ends_at)
    rules.check_overlap(rate("us", 160_000), [known])
    rules.check_overlap(rate("eu", 160_000, "food"), [known])
    if meets:
        with pytest.raises(TaxRateOverlaps, match=r"190000 ppm holds for standard in eu from"):
            rules.check_overlap(new, [known])
    else:
        rules.check_overlap(new, [known])


def test_a_category_has_a_code_and_a_name() -> None:
    assert rules.make_category("food", " Food ") == TaxCategory(code="food", name="Food")
    for code, name in (("F D", "Food"), ("food", " "), ("food", "x" * 121)):
        with pytest.raises(TaxCategoryInvalid):
            rules.make_category(code, name)
