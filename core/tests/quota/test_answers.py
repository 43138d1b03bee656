"""What a batch answers and writes, case by case; test_deciding.py has the stories."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from core.tests.quota.test_deciding import (
    CONSUMED,
    HELD,
    HOLD,
    NOON,
    PLACED,
    RELEASED,
    RETURNING,
    make_quota,
    quota_id,
)
from msgspec.structs import replace

from koipond.kernel.ids import OwnerId, SubjectId, new_id
from koipond.quota import rules
from koipond.quota.rules import Writes
from koipond.quota.types import (
    Claim,
    Granted,
    Period,
    Quota,
    QuotaSpec,
    Reason,
    Refused,
    ReleasePolicy,
    Request,
    Reservation,
)

TEA, COUPON, NEW = map(quota_id, range(3))
LIN, MEI = SubjectId(new_id()), SubjectId(new_id())
LINS, MEIS = OwnerId(new_id()), OwnerId(new_id())
TODAY, YESTERDAY = "2026-11-22", "2026-11-21"
SECOND = timedelta(seconds=1)
GRANTED = Granted(expires_at=NOON + HOLD)


def claim(quantity: int = 1, of: Any = TEA, by: SubjectId = LIN, **given: Any) -> Claim:
    return Claim(quota_id=of, subject_id=by, quantity=quantity, **given)


def ask(*claims: Claim, owner: OwnerId = LINS, part: int = 0) -> Request:
    return Request(owner_id=owner, part=part, claims=claims, hold=HOLD)


def row(quantity: int = 1, of: Any = TEA, **given: Any) -> Reservation:
    """Return what Lin's order has: held until half a hold from now."""
    plain: dict[str, Any] = {
        "owner_id": LINS,
        "part": 0,
        "subject_id": LIN,
        "period": "",
        "state": HELD,
        "expires_at": NOON + HOLD / 2,
        "release": ReleasePolicy.RETURN,
    }
    return Reservation(quota_id=of, quantity=quantity, **(plain | given))


def taken(quantity: int = 1, of: Any = TEA, **given: Any) -> Reservation:
    """Return the row that a batch at noon writes."""
    return row(quantity, of, **({"expires_at": NOON + HOLD} | given))


def key(one: Reservation) -> Any:
    return one.owner_id, one.quota_id, one.part


def decide(
    *requests: Request,
    quotas: Sequence[Quota],
    rows: Sequence[Reservation] = (),
    now: datetime = NOON,
) -> tuple[list[Granted | Refused], Writes]:
    ledger = rules.open_ledger(requests, {one.id: one for one in quotas}, rows, now)
    return rules.decide(requests, ledger, now)


def refused(reason: Reason, asked: int, left: int, of: Any = TEA) -> Refused:
    return Refused(reason=reason, quota_id=of, asked=asked, left=left)


def test_what_is_there_is_granted_and_written() -> None:
    wanted = ask(claim(2, release=ReleasePolicy.TO_PARENT), part=1)
    answers, writes = decide(wanted, quotas=[make_quota(0, capacity=5, taken=3)])
    made = taken(2, part=1, release=ReleasePolicy.TO_PARENT)
    assert answers == [GRANTED]
    assert writes == Writes(rows={key(made): made}, taken={TEA: 2})


def test_what_is_not_there_is_refused_with_what_is_and_writes_nothing() -> None:
    answers, writes = decide(ask(claim(3)), quotas=[make_quota(0, capacity=5, taken=3)])
    assert answers == [refused(Reason.SHORT, 3, 2)]
    assert writes == Writes()


def test_all_or_none_is_granted() -> None:
    both = ask(claim(1), claim(2, COUPON))
    answers, writes = decide(both, quotas=[make_quota(0), make_quota(1, capacity=1)])
    assert answers == [refused(Reason.SHORT, 2, 1, COUPON)]
    assert writes == Writes()


def test_first_come_first_served() -> None:
    requests = [ask(claim(2)), ask(claim(1, by=MEI), owner=MEIS)]
    answers, writes = decide(*requests, quotas=[make_quota(0, capacity=2)])
    assert answers == [GRANTED, refused(Reason.SHORT, 1, 0)]
    assert writes.taken == {TEA: 2}
    answers, writes = decide(*requests, quotas=[make_quota(0, capacity=3)])
    assert answers == [GRANTED, GRANTED]
    assert writes.taken == {TEA: 3}


