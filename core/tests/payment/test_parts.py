"""What was paid for each part of an order, and what of it goes back."""

from uuid import UUID

import pytest
from core.tests.payment.payments import captured, eur
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from koipond.kernel.ids import PaymentId, new_id
from koipond.payment import rules
from koipond.payment.types import PaidPart, Payment

PARTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=6).filter(any)


@st.composite
def bought(draw: st.DrawFn) -> tuple[dict[UUID, int], list[Payment]]:
    """Return what the parts of an order cost, and payments that sum to it."""
    costs = draw(PARTS)
    total = sum(costs)
    cuts = sorted(draw(st.lists(st.integers(0, total), max_size=3)))
    sums = [high - low for low, high in zip([0, *cuts], [*cuts, total], strict=True)]
    return {new_id(): cost for cost in costs}, [captured(one) for one in sums]


@given(bought())
def test_what_was_paid_for_each_part_sums_both_ways(
    order: tuple[dict[UUID, int], list[Payment]],
) -> None:
    parts, payments = order
    frozen = rules.freeze_parts(parts, payments)
    for part, cost in parts.items():
        assert sum(one.paid_minor for one in frozen if one.part_id == part) == cost
    for tender in payments:
        own = sum(one.paid_minor for one in frozen if one.payment_id == tender.id)
        assert own == tender.captured.amount_minor
    assert all(one.paid_minor > 0 for one in frozen)


def test_more_than_the_parts_cost_is_no_part_of_them() -> None:
    part = new_id()
    first, second = captured(60), captured(60)
    frozen = rules.freeze_parts({part: 100}, [first, second])
    assert [(one.payment_id, one.paid_minor) for one in frozen] == [
        (first.id, 60),
        (second.id, 40),
    ]
    assert rules.surplus(first, frozen) == 0
    assert rules.surplus(second, frozen) == 20
    assert rules.surplus(replace(second, refunded=eur(20)), frozen) == 0
    assert rules.surplus(replace(second, refunded=eur(30)), frozen) == 0
    of_the_part = [replace(one, refunded_minor=5) for one in frozen]
    assert rules.surplus(replace(second, refunded=eur(5)), of_the_part) == 20
    assert rules.surplus(replace(second, refunded=eur(12)), of_the_part) == 13


@given(bought(), st.lists(st.tuples(st.booleans(), st.integers(1, 10**6)), max_size=8))
def test_all_that_goes_back_in_whatever_steps_is_exactly_what_was_paid(
    order: tuple[dict[UUID, int], list[Payment]], steps: list[tuple[bool, int]]
) -> None:
    parts, payments = order
    left = rules.freeze_parts(parts, payments)
    given_back: dict[tuple[UUID, UUID], int] = {}
    for by_part, size in [*steps, (False, sum(parts.values()))]:
        chosen = left
        if by_part and left:
            wanted = left[size % len(left)].part_id
            chosen = [one for one in left if one.part_id == wanted]
        amount = min(size, sum(one.left_minor for one in chosen))
        plan = rules.plan_amount(amount, chosen)
        assert sum(plan.values()) == amount
        left = [
            replace(one, refunded_minor=one.refunded_minor + plan.get(one.key, 0)) for one in left
        ]
        assert all(0 <= one.refunded_minor <= one.paid_minor for one in left)
        for key, share in plan.items():
            given_back[key] = given_back.get(key, 0) + share
    for tender in payments:
        back = sum(share for (key, _), share in given_back.items() if key == tender.id)
        assert back == tender.captured.amount_minor


@given(st.integers(0, 10**6), st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_units_given_back_one_after_the_other_sum_to_what_the_line_was_paid(
    paid: int, steps: list[int]
) -> None:
    units, before, left = sum(steps), 0, paid
    for more in steps:
        back = rules.refund_units(
            paid_minor=paid, left_minor=left, units=units, before=before, more=more
        )
        assert 0 <= back <= left
        before, left = before + more, left - back
    assert left == 0


def test_each_unit_gives_back_its_share_and_the_last_one_the_rest() -> None:
    shares = []
    left = 100
    for before in range(3):
        back = rules.refund_units(paid_minor=100, left_minor=left, units=3, before=before, more=1)
        shares.append(back)
        left -= back
    assert shares == [33, 33, 34]
    assert rules.refund_units(paid_minor=100, left_minor=10, units=3, before=0, more=1) == 10
    assert rules.refund_units(paid_minor=100, left_minor=90, units=3, before=1, more=2) == 90


@pytest.mark.parametrize(("before", "more"), [(-1, 1), (0, 0), (1, 3)])
def test_units_that_cannot_be_given_back_are_our_own_bug(before: int, more: int) -> None:
    with pytest.raises(AssertionError, match=r"^checked by the caller"):
        rules.refund_units(paid_minor=100, left_minor=100, units=3, before=before, more=more)


def test_all_that_is_left_is_what_was_not_given_back() -> None:
    key, part, other = PaymentId(new_id()), new_id(), new_id()
    parts = [
        PaidPart(payment_id=key, part_id=part, paid_minor=10, refunded_minor=4),
        PaidPart(payment_id=key, part_id=other, paid_minor=5, refunded_minor=5),
    ]
    assert rules.plan_whole(parts) == {(key, part): 6}
    assert rules.plan_amount(0, parts) == {}
    two = [
        PaidPart(payment_id=key, part_id=UUID(int=number), paid_minor=1, refunded_minor=0)
        for number in range(2)
    ]
    assert rules.plan_amount(1, two) == {two[0].key: 1}
    with pytest.raises(AssertionError, match=r"^checked by the caller"):
        rules.plan_amount(7, parts)


def test_several_payments_together_pay_no_more_than_parts_cost() -> None:
    tea, cup = new_id(), new_id()
    first, second, third = captured(15), captured(15), captured(15)
    frozen = rules.refreeze_parts({tea: 20, cup: 20}, [], [first, second, third], {})
    assert sum(one.paid_minor for one in frozen if one.part_id == tea) == 20
    assert sum(one.paid_minor for one in frozen if one.part_id == cup) == 20
    own = [
        sum(one.paid_minor for one in frozen if one.payment_id == paid.id)
        for paid in (first, second, third)
    ]
    assert own == [15, 15, 10]
