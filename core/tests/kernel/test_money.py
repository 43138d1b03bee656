from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koipond.kernel.money import (
    MAX_MINOR,
    AmountInvalid,
    Currency,
    CurrencyUnknown,
    Money,
    Rounding,
    currency,
    exponent,
    parse_amount,
    rounded,
    share_of,
    split,
)

EUR = Currency("EUR")
weights = st.dictionaries(st.text(max_size=3), st.integers(0, 10**12), min_size=1).filter(
    lambda given: any(given.values())
)
totals = st.integers(-(10**15), 10**15)


@given(totals, weights)
def test_parts_sum_to_the_total(total: int, given: dict[str, int]) -> None:
    parts = split(total, given)
    assert sum(parts.values()) == total
    assert list(parts) == list(given)


@given(totals, weights)
def test_each_part_is_within_one_unit_of_its_exact_share(total: int, given: dict[str, int]) -> None:
    whole = sum(given.values())
    for key, part in split(total, given).items():
        exact = Fraction(total * given[key], whole)
        assert abs(part - exact) < 1
        assert part == 0 or (part > 0) == (total > 0)


@given(totals, weights, st.randoms())
def test_the_order_of_the_lines_changes_no_part(
    total: int, given: dict[str, int], random: "st.random_module"
) -> None:
    shuffled = list(given.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert split(total, dict(shuffled)) == split(total, given)


@given(totals, weights)
def test_a_split_of_the_negative_is_the_negative_of_the_split(
    total: int, given: dict[str, int]
) -> None:
    assert split(-total, given) == {key: -part for key, part in split(total, given).items()}


def test_lost_units_go_to_the_largest_remainders_and_ties_to_the_first_keys() -> None:
    assert split(100, {"a": 1, "b": 1, "c": 1}) == {"a": 34, "b": 33, "c": 33}
    assert split(100, {"c": 1, "b": 1, "a": 1}) == {"c": 33, "b": 33, "a": 34}
    assert split(1, {"a": 1, "b": 2}) == {"a": 0, "b": 1}
    assert split(10, {"a": 0, "b": 5}) == {"a": 0, "b": 10}
    assert split(1, {"a": 1, 2: 1}) == {"a": 0, 2: 1}


@pytest.mark.parametrize("given", [{}, {"a": 0}, {"a": -1, "b": 2}])
def test_weights_that_mean_nothing_are_our_own_bug(given: dict[str, int]) -> None:
    with pytest.raises((AssertionError, ValueError)):
        split(100, given)


@given(totals, st.integers(-2_000_000, 2_000_000))
def test_a_share_is_the_exact_product_rounded_once(amount: int, rate: int) -> None:
    exact = Fraction(amount * rate, 1_000_000)
    assert abs(share_of(amount, rate) - exact) <= Fraction(1, 2)
    assert abs(share_of(amount, rate, rounding=Rounding.HALF_EVEN) - exact) <= Fraction(1, 2)


@given(totals, st.integers(-2_000_000, 2_000_000))
def test_a_share_rounds_halves_by_the_named_rule(amount: int, rate: int) -> None:
    exact = Decimal(amount * rate) / 1_000_000
    away = int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    even = int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))
    assert share_of(amount, rate) == away
    assert share_of(amount, rate, rounding=Rounding.HALF_EVEN) == even


@pytest.mark.parametrize("denominator", [0, -1])
def test_a_fraction_of_nothing_or_less_is_a_mistake(denominator: int) -> None:
    assert rounded(7, 1) == 7
    with pytest.raises(AssertionError):
        rounded(7, denominator)


@pytest.mark.parametrize(
    ("amount", "away", "even"),
    [
        (1, 1, 0),
        (3, 2, 2),
        (5, 3, 2),
        (7, 4, 4),
        (9, 5, 4),
        (-1, -1, 0),
        (-3, -2, -2),
        (-5, -3, -2),
    ],
)
def test_half_of_an_odd_amount_is_rounded_by_the_named_rule(
    amount: int, away: int, even: int
) -> None:
    assert share_of(amount, 500_000) == away
    assert share_of(amount, 500_000, rounding=Rounding.HALF_EVEN) == even