def test_where_there_is_no_end_everything_is_granted() -> None:
    answers, writes = decide(ask(claim(10**6)), quotas=[make_quota(0, capacity=None)])
    assert (answers, writes.taken) == ([GRANTED], {TEA: 10**6})


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"starts_at": NOON}, None),
        ({"starts_at": NOON + SECOND}, Reason.EARLY),
        ({"ends_at": NOON + SECOND}, None),
        ({"ends_at": NOON}, Reason.CLOSED),
        ({"closed": True}, Reason.CLOSED),
        ({"closed": True, "starts_at": NOON + SECOND}, Reason.CLOSED),
    ],
)
def test_nothing_is_granted_before_the_start_nor_from_the_end_on(
    given: dict[str, Any], reason: Reason | None
) -> None:
    quotas = [make_quota(0, **given)]
    answers, _ = decide(ask(claim(2)), quotas=quotas)
    assert answers == [GRANTED if reason is None else refused(reason, 2, 0)]
    grown, _ = decide(ask(claim(2)), quotas=quotas, rows=[row(1)])
    assert grown == [GRANTED if reason is None else refused(reason, 2, 1)]
    kept, _ = decide(ask(claim(1)), quotas=quotas, rows=[row(2)])
    assert kept == [GRANTED]


def test_a_quota_that_is_not_there_is_unknown_or_made() -> None:
    spec = QuotaSpec(id=NEW, capacity=3)
    answers, writes = decide(ask(claim(1, NEW)), quotas=[])
    assert (answers, writes) == ([refused(Reason.UNKNOWN, 1, 0, NEW)], Writes())
    answers, writes = decide(
        ask(claim(2, NEW, create=spec)),
        ask(claim(2, NEW, by=MEI, create=spec), owner=MEIS),
        ask(claim(1, NEW, by=MEI), owner=MEIS),
        quotas=[],
    )
    assert answers == [GRANTED, refused(Reason.SHORT, 2, 1, NEW), GRANTED]
    assert (writes.created, writes.taken) == ({NEW: spec}, {NEW: 3})


def test_a_quota_that_is_made_counts_in_its_period_and_keeps_its_times() -> None:
    daily = QuotaSpec(id=NEW, subject_limit=1, period=Period.DAY)
    _, writes = decide(ask(claim(1, NEW, create=daily)), quotas=[])
    assert [*writes.rows.values()] == [taken(1, NEW, period=TODAY)]
    later = QuotaSpec(id=NEW, capacity=1, starts_at=NOON + SECOND)
    answers, writes = decide(ask(claim(1, NEW, create=later)), quotas=[])
    assert (answers, writes) == ([refused(Reason.EARLY, 1, 0, NEW)], Writes())


def test_a_limit_counts_what_a_subject_has_in_the_period() -> None:
    daily = make_quota(0, capacity=9, subject_limit=2, period=Period.DAY)

    def has(quantity: int, **given: Any) -> Reservation:
        return row(quantity, **({"owner_id": MEIS, "period": TODAY} | given))

    cases: list[tuple[list[Reservation], int | None]] = [
        ([], None),
        ([has(2, period=YESTERDAY)], None),
        ([has(2, subject_id=MEI)], None),
        ([has(2, state=RELEASED)], None),
        ([has(1)], 1),
        ([has(1, state=RETURNING)], 1),
        ([has(2, state=CONSUMED)], 0),
        ([has(2), has(1, part=1, state=PLACED)], 0),
    ]
    for rows, left in cases:
        answers, _ = decide(ask(claim(2)), quotas=[daily], rows=rows)
        assert answers == [GRANTED if left is None else refused(Reason.LIMIT, 2, left)], rows
    answers, writes = decide(ask(claim(1)), quotas=[daily], rows=[has(1)])
    assert answers == [GRANTED]
    assert [one.period for one in writes.rows.values()] == [TODAY]


def test_a_limit_counts_what_the_batch_has_granted_before() -> None:
    coupon = make_quota(0, capacity=9, subject_limit=3)
    answers, _ = decide(
        ask(claim(1)), ask(claim(3), owner=MEIS), ask(claim(2), owner=MEIS), quotas=[coupon]
    )
    assert answers == [GRANTED, refused(Reason.LIMIT, 3, 2), GRANTED]


