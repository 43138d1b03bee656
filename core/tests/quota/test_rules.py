"""Where units go, what is returned, when a day begins: without a database."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from core.tests.quota.pond import CONSUMED, HELD, PLACED, RELEASED, RETURNING, owner, subject
from core.tests.quota.test_deciding import make_quota, quota_id
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from koipond.kernel.errors import DomainError
from koipond.kernel.ids import SubjectId
from koipond.kernel.state import allows
from koipond.quota import rules
from koipond.quota.errors import (
    AlreadyPlaced,
    CapacityTaken,
    LimitReached,
    QuotaClosed,
    QuotaNotStarted,
    QuotaShort,
    QuotaUnknown,
    UnitsNotHeld,
)
from koipond.quota.rules import Flow, PartialReturn
from koipond.quota.types import (
    Period,
    Quota,
    QuotaSpec,
    Reason,
    Refused,
    ReleasePolicy,
    Reservation,
    ReservationState,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
STOCK, SEASON, FLASH, OTHER, ENDLESS = map(quota_id, range(5))


def row(**given_: Any) -> Reservation:
    plain: dict[str, Any] = {
        "owner_id": owner(),
        "quota_id": STOCK,
        "part": 0,
        "subject_id": subject(),
        "period": "",
        "quantity": 1,
        "state": CONSUMED,
        "expires_at": None,
        "release": ReleasePolicy.RETURN,
    }
    return Reservation(**(plain | given_))


def quotas(*, closed: Collection[int] = ()) -> dict[Any, Quota]:
    """Return stock, a season's part of it, a flash sale's part of that, another, an endless one."""
    parents = {1: STOCK, 2: SEASON}
    made = [
        make_quota(
            number,
            capacity=None if number == 4 else 100,
            taken=40,
            parent_id=parents.get(number),
            closed=number in closed,
        )
        for number in range(5)
    ]
    return {quota.id: quota for quota in made}


@pytest.mark.parametrize(
    ("period", "zone", "now", "key"),
    [
        (Period.NONE, "Asia/Shanghai", NOON, ""),
        (Period.DAY, "UTC", NOON, "2026-11-22"),
        (Period.DAY, "Asia/Shanghai", NOON.replace(hour=15, minute=59), "2026-11-22"),
        (Period.DAY, "Asia/Shanghai", NOON.replace(hour=16), "2026-11-23"),
        (Period.DAY, "America/New_York", NOON.replace(hour=4, minute=59), "2026-11-21"),
        # The night in which New York's clocks go back has 25 hours, all of one day.
        (Period.DAY, "America/New_York", datetime(2026, 11, 1, 4, tzinfo=UTC), "2026-11-01"),
        (Period.DAY, "America/New_York", datetime(2026, 11, 2, 4, 59, tzinfo=UTC), "2026-11-01"),
        (Period.DAY, "UTC", datetime(2028, 2, 29, tzinfo=UTC), "2028-02-29"),
        (Period.WEEK, "UTC", NOON, "2026-W47"),
        (Period.WEEK, "UTC", NOON + timedelta(days=1), "2026-W48"),
        # The first days of January may belong to the last week of the old year.
        (Period.WEEK, "UTC", datetime(2027, 1, 3, tzinfo=UTC), "2026-W53"),
        (Period.MONTH, "UTC", NOON, "2026-11"),
        (Period.MONTH, "Asia/Shanghai", datetime(2026, 11, 30, 16, tzinfo=UTC), "2026-12"),
    ],
)
def test_a_period_is_that_of_its_zone(period: Period, zone: str, now: datetime, key: str) -> None:
    assert rules.period_key(period, zone, now) == key


def test_every_state_is_reached_by_the_moves_there_are() -> None:
    assert set(rules.sources(PLACED)) == {HELD}
    assert set(rules.sources(CONSUMED)) == {PLACED}
    assert set(rules.sources(RETURNING)) == {HELD, PLACED, CONSUMED}
    assert set(rules.sources(RELEASED)) == {HELD, RETURNING}
    assert set(rules.sources(HELD)) == {RETURNING, RELEASED}
    assert not allows(rules.RESERVATION_MOVES, RELEASED, PLACED)
    assert not allows(rules.RESERVATION_MOVES, CONSUMED, RELEASED)


@pytest.mark.parametrize(
    ("reason", "refusal", "numbers"),
    [
        (Reason.SHORT, QuotaShort, {"asked": 3, "left": 1}),
        (Reason.LIMIT, LimitReached, {"asked": 3, "left": 1}),
        (Reason.UNKNOWN, QuotaUnknown, {}),
        (Reason.PLACED, AlreadyPlaced, {"asked": 3, "placed": 1}),
        (Reason.EARLY, QuotaNotStarted, {"asked": 3}),
        (Reason.CLOSED, QuotaClosed, {"asked": 3}),
    ],
)
def test_every_reason_has_its_refusal_with_its_numbers(
    reason: Reason, refusal: type[DomainError], numbers: dict[str, int]
) -> None:
    told = rules.refusal_of(Refused(reason=reason, quota_id=STOCK, asked=3, left=1))
    assert type(told) is refusal
    assert {name: getattr(told, name) for name in ("quota", *numbers)} == {
        "quota": STOCK,
        **numbers,
    }


def test_every_reason_is_told() -> None:
    for reason in Reason:
        assert str(rules.refusal_of(Refused(reason=reason, quota_id=STOCK, asked=3, left=1)))


def test_a_limit_by_something_else_than_members_counts_the_same_one_for_ever() -> None:
    phone = rules.subject_of("phone", "+4930123")
    assert phone == UUID("264cb4dc-a334-5f39-9bcf-49f1c22b2258")
    assert phone != rules.subject_of("device", "+4930123")
    assert phone != rules.subject_of("phone", "+4930124")


def test_what_is_free_may_go_and_no_more() -> None:
    rules.check_change(quotas(), {STOCK: -60, OTHER: 60})
    with pytest.raises(CapacityTaken) as refused:
        rules.check_change(quotas(), {OTHER: 1, STOCK: -61})
    assert (refused.value.quota, refused.value.delta) == (STOCK, -61)
    assert (refused.value.capacity, refused.value.taken) == (100, 40)
    with pytest.raises(QuotaUnknown) as unknown:
        rules.check_change({}, {STOCK: 1})
    assert unknown.value.quota == STOCK
    with pytest.raises(AssertionError, match="has no end"):
        rules.check_change(quotas(), {ENDLESS: 1})


@given(st.integers(-200, 200), st.integers(0, 100))
def test_a_count_takes_what_is_free_and_tells_exactly_the_rest(delta: int, taken: int) -> None:
    there = {STOCK: make_quota(0, capacity=100, taken=taken)}
    possible, short = rules.fit_change(there, {STOCK: delta})
    missing = max(0, taken - (100 + delta))
    assert possible == {STOCK: delta + missing}
    assert short == ({STOCK: missing} if missing else {})


def test_what_comes_back_goes_to_its_own_quota() -> None:
    rows = [row(quantity=2, state=RETURNING), row(quantity=3, state=HELD), row(quota_id=FLASH)]
    assert rules.plan_give_back(rows, quotas()) == Flow(taken={STOCK: -5, FLASH: -1})


@pytest.mark.parametrize(
    ("closed", "heir"),
    [
        ({2}, SEASON),
        ({2, 1}, STOCK),
        # None of them sells: the topmost keeps the units.
        ({2, 1, 0}, STOCK),
        (set(), None),
    ],
)
def test_what_comes_back_to_a_closed_quota_goes_to_the_nearest_open_one(
    closed: set[int], heir: Any
) -> None:
    rows = [row(quota_id=FLASH, quantity=units, state=HELD) for units in (2, 1)]
    back = rules.plan_give_back(rows, quotas(closed=closed))
    assert back == Flow(taken={FLASH: -3}, moved={(FLASH, heir): 3} if heir else {})


def test_a_closed_quota_without_a_parent_keeps_what_comes_back() -> None:
    back = rules.plan_give_back([row(state=RETURNING)], quotas(closed={0}))
    assert back == Flow(taken={STOCK: -1})


@pytest.mark.parametrize(("state", "moved"), [(HELD, False), (RETURNING, True)])
def test_only_what_was_consumed_goes_up_by_policy(state: ReservationState, moved: bool) -> None:
    up = row(quota_id=FLASH, quantity=2, state=state, release=ReleasePolicy.TO_PARENT)
    back = rules.plan_give_back([up], quotas())
    assert back == Flow(taken={FLASH: -2}, moved={(FLASH, SEASON): 2} if moved else {})


def test_a_closed_quota_leaves_what_is_free() -> None:
    there = quotas(closed={1})
    assert rules.plan_close(there[FLASH], there) == Flow(moved={(FLASH, STOCK): 60})
    assert rules.plan_close(there[STOCK], there) == Flow()
    assert rules.plan_close(there[ENDLESS], there) == Flow()
    full = quotas() | {FLASH: make_quota(2, capacity=40, taken=40, parent_id=SEASON)}
    assert rules.plan_close(full[FLASH], full) == Flow()


def test_a_purge_counts_capacity_and_taken_down_together() -> None:
    rows = [row(quantity=2), row(quantity=3), row(quota_id=ENDLESS, quantity=7)]
    assert rules.plan_purge(rows, quotas()) == Flow(
        taken={STOCK: -5, ENDLESS: -7}, purged={STOCK: 5}
    )


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            row,
            quota_id=st.sampled_from([STOCK, SEASON, FLASH, OTHER]),
            quantity=st.integers(1, 5),
            state=st.sampled_from([HELD, RETURNING]),
            release=st.sampled_from(ReleasePolicy),
        ),
        max_size=8,
    ),
    st.sets(st.integers(0, 3)),
)
def test_giving_back_neither_makes_nor_loses_units(
    rows: list[Reservation], closed: set[int]
) -> None:
    there = quotas(closed=closed)
    flow = rules.plan_give_back(rows, there)
    moves = rules.sum_moves(flow)
    assert sum(moves.values()) == 0
    assert -sum(flow.taken.values()) == sum(one.quantity for one in rows)
    for key, quota in there.items():
        if quota.capacity is not None:
            taken = quota.taken + flow.taken.get(key, 0)
            assert 0 <= taken <= quota.capacity + moves.get(key, 0)


settled = st.builds(
    row,
    quantity=st.integers(1, 4),
    state=st.sampled_from([PLACED, CONSUMED]),
    release=st.sampled_from(ReleasePolicy),
)


@pytest.mark.slow
@settings(max_examples=2 * settings.default.max_examples, deadline=None)
@given(st.lists(settled, min_size=1, max_size=4), st.integers(1, 16))
def test_a_partial_return_splits_what_there_is(rows: list[Reservation], quantity: int) -> None:
    rows = [
        row(**{name: getattr(one, name) for name in ("quantity", "state", "release")}, part=part)
        for part, one in enumerate(rows)
    ]
    there = sum(one.quantity for one in rows)
    if quantity > there:
        with pytest.raises(UnitsNotHeld) as refused:
            rules.plan_return(rows, STOCK, quantity, now=NOON)
        assert refused.value.quota == STOCK
        assert (refused.value.asked, refused.value.left) == (quantity, there)
        return
    plan = rules.plan_return(rows, STOCK, quantity, now=NOON)
    after = {one.part: one for one in rows} | {one.part: one for one in plan.changed + plan.new}
    assert sum(one.quantity for one in after.values()) == there
    assert all(one.part < 0 and one.state is RETURNING for one in plan.new)
    returning = sum(one.quantity for one in after.values() if one.state is RETURNING)
    kept = sum(one.quantity for one in rows if stays(one))
    assert quantity - kept <= returning <= quantity
    for one in plan.changed + plan.new:
        if one.state is RETURNING:
            assert one.expires_at == NOON
            assert one.release in {ReleasePolicy.RETURN, ReleasePolicy.TO_PARENT}


def stays(one: Reservation) -> bool:
    """Tell whether it stays used, as the policy's words say."""
    if one.release is ReleasePolicy.KEEP_CONSUMED:
        return one.state is CONSUMED
    return one.release is ReleasePolicy.KEEP_PLACED


