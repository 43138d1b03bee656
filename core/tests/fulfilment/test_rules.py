"""Which shipping methods a buyer may choose from, without a database."""

import pytest

from koipond.fulfilment import rules
from koipond.fulfilment.errors import ShippingMethodUnknown
from koipond.kernel.ids import ShippingMethodId, new_id
from koipond.kernel.money import AmountInvalid, Currency, CurrencyUnknown

EUR, CNY = Currency("EUR"), Currency("CNY")
PARCEL = rules.make_method(
    ShippingMethodId(new_id()), code="parcel", name={"en": "Parcel"}, prices={"EUR": "4.90"}
)


def test_prices_are_read_in_whole_minor_units() -> None:
    assert PARCEL.prices == {EUR: 490}


def test_a_method_is_offered_only_in_currencies_that_it_has_a_price_in() -> None:
    assert rules.offered([PARCEL], EUR) == [PARCEL]
    assert rules.offered([PARCEL], CNY) == []


def test_a_channel_that_ships_nothing_needs_no_method() -> None:
    assert rules.choose_method([], None) is None


@pytest.mark.parametrize("code", [None, "drone"])
def test_a_method_must_be_one_of_those_that_are_offered(code: str | None) -> None:
    with pytest.raises(ShippingMethodUnknown) as refused:
        rules.choose_method([PARCEL], code)
    assert str(refused.value).endswith("Choose one of: parcel.")


def test_a_price_finer_than_its_currency_is_refused() -> None:
    key = ShippingMethodId(new_id())
    with pytest.raises(AmountInvalid):
        rules.make_method(key, code="x", name={"en": "X"}, prices={"JPY": "4.90"})
    with pytest.raises(CurrencyUnknown):
        rules.make_method(key, code="x", name={"en": "X"}, prices={"TEA": "4"})