def test_a_cart_that_grows_counts_its_own_units_once() -> None:
    coupon = make_quota(0, capacity=9, subject_limit=3)
    rows = [row(2), row(1, owner_id=MEIS)]
    answers, writes = decide(ask(claim(3)), quotas=[coupon], rows=rows)
    assert (answers, writes) == ([refused(Reason.LIMIT, 3, 2)], Writes())
    answers, writes = decide(ask(claim(3)), quotas=[coupon], rows=rows[:1])
    grown = taken(3)
    assert answers == [GRANTED]
    assert writes == Writes(rows={key(grown): grown}, was={key(grown): HELD}, taken={TEA: 1})


def test_a_cart_of_yesterday_that_grows_moves_into_today() -> None:
    daily = make_quota(0, capacity=9, subject_limit=3, period=Period.DAY)
    rows = [row(2, period=YESTERDAY), row(1, owner_id=MEIS, period=TODAY)]
    answers, _ = decide(ask(claim(3)), quotas=[daily], rows=rows)
    assert answers == [refused(Reason.LIMIT, 3, 2)]
    answers, writes = decide(ask(claim(3)), quotas=[daily], rows=rows[:1])
    assert (answers, [*writes.rows.values()]) == ([GRANTED], [taken(3, period=TODAY)])
    # What it had yesterday it has no more: another may have it, of yesterday and of today.
    answers, _ = decide(
        ask(claim(3)), ask(claim(1), owner=MEIS), quotas=[daily], rows=[row(2, period=YESTERDAY)]
    )
    assert answers == [GRANTED, refused(Reason.LIMIT, 1, 0)]


def test_a_cart_of_yesterday_that_does_not_grow_stays_there() -> None:
    daily = make_quota(0, capacity=2, taken=2, subject_limit=2, period=Period.DAY)
    rows = [row(2, period=YESTERDAY), row(2, owner_id=MEIS, period=TODAY)]
    answers, writes = decide(ask(claim(1)), quotas=[daily], rows=rows)
    assert (answers, writes.taken) == ([GRANTED], {TEA: -1})
    assert [*writes.rows.values()] == [taken(1, period=YESTERDAY)]


def test_what_a_shrinking_cart_gives_back_is_free_for_the_next_batch() -> None:
    quotas = [make_quota(0, capacity=3, taken=3)]
    requests = [ask(claim(1)), ask(claim(1, by=MEI), owner=MEIS)]
    answers, writes = decide(*requests, quotas=quotas, rows=[row(3)])
    assert answers == [GRANTED, refused(Reason.SHORT, 1, 0)]
    assert writes.taken == {TEA: -2}


def test_a_cart_that_grows_may_have_its_own_and_what_is_free() -> None:
    quotas = [make_quota(0, capacity=4, taken=3)]
    answers, _ = decide(ask(claim(3)), quotas=quotas, rows=[row(1)])
    assert answers == [refused(Reason.SHORT, 3, 2)]
    answers, writes = decide(ask(claim(2)), quotas=quotas, rows=[row(1)])
    assert (answers, writes.taken) == ([GRANTED], {TEA: 1})


def test_asking_again_for_the_same_gets_the_same_answer_and_writes_nothing() -> None:
    quotas = [make_quota(0, capacity=1, taken=1), make_quota(1, closed=True)]
    rows = [row(1), row(2, COUPON, expires_at=NOON + SECOND)]
    answers, writes = decide(ask(claim(1), claim(2, COUPON)), quotas=quotas, rows=rows)
    assert (answers, writes) == ([Granted(expires_at=NOON + SECOND)], Writes())
    placed = [replace(one, state=PLACED, expires_at=None) for one in rows]
    answers, writes = decide(ask(claim(1), claim(2, COUPON)), quotas=quotas, rows=placed)
    assert (answers, writes) == ([Granted(expires_at=None)], Writes())


def test_what_has_lapsed_is_held_anew() -> None:
    lapsed = row(2, expires_at=NOON)
    answers, writes = decide(ask(claim(2)), quotas=[make_quota(0)], rows=[lapsed])
    again = taken(2)
    assert answers == [GRANTED]
    assert writes == Writes(rows={key(again): again}, was={key(again): HELD}, taken={TEA: 0})
    closed, _ = decide(ask(claim(2)), quotas=[make_quota(0, closed=True)], rows=[lapsed])
    assert closed == [GRANTED]


def test_what_was_let_go_and_not_given_back_is_taken_again() -> None:
    for state, more in {RETURNING: 0, RELEASED: 2}.items():
        gone = row(2, state=state, expires_at=NOON + SECOND)
        answers, writes = decide(ask(claim(2)), quotas=[make_quota(0)], rows=[gone])
        assert (answers, writes.taken) == ([GRANTED], {TEA: more})
        assert writes.was == {key(gone): state}
        assert [*writes.rows.values()] == [taken(2)]