def test_only_what_was_consumed_keeps_its_policy_when_it_is_returned() -> None:
    for state, release in {
        CONSUMED: ReleasePolicy.TO_PARENT,
        PLACED: ReleasePolicy.RETURN,
    }.items():
        one = row(quantity=3, state=state, release=ReleasePolicy.TO_PARENT)
        [part] = rules.plan_return([one], STOCK, 1, now=NOON).new
        assert (part.part, part.quantity, part.release) == (-1, 1, release)


@pytest.mark.parametrize(
    ("state", "release", "stay"),
    [
        (PLACED, ReleasePolicy.KEEP_PLACED, True),
        (PLACED, ReleasePolicy.KEEP_CONSUMED, False),
        (CONSUMED, ReleasePolicy.KEEP_PLACED, True),
        (CONSUMED, ReleasePolicy.KEEP_CONSUMED, True),
        (CONSUMED, ReleasePolicy.RETURN, False),
    ],
)
def test_units_whose_policy_is_to_stay_used_are_returned_where_they_are(
    state: ReservationState, release: ReleasePolicy, stay: bool
) -> None:
    one = row(quantity=2, state=state, release=release)
    plan = rules.plan_return([one], STOCK, 2, now=NOON)
    returning = replace(one, state=RETURNING, expires_at=NOON, release=ReleasePolicy.RETURN)
    assert plan == PartialReturn(changed=[] if stay else [returning])


