"""Which shipping methods a buyer may choose from."""

from collections.abc import Mapping, Sequence

from koipond.fulfilment.errors import ShippingMethodUnknown
from koipond.fulfilment.types import ShippingMethod
from koipond.kernel.ids import ShippingMethodId
from koipond.kernel.money import Currency, parse_amount
from koipond.kernel.money import currency as parse_currency
from koipond.kernel.texts import locale as parse_locale


def offered(methods: Sequence[ShippingMethod], currency: Currency) -> list[ShippingMethod]:
    """Return the methods that have a price in `currency`."""
    return [method for method in methods if currency in method.prices]


def choose_method(methods: Sequence[ShippingMethod], code: str | None) -> ShippingMethod | None:
    """Return the method of this code; None if the channel ships nothing and none was asked for.

    methods: those that are offered. Raises ShippingMethodUnknown, also when one must be chosen.
    """
    found = next((method for method in methods if method.code == code), None)
    if found is None and (methods or code):
        known = ", ".join(method.code for method in methods) or "none; leave it out"
        raise ShippingMethodUnknown(shipping_method=code or "", known=known)
    return found


def make_method(
    key: ShippingMethodId, *, code: str, name: Mapping[str, str], prices: Mapping[str, str]
) -> ShippingMethod:
    """Make a method from plain words: name {locale: text}, prices {currency: "12.50"}.

    Raises CurrencyUnknown, AmountInvalid, LocaleUnknown.
    """
    amounts = {}
    for wanted, text in prices.items():
        known = parse_currency(wanted)
        amounts[known] = parse_amount(text, known).amount_minor
    texts = {parse_locale(tag): text for tag, text in name.items()}
    return ShippingMethod(id=key, code=code, name=texts, prices=amounts)