def test_what_was_given_back_and_is_taken_again_counts_for_its_limit() -> None:
    coupon = make_quota(0, capacity=9, subject_limit=2)
    gone = row(2, state=RELEASED, expires_at=None)
    answers, _ = decide(ask(claim(2)), ask(claim(1), owner=MEIS), quotas=[coupon], rows=[gone])
    assert answers == [GRANTED, refused(Reason.LIMIT, 1, 0)]


def test_what_is_not_asked_for_again_is_let_go() -> None:
    quotas = [make_quota(0), make_quota(1), make_quota(2)]
    rows = [
        row(1),
        row(2, COUPON, release=ReleasePolicy.TO_PARENT),
        row(3, NEW, state=RETURNING),
    ]
    answers, writes = decide(ask(claim(1)), quotas=quotas, rows=rows)
    returned = replace(rows[1], state=RETURNING, expires_at=NOON, release=ReleasePolicy.RETURN)
    assert answers == [GRANTED]
    assert writes == Writes(
        rows={key(rows[0]): taken(1), key(returned): returned},
        was={key(rows[0]): HELD, key(returned): HELD},
        taken={TEA: 0},
    )


def test_asking_for_nothing_lets_go_of_everything() -> None:
    answers, writes = decide(ask(), quotas=[make_quota(0)], rows=[row(1)])
    assert answers == [Granted(expires_at=None)]
    assert [(one.state, one.expires_at) for one in writes.rows.values()] == [(RETURNING, NOON)]
    assert writes.taken == {}
    answers, writes = decide(ask(), quotas=[])
    assert (answers, writes) == ([Granted(expires_at=None)], Writes())


@pytest.mark.parametrize("state", [PLACED, CONSUMED])
def test_a_placed_order_is_asked_for_no_other_units(state: Any) -> None:
    rows = [row(2, state=state, expires_at=None), row(1, COUPON)]
    quotas = [make_quota(0), make_quota(1)]
    answers, writes = decide(ask(claim(3), claim(1, COUPON)), quotas=quotas, rows=rows)
    assert (answers, writes) == ([refused(Reason.PLACED, 3, 2)], Writes())
    answers, _ = decide(ask(claim(1, COUPON)), quotas=quotas, rows=rows)
    assert answers == [refused(Reason.PLACED, 0, 2)]


def test_another_part_of_an_order_is_asked_for_by_itself() -> None:
    placed = row(2, state=PLACED, expires_at=None)
    answers, writes = decide(ask(claim(1), part=1), quotas=[make_quota(0)], rows=[placed])
    more = taken(1, part=1)
    assert answers == [GRANTED]
    assert writes == Writes(rows={key(more): more}, taken={TEA: 1})


def test_a_guest_who_logs_in_stays_whom_the_order_counted_first() -> None:
    coupon = make_quota(0, capacity=9, subject_limit=2)
    rows = [row(1), row(2, owner_id=MEIS, subject_id=MEI)]
    answers, writes = decide(ask(claim(2, by=MEI)), quotas=[coupon], rows=rows)
    assert answers == [GRANTED]
    assert [one.subject_id for one in writes.rows.values()] == [LIN]
    gone = [replace(rows[0], state=RELEASED), rows[1]]
    answers, _ = decide(ask(claim(1, by=MEI)), quotas=[coupon], rows=gone)
    assert answers == [refused(Reason.LIMIT, 1, 0)]


def test_two_requests_of_one_owner_in_a_batch_are_decided_one_after_the_other() -> None:
    answers, writes = decide(
        ask(claim(1)), ask(claim(1)), ask(claim(2)), quotas=[make_quota(0, capacity=2)]
    )
    grown = taken(2)
    assert answers == [GRANTED, GRANTED, GRANTED]
    assert writes == Writes(rows={key(grown): grown}, taken={TEA: 2})


def test_the_history_is_read_of_those_whom_a_limit_may_refuse() -> None:
    quotas = {
        one.id: one
        for one in (
            make_quota(0, capacity=1, subject_limit=1),
            make_quota(1, capacity=1, taken=1, subject_limit=1),
            make_quota(2, capacity=1),
            make_quota(3, capacity=None, subject_limit=1),
        )
    }
    requests = [ask(*(claim(1, quota_id(number)) for number in range(5)))]
    assert rules.find_pairs(requests, quotas) == {(quota_id(0), LIN), (quota_id(3), LIN)}