def test_the_first_that_is_split_off_is_the_part_before_all() -> None:
    [split_off] = rules.plan_return([row(part=3, quantity=2)], STOCK, 1, now=NOON).new
    assert split_off.part == -1


def test_what_is_split_off_never_takes_a_part_that_is_there() -> None:
    rows = [row(part=-2, state=RELEASED), row(part=0, quantity=5), row(part=3, quantity=5)]
    plan = rules.plan_return(rows, STOCK, 7, now=NOON)
    assert [(one.part, one.quantity, one.state) for one in plan.changed] == [
        (3, 5, RETURNING),
        (0, 3, CONSUMED),
    ]
    assert [(one.part, one.quantity) for one in plan.new] == [(-3, 2)]


def test_a_transfer_counts_every_period_by_itself() -> None:
    daily = make_quota(1, subject_limit=2, period=Period.DAY)
    moving = [row(period="2026-11-21"), row(period="2026-11-22", quantity=2)]
    rules.check_transfer(daily, moving, [row(period="2026-11-21")])
    rules.check_transfer(daily, moving, [row(period="2026-11-22", state=RELEASED)])
    with pytest.raises(LimitReached) as refused:
        rules.check_transfer(daily, moving, [row(period="2026-11-22")])
    assert (refused.value.quota, refused.value.asked, refused.value.left) == (daily.id, 2, 1)
    has_two = [row(period="2026-11-22"), row(period="2026-11-22")]
    with pytest.raises(LimitReached) as refused:
        rules.check_transfer(daily, moving, has_two)
    assert (refused.value.asked, refused.value.left) == (2, 0)
    rules.check_transfer(make_quota(0), moving, [row(quantity=50)])


