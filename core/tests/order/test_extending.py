"""What an edit may unlock: of the promotions that an order has, what one order would have got."""

from collections.abc import Callable, Sequence
from uuid import UUID

import msgspec
import pytest
from core.tests.order.test_paying_rules import make_order
from hypothesis import given, settings
from hypothesis import strategies as st

from koipond.kernel.ids import OrderLineId, ProductId, VariantId
from koipond.kernel.money import Currency
from koipond.order import rules
from koipond.order.types import Addition, Order, OrderLine
from koipond.pricing.rules import Proposed, price_order
from koipond.pricing.types import (
    AmountOff,
    Percent,
    PricedOrder,
    Proposal,
    QuoteLine,
    Stacking,
    StackMode,
    Stage,
    TotalIs,
    UnitPrice,
)

pytestmark = pytest.mark.story

EUR = Currency("EUR")
PROMOTIONS = {Stage.LINE_PROMOTION, Stage.ORDER_PROMOTION, Stage.COUPON}

# What a shop has: given all lines of a cart, what is proposed for them.
Shop = Callable[[Sequence[QuoteLine]], list[Proposed]]


def bought(*wanted: tuple[int, int], first: int = 1) -> list[QuoteLine]:
    """Return lines of (units, unit price)."""
    return [
        QuoteLine(
            id=OrderLineId(UUID(int=place)),
            quantity=units,
            unit=UnitPrice(list_minor=unit_minor),
            label="Tea",
        )
        for place, (units, unit_minor) in enumerate(wanted, first)
    ]


def line_of(one: QuoteLine) -> OrderLine:
    return OrderLine(
        id=one.id,
        variant_id=VariantId(UUID(int=1)),
        product_id=ProductId(UUID(int=2)),
        sku="TEA-1",
        name="Tea",
        quantity=one.quantity,
        unit_price_minor=one.unit.unit_minor,
    )


def place(lines: Sequence[QuoteLine], shop: Shop) -> Order:
    price = price_order(lines, currency=EUR, proposed=shop(lines))
    known = make_order({}, units=1)
    return msgspec.structs.replace(known, lines=tuple(map(line_of, lines)), price=price)


def add(order: Order, lines: Sequence[QuoteLine], shop: Shop) -> Order:
    """Add lines by an edit; the shop is what it was when the order was placed."""
    kept = [
        QuoteLine(
            id=line.id,
            quantity=line.quantity,
            unit=UnitPrice(list_minor=line.unit_price_minor),
            label="Tea",
        )
        for line in order.lines
        if line.quantity
    ]
    proposed = rules.extend_promotions(order, lines, shop([*kept, *lines]))
    price = price_order(lines, currency=EUR, proposed=proposed)
    return rules.edit(order, {}, rules.made_of([line_of(one) for one in lines], price))


def off(price: PricedOrder) -> int:
    return -sum(one.amount_minor for one in price.adjustments if one.stage in PROMOTIONS)


def off_at_once(lines: Sequence[QuoteLine], shop: Shop) -> int:
    return off(price_order(lines, currency=EUR, proposed=shop(lines)))


def always(*proposals: Proposal) -> Shop:
    return lambda lines: [("shop", one) for one in proposals]


def promotion(effect: Percent | AmountOff | TotalIs, **given: object) -> Proposal:
    plain = {"rule": "r", "label": "Off", "stage": Stage.ORDER_PROMOTION, "with_edits": True}
    return Proposal(effect=effect, **(plain | given))  # type: ignore[arg-type]  # by their names


FIVE_OFF = promotion(AmountOff(amount_minor=5_00))
TENTH_OFF = promotion(Percent(rate_ppm=100_000))


def test_an_amount_that_an_order_had_is_not_had_again() -> None:
    order = place(bought((1, 10_00)), always(FIVE_OFF))
    for number in range(2, 5):
        order = add(order, bought((1, 4_00), first=number), always(FIVE_OFF))
    assert (off(order.price), order.total.amount_minor) == (5_00, 17_00)


def test_a_share_goes_on_to_count_for_what_is_added() -> None:
    order = add(
        place(bought((1, 10_00)), always(TENTH_OFF)), bought((2, 4_00), first=2), always(TENTH_OFF)
    )
    assert order.price.line_total(order.lines[1].id).amount_minor == 7_20


def test_a_cap_is_one_for_the_order_and_all_its_edits() -> None:
    shop = always(promotion(Percent(rate_ppm=500_000), cap_minor=6_00))
    order = add(place(bought((1, 10_00)), shop), bought((1, 10_00), first=2), shop)
    assert off(order.price) == 6_00