def test_a_share_that_a_float_gets_wrong() -> None:
    assert round(2500 * 0.58 / 100) == 14
    assert share_of(2500, 5_800) == 15


@pytest.mark.parametrize(
    ("text", "code", "minor"),
    [
        ("12.50", "EUR", 1250),
        ("12.5", "EUR", 1250),
        ("12", "EUR", 1200),
        ("0", "EUR", 0),
        ("1299", "JPY", 1299),
        ("1.234", "KWD", 1234),
        ("1.500", "EUR", 150),
        ("12.00", "JPY", 12),
        ("92233720368547758.07", "EUR", MAX_MINOR),
    ],
)
def test_an_amount_is_read_exactly(text: str, code: str, minor: int) -> None:
    assert parse_amount(text, Currency(code)) == Money(minor, Currency(code))


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-1", "+1", "1.", ".5", "1,50", "1,234.00", "1e3", "NaN", "Infinity"),
        *("12.505", "１２", " 1", "1 ", "12.5€", "1.2.3", "0x10", "92233720368547758.08", "9" * 40),
    ],
)
def test_what_is_no_amount_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(AmountInvalid) as refused:
        parse_amount(text, EUR)
    assert (refused.value.value, refused.value.currency, refused.value.decimals) == (text, EUR, 2)
    assert str(refused.value) == (
        f"{text!r} is no amount in EUR: from 0 to 92233720368547758.07, at most 2 decimals, "
        "a point before them, no thousands separator. Write it like 12.50."
    )


def test_of_a_text_that_is_no_amount_forty_characters_are_told() -> None:
    with pytest.raises(AmountInvalid, match=f"^'{'9' * 40}' is no amount in EUR"):
        parse_amount("9" * 41, EUR)


def test_a_fraction_of_a_yen_is_refused() -> None:
    words = r"from 0 to 9223372036854775807, at most 0 decimals.*like 1250\."
    with pytest.raises(AmountInvalid, match=words):
        parse_amount("0.50", Currency("JPY"))


@given(st.integers(0, MAX_MINOR), st.sampled_from(["EUR", "JPY", "KWD", "CLF"]))
def test_an_amount_that_is_written_reads_back(minor: int, code: str) -> None:
    money = Money(minor, Currency(code))
    assert parse_amount(f"{money.amount:f}", money.currency) == money


def test_a_code_is_a_currency_or_refused() -> None:
    assert [currency(code) for code in ("CNY", "CLF")] == ["CNY", "CLF"]
    for code in ("", "eur", "EURO", "ABC", "CNX", "DEM", "XAU"):
        with pytest.raises(CurrencyUnknown, match="like EUR or CNY") as refused:
            currency(code)
        assert refused.value.currency == code


def test_decimals_are_those_of_iso_4217() -> None:
    codes = ["EUR", "JPY", "KWD", "CLF", "UGX", "HUF", "MGA"]
    assert [exponent(Currency(code)) for code in codes] == [2, 0, 3, 4, 0, 2, 2]


def test_money_adds_within_one_currency_only() -> None:
    two, three = Money(2_00, EUR), Money(3_00, EUR)
    results = [two + three, two - three, two * 3]
    assert results == [Money(5_00, EUR), Money(-1_00, EUR), Money(6_00, EUR)]
    with pytest.raises(AssertionError, match="EUR \\+ JPY"):
        two + Money(1, Currency("JPY"))


def test_money_is_shown_as_its_readers_write_it() -> None:
    price = Money(1_234_50, EUR)
    assert str(price) == "1234.50 EUR"
    assert price.display("en") == "€1,234.50"
    assert price.display("de-DE") == "1.234,50\xa0€"