def test_what_a_merge_leaves_over_the_limit_is_known() -> None:
    lin, mei = subject(), subject()
    rows = [
        row(subject_id=lin, period="2026-11-21", quantity=2),
        row(subject_id=lin, period="2026-11-21", quantity=1),
        row(subject_id=lin, period="2026-11-22", quantity=2),
        row(subject_id=lin, period="2026-11-22", quantity=1, state=RELEASED),
        row(subject_id=mei, period="2026-11-22", quantity=9),
    ]
    assert excess(rows, lin) == {"2026-11-21": 3}
    assert excess(rows, subject()) == {}
    assert rules.find_excess(make_quota(0), rows, lin) == {}


def excess(rows: list[Reservation], of: SubjectId) -> dict[str, int]:
    return rules.find_excess(make_quota(1, subject_limit=2), rows, of)


def test_a_quota_that_cannot_be_is_our_bug() -> None:
    for wrong in (
        {"capacity": -1},
        {"subject_limit": 0},
        {"capacity": 5, "parent_id": STOCK},
        {"capacity": None, "parent_id": STOCK},
    ):
        with pytest.raises(AssertionError):
            QuotaSpec(id=OTHER, **wrong)
    assert QuotaSpec(id=OTHER, capacity=0, parent_id=STOCK).capacity == 0
