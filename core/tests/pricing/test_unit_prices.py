"""Which of all prices a unit has: one tier's, then exactly one activity's; losers are kept."""

from datetime import UTC, datetime
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from koipond.kernel.ids import ActivityId, OrderLineId, new_id
from koipond.kernel.money import Currency
from koipond.pricing.rules import Offered, choose_unit_price, price_order
from koipond.pricing.types import Adjustment, Considered, PriceQuote, QuoteLine, Stage, Verdict

KEY = UUID(int=1)
LATER = datetime(2026, 11, 22, 12, tzinfo=UTC)


def quoted(
    origin: str, minor: int, *, stage: Stage = Stage.ACTIVITY, rule: str = "r", chosen: bool = False
) -> Offered:
    return origin, PriceQuote(
        key=KEY,
        stage=stage,
        unit_price_minor=minor,
        label=f"{origin} price",
        rule=rule,
        ends_at=LATER,
        chosen=chosen,
    )


def test_without_a_quote_a_unit_costs_what_the_list_says() -> None:
    unit = choose_unit_price(10_00, [])
    assert (unit.unit_minor, unit.won, unit.considered) == (10_00, (), ())


def test_of_activities_the_cheapest_wins_and_the_trace_lists_the_losers() -> None:
    unit = choose_unit_price(10_00, [quoted("live", 8_00), quoted("flashsale", 7_00)])
    assert unit.unit_minor == 7_00
    assert [(one.origin, one.verdict) for one in unit.considered] == [
        ("flashsale", Verdict.WON),
        ("live", Verdict.BEATEN),
    ]


def test_what_the_buyer_chose_wins_though_another_is_cheaper() -> None:
    unit = choose_unit_price(
        10_00, [quoted("groupbuy", 8_00, chosen=True), quoted("flashsale", 7_00)]
    )
    assert unit.unit_minor == 8_00
    assert [(one.origin, one.verdict) for one in unit.considered] == [
        ("flashsale", Verdict.NOT_CHOSEN),
        ("groupbuy", Verdict.WON),
    ]


def test_an_activity_that_is_not_cheaper_does_not_count() -> None:
    unit = choose_unit_price(10_00, [quoted("flashsale", 10_00)])
    assert unit.unit_minor == 10_00
    assert [one.verdict for one in unit.considered] == [Verdict.NOT_CHEAPER]


def test_an_activity_is_measured_against_the_tier_price() -> None:
    tier = quoted("tiers", 9_00, stage=Stage.TIER_PRICE)
    dear = choose_unit_price(10_00, [tier, quoted("flashsale", 9_50)])
    assert (dear.unit_minor, [one.origin for one in dear.won]) == (9_00, ["tiers"])
    cheap = choose_unit_price(10_00, [tier, quoted("flashsale", 8_00)])
    assert (cheap.unit_minor, [one.origin for one in cheap.won]) == (8_00, ["tiers", "flashsale"])


def test_each_rule_that_won_is_an_adjustment_of_its_own() -> None:
    unit = choose_unit_price(
        10_00, [quoted("tiers", 9_00, stage=Stage.TIER_PRICE), quoted("flashsale", 7_50)]
    )
    line = QuoteLine(id=OrderLineId(new_id()), quantity=3, unit=unit, label="Tea")
    price = price_order([line], currency=Currency("EUR"), shipping=None)
    assert [(one.stage, one.origin, one.amount_minor) for one in price.adjustments] == [
        (Stage.PRICE_LIST, "koipond", 30_00),
        (Stage.TIER_PRICE, "tiers", -3_00),
        (Stage.ACTIVITY, "flashsale", -4_50),
    ]
    assert price.total.amount_minor == 22_50
    assert price.considered == unit.considered


offers = st.lists(
    st.builds(
        quoted,
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 20_00),
        stage=st.sampled_from([Stage.TIER_PRICE, Stage.ACTIVITY]),
        rule=st.sampled_from(["r", "s"]),
    ),
    max_size=6,
)


@given(st.integers(0, 20_00), offers, st.randoms())
def test_the_order_of_quotes_changes_nothing_and_a_unit_never_costs_more(
    list_minor: int, offered: list[Offered], chance: Random
) -> None:
    there = choose_unit_price(list_minor, offered)
    shuffled = list(offered)
    chance.shuffle(shuffled)
    back = choose_unit_price(list_minor, shuffled)
    assert back.unit_minor == there.unit_minor
    assert there.unit_minor == min(list_minor, *(one.unit_price_minor for _, one in offered), 10**9)
    assert len([one for one in there.won if one.stage is Stage.ACTIVITY]) <= 1
    assert len(there.considered) == len(offered)


def test_the_trace_keeps_all_of_a_quote_and_its_amount_is_of_its_line() -> None:
    line, activity = OrderLineId(KEY), ActivityId(UUID(int=7))
    origin, offer = quoted("flashsale", 8_00, rule="noon")
    unit = choose_unit_price(10_00, [(origin, replace(offer, activity_id=activity))])
    kept = Considered(
        key=KEY,
        stage=Stage.ACTIVITY,
        origin="flashsale",
        rule="noon",
        label="flashsale price",
        unit_price_minor=8_00,
        verdict=Verdict.WON,
        ends_at=LATER,
        activity_id=activity,
    )
    assert unit.considered == (kept,)
    wanted = QuoteLine(id=line, quantity=3, unit=unit, label="Tea")
    priced = price_order([wanted], currency=Currency("EUR"), shipping=None)
    assert priced.considered == (kept,)
    assert priced.adjustments[1] == Adjustment(
        stage=Stage.ACTIVITY,
        line_id=line,
        amount_minor=-6_00,
        label="flashsale price",
        origin="flashsale",
        rule="noon",
    )


def test_where_the_best_is_not_cheaper_none_is_beaten() -> None:
    unit = choose_unit_price(10_00, [quoted("flashsale", 10_00), quoted("live", 11_00)])
    assert [one.verdict for one in unit.considered] == [Verdict.NOT_CHEAPER, Verdict.NOT_CHEAPER]