def test_an_amount_for_every_so_much_counts_by_what_there_is_then() -> None:
    shop = always(promotion(AmountOff(amount_minor=3_00, every_minor=10_00)))
    order = add(place(bought((1, 15_00)), shop), bought((1, 5_00), first=2), shop)
    assert off(order.price) == 6_00


@pytest.mark.parametrize(
    "began",
    [
        promotion(AmountOff(amount_minor=5_00), minimum_minor=15_00),
        promotion(Percent(rate_ppm=100_000), with_edits=False),
    ],
    ids=["that its minimum is reached by", "of which more would have to be claimed"],
)
def test_an_edit_begins_no_promotion(began: Proposal) -> None:
    order = place(bought((1, 10_00)), always(began))
    had = off(order.price)
    assert off(add(order, bought((1, 10_00), first=2), always(began)).price) == had


def test_what_another_would_have_taken_the_place_of_is_not_had_beside_it() -> None:
    """As one order it would have had 10.00 and not 5.00: never both."""
    deal = Stacking(group="deals", mode=StackMode.BEST_DEAL)
    shop = always(
        promotion(AmountOff(amount_minor=5_00), stacking=deal),
        promotion(Percent(rate_ppm=100_000), rule="s", stacking=deal),
    )
    order = add(place(bought((1, 10_00)), shop), bought((9, 10_00), first=2), shop)
    assert off(order.price) == 5_00


def test_what_is_taken_instead_has_the_share_of_what_it_is_taken_for() -> None:
    order = place(bought((2, 10_00)), always(TENTH_OFF))
    kept = rules.edit(order, {order.lines[0].id: 1}, Addition())
    after = add(kept, bought((1, 10_00), first=2), always(TENTH_OFF))
    assert after.total == order.total


wanted = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 20_00)), min_size=1, max_size=3)
growing = st.lists(
    st.one_of(
        st.builds(Percent, rate_ppm=st.integers(1, 1_000_000)),
        st.builds(AmountOff, amount_minor=st.integers(1, 30_00)),
    ),
    min_size=1,
    max_size=2,
)
effects = st.one_of(
    st.builds(Percent, rate_ppm=st.integers(1, 1_000_000)),
    st.builds(
        AmountOff,
        amount_minor=st.integers(1, 30_00),
        every_minor=st.none() | st.integers(1_00, 30_00),
    ),
    st.builds(TotalIs, total_minor=st.integers(0, 20_00)),
)


@st.composite
def shops(draw: st.DrawFn) -> Shop:
    proposals = [
        promotion(
            effect,
            rule=str(place),
            stage=draw(st.sampled_from(sorted(PROMOTIONS))),
            minimum_minor=draw(st.sampled_from([0, 0, 10_00, 40_00])),
            cap_minor=draw(st.none() | st.integers(1, 10_00)),
            stacking=Stacking(mode=draw(st.sampled_from(StackMode))),
            priority=draw(st.integers(0, 1)),
        )
        for place, effect in enumerate(draw(st.lists(effects, min_size=1, max_size=4)))
    ]
    return always(*proposals)


@pytest.mark.slow
@settings(deadline=None)
@given(wanted, st.lists(wanted, min_size=1, max_size=3), shops())
def test_edits_never_give_more_than_one_order_of_all_that_there_was_by_then(
    first: list[tuple[int, int]], steps: list[list[tuple[int, int]]], shop: Shop
) -> None:
    lines = bought(*first)
    order = place(lines, shop)
    most = off(order.price)
    for step in steps:
        new = bought(*step, first=len(lines) + 1)
        lines += new
        order = add(order, new, shop)
        most = max(most, off_at_once(lines, shop))
        assert off(order.price) <= most
        assert all(order.price.line_total(line.id).amount_minor >= 0 for line in order.lines)


@pytest.mark.slow
@settings(deadline=None)
@given(wanted, st.lists(wanted, min_size=2, max_size=3), growing, st.none() | st.integers(1, 9_00))
def test_several_edits_give_what_one_gives(
    first: list[tuple[int, int]],
    steps: list[list[tuple[int, int]]],
    some: list[Percent | AmountOff],
    cap: int | None,
) -> None:
    """Of promotions that take more off the more there is; the last that could be given is what one
    order of all lines gets."""
    shop = always(
        *(promotion(one, rule=str(place), cap_minor=cap) for place, one in enumerate(some))
    )
    lines = bought(*first)
    started = in_steps = place(lines, shop)
    added: list[QuoteLine] = []
    for step in steps:
        new = bought(*step, first=len(lines) + len(added) + 1)
        added += new
        in_steps = add(in_steps, new, shop)
    at_once = add(started, added, shop)
    assert off(at_once.price) == off(in_steps.price)
    assert off(at_once.price) <= max(off(started.price), off_at_once([*lines, *added], shop))
