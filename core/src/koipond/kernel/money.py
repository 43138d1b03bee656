"""Money: whole minor units beside a currency, rounding with a name, parts that sum to the whole."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, NewType, TypeVar

from babel.core import get_global
from babel.numbers import format_currency
from msgspec import Struct

from koipond.kernel.errors import DomainError, domain_error

Currency = NewType("Currency", str)
K = TypeVar("K", bound=Hashable)

PPM = 1_000_000
MAX_MINOR = 2**63 - 1

# ISO 4217 exponents that are not 2. CLDR's display digits differ (it shows no decimals for AFN or
# LBP), and what a payment provider charges follows ISO.
_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_EXPONENTS = {
    **dict.fromkeys(_NO_DECIMALS.split(), 0),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
_AMOUNT = re.compile(r"([0-9]{1,19})(?:\.([0-9]{1,19}))?")
# Codes of ISO 4217 that are no tender of a territory: funds and units of account.
_FUNDS = "BOV CHE CHW CLF COU MXV USN UYI UYW VED"
# What is tender somewhere today. Babel also lists what was once (DEM) and what is none (CNX, XAU).
_KNOWN = frozenset(_FUNDS.split()) | {
    code
    for periods in get_global("territory_currencies").values()
    for code, _, end, is_tender in periods
    if is_tender and end is None
}


class Rounding(StrEnum):
    """How a fraction of a minor unit becomes a whole one."""

    HALF_AWAY = "half_away"
    HALF_EVEN = "half_even"


class RoundingPolicy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a currency's fractions become whole minor units.

    per_unit: shares of a line are rounded for each unit of it, not once for the line.
    """

    rounding: Rounding = Rounding.HALF_AWAY
    per_unit: bool = False


@domain_error
class CurrencyUnknown(DomainError):
    """A code that is not a current ISO 4217 currency."""

    code: ClassVar[str] = "CURRENCY_UNKNOWN"
    currency: str

    def __str__(self) -> str:
        return f"{self.currency!r} is no current ISO 4217 currency. Write it like EUR or CNY."


@domain_error
class AmountInvalid(DomainError):
    """Text that is not an amount of this currency."""

    code: ClassVar[str] = "AMOUNT_INVALID"
    value: str
    currency: str
    decimals: int

    def __str__(self) -> str:
        example = format(Decimal(1250).scaleb(-self.decimals), "f")
        most = format(Decimal(MAX_MINOR).scaleb(-self.decimals), "f")
        return (
            f"{self.value[:40]!r} is no amount in {self.currency}: from 0 to {most}, at most "
            f"{self.decimals} decimals, a point before them, no thousands separator. "
            f"Write it like {example}."
        )


class Money(Struct, frozen=True, order=True):
    """A whole number of minor units of one currency; may be negative (a discount, a correction)."""

    amount_minor: int
    currency: Currency

    def __add__(self, other: Money) -> Money:
        assert self.currency == other.currency, f"{self.currency} + {other.currency}"
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return self + -other

    def __neg__(self) -> Money:
        return Money(-self.amount_minor, self.currency)

    def __mul__(self, quantity: int) -> Money:
        return Money(self.amount_minor * quantity, self.currency)

    @property
    def amount(self) -> Decimal:
        """The amount in major units, exact, with the currency's number of decimals."""
        return Decimal(self.amount_minor).scaleb(-exponent(self.currency))

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    def display(self, locale: str) -> str:
        """Write the amount as people of `locale` (BCP 47) read it, for messages and pages."""
        return format_currency(self.amount, self.currency, locale=locale.replace("-", "_"))


def currency(code: str) -> Currency:
    """Return `code` as a Currency. Raises CurrencyUnknown."""
    if code not in _KNOWN:
        raise CurrencyUnknown(currency=code)
    return Currency(code)


def exponent(code: Currency) -> int:
    """Return the number of decimals of a currency, as ISO 4217 has it."""
    return _EXPONENTS.get(code, 2)


def parse_amount(text: str, code: Currency) -> Money:
    """Read a price as people write it in files and inputs: `12.50`, `1299`.

    Raises AmountInvalid for anything that is negative, not a number, written with separators, or
    finer than the currency, so that nothing is rounded silently.
    """
    decimals = exponent(code)
    match = _AMOUNT.fullmatch(text)
    whole, fraction = (match[1], match[2] or "") if match else ("", "")
    minor = int(whole + fraction[:decimals].ljust(decimals, "0")) if match else -1
    if fraction[decimals:].strip("0") or not 0 <= minor <= MAX_MINOR:
        raise AmountInvalid(value=text, currency=code, decimals=decimals)
    return Money(minor, code)


def share_of(amount_minor: int, rate_ppm: int, *, rounding: Rounding = Rounding.HALF_AWAY) -> int:
    """Return `rate_ppm` millionths of `amount_minor`, rounded once, to a whole minor unit.

    Both may be negative. HALF_AWAY rounds a half away from zero, HALF_EVEN to the even neighbour.
    """
    return rounded(amount_minor * rate_ppm, PPM, rounding=rounding)


def rounded(numerator: int, denominator: int, *, rounding: Rounding = Rounding.HALF_AWAY) -> int:
    """Return a fraction as a whole number: every rounding of an amount is this one.

    denominator > 0. HALF_AWAY rounds a half away from zero, HALF_EVEN to the even neighbour.
    """
    assert denominator > 0, f"{numerator} / {denominator}"
    whole, rest = divmod(abs(numerator), denominator)
    up = rest * 2 > denominator
    if rest * 2 == denominator:
        up = rounding is Rounding.HALF_AWAY or whole % 2 == 1
    whole += up
    return whole if numerator >= 0 else -whole


def split(total_minor: int, weights: Mapping[K, int]) -> dict[K, int]:
    """Split `total_minor` in proportion to `weights`; the parts sum to it exactly.

    weights: {key: weight}, each >= 0, not all zero. Returns {key: amount} in the same order, each
    part within one minor unit of its exact share and of the total's sign. Units lost to rounding
    down go one each to the largest remainders, ties by the given keys, so that the order of lines
    changes nothing. (Hamilton's method of largest remainders.)
    """
    whole = sum(weights.values())
    assert whole > 0, f"weights must not all be 0: {weights}"
    assert min(weights.values()) >= 0, f"weights must be >= 0: {weights}"
    size, sign = abs(total_minor), 1 if total_minor >= 0 else -1
    parts = {key: size * weight // whole for key, weight in weights.items()}
    lost = size - sum(parts.values())
    by_remainder = sorted(
        weights, key=lambda key: (-(size * weights[key] % whole), str(type(key)), key)
    )
    for key in by_remainder[:lost]:
        parts[key] += 1
    return {key: sign * part for key, part in parts.items()}
