"""Who gets what, against a naive model that knows everything and reads every row each time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from core.tests.quota.rebuilt import rebuilt
from hypothesis import given, settings
from hypothesis import strategies as st

from koipond.kernel.ids import OwnerId, QuotaId, SubjectId
from koipond.quota.rules import deciding
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
    ReservationState,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOLD = timedelta(seconds=90)
HELD, PLACED, CONSUMED, RETURNING, RELEASED = ReservationState


def quota_id(number: int) -> QuotaId:
    return QuotaId(UUID(int=100 + number))


def make_quota(number: int, **given: Any) -> Quota:
    plain: dict[str, Any] = {
        "capacity": 5,
        "taken": 0,
        "subject_limit": None,
        "period": Period.NONE,
        "time_zone": "UTC",
        "parent_id": None,
        "closed": False,
        "starts_at": None,
        "ends_at": None,
    }
    return Quota(id=quota_id(number), **(plain | given))


# Stock, a daily flash sale, a coupon of two per person, a limit without units, one that ends.
QUOTAS = [
    make_quota(0, capacity=5),
    make_quota(1, capacity=4, subject_limit=2, period=Period.DAY),
    make_quota(2, capacity=3, subject_limit=2),
    make_quota(3, capacity=None, subject_limit=3, period=Period.DAY),
    make_quota(4, capacity=6, subject_limit=4, ends_at=NOON + timedelta(days=1)),
]
# Made by the first who claims it.
TEAM = QuotaSpec(id=quota_id(5), capacity=3, subject_limit=1)


@dataclass
class Store:
    """What a database would hold."""

    quotas: dict[QuotaId, Quota] = field(default_factory=dict)
    rows: dict[tuple[OwnerId, QuotaId, int], Reservation] = field(default_factory=dict)

    def taken(self, key: QuotaId) -> int:
        return sum(
            row.quantity
            for row in self.rows.values()
            if row.quota_id == key and row.state is not RELEASED
        )

    def now_is(self) -> dict[QuotaId, Quota]:
        """Return the quotas with what is taken of them."""
        return {key: quota_with(quota, taken=self.taken(key)) for key, quota in self.quotas.items()}


def quota_with(quota: Quota, **changes: Any) -> Quota:
    values = {name: getattr(quota, name) for name in Quota.__struct_fields__}
    return Quota(**(values | changes))


def row_with(row: Reservation, **changes: Any) -> Reservation:
    values = {name: getattr(row, name) for name in Reservation.__struct_fields__}
    return Reservation(**(values | changes))


# What can happen: a batch at a time of day, or an order or a job that moves rows.
Step = tuple[str, Any]

claims = st.dictionaries(
    st.integers(0, 5), st.tuples(st.integers(1, 4), st.integers(0, 2)), max_size=3
)
requests = st.tuples(st.integers(0, 3), st.integers(0, 1), claims)
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.tuples(st.just("batch"), st.lists(requests, min_size=1, max_size=6)),
        st.tuples(st.just("wait"), st.sampled_from([30, 100, 50_000])),
        st.tuples(st.sampled_from(["place", "let_go"]), st.integers(0, 3)),
        st.tuples(st.just("give_back"), st.none()),
    ),
    max_size=14,
)


def make_request(owner: int, part: int, wanted: dict[int, tuple[int, int]]) -> Request:
    return Request(
        owner_id=OwnerId(UUID(int=1 + owner)),
        part=part,
        claims=tuple(
            Claim(
                quota_id=quota_id(number),
                subject_id=SubjectId(UUID(int=50 + subject)),
                quantity=units,
                create=TEAM if number == 5 else None,
            )
            for number, (units, subject) in wanted.items()
        ),
        hold=HOLD,
    )


def play(
    story: list[Step], answer_batch: Callable[[Store, list[Request], datetime], list[Any]]
) -> tuple[list[Any], Store]:
    """Return every answer that was given, and what was left at the end."""
    store = Store(quotas={quota.id: quota for quota in QUOTAS})
    now = NOON
    answers: list[Any] = []
    for what, given_ in story:
        if what == "wait":
            now += timedelta(seconds=given_)
        elif what == "batch":
            answers += answer_batch(store, [make_request(*one) for one in given_], now)
        else:
            move_rows(store, what, given_, now)
        check(store)
    return answers, store


def move_rows(store: Store, what: str, owner: int | None, now: datetime) -> None:
    for key, row in store.rows.items():
        mine = owner is not None and row.owner_id == UUID(int=1 + owner)
        if what == "place" and mine and row.state is HELD:
            store.rows[key] = row_with(row, state=PLACED, expires_at=None)
        elif what == "let_go" and mine and row.state in {HELD, PLACED}:
            store.rows[key] = row_with(row, state=RETURNING, expires_at=now)
        elif what == "give_back" and row.expires_at is not None and row.expires_at <= now:
            store.rows[key] = row_with(row, state=RELEASED, expires_at=None)


class Broken(Exception):
    """A promise that does not hold."""


def check(store: Store) -> None:
    used: dict[Any, int] = {}
    for row in store.rows.values():
        if row.state is not RELEASED:
            key = (row.quota_id, row.subject_id, row.period)
            used[key] = used.get(key, 0) + row.quantity
    for (key, _, _), units in used.items():
        limit = store.quotas[key].subject_limit
        if limit is not None and units > limit:
            raise Broken(f"{units} of {limit}")
    for key, quota in store.quotas.items():
        if quota.capacity is not None and store.taken(key) > quota.capacity:
            raise Broken(f"{store.taken(key)} of {quota.capacity}")


def by_the_rules(
    store: Store, batch: list[Request], now: datetime, build: Any = deciding
) -> list[Any]:
    """Answer a batch as the desk does, from what its statements read, and write what it would."""
    wanted = {claim.quota_id for one in batch for claim in one.claims}
    quotas = {key: quota for key, quota in store.now_is().items() if key in wanted}
    owners = {one.owner_id for one in batch}
    pairs = build.find_pairs(batch, quotas)
    own = [row for row in store.rows.values() if row.owner_id in owners]
    limited = {key for key, _ in pairs}
    pairs |= {(row.quota_id, row.subject_id) for row in own if row.quota_id in limited}
    read = [
        row
        for row in store.rows.values()
        if row.owner_id in owners
        or ((row.quota_id, row.subject_id) in pairs and row.state is not RELEASED)
    ]
    ledger = build.open_ledger(batch, quotas, read, now)
    answers, writes = build.decide(batch, ledger, now)
    before = {key: store.taken(key) for key in wanted}
    for key, spec in writes.created.items():
        store.quotas[key] = make_quota(5, capacity=spec.capacity, subject_limit=spec.subject_limit)
    for key, state in writes.was.items():
        assert store.rows[key].state is state
    assert all(key in writes.was or key not in store.rows for key in writes.rows)
    store.rows.update(writes.rows)
    for key in wanted & set(store.quotas):
        assert store.taken(key) == before[key] + writes.taken.get(key, 0)
    return list(answers)


def naively(store: Store, batch: list[Request], now: datetime) -> list[Any]:
    """Answer a batch by looking through all rows for every claim."""
    free = {
        key: None if quota.capacity is None else quota.capacity - store.taken(key)
        for key, quota in store.quotas.items()
    }
    return [answer_naively(store, free, one, now) for one in batch]


def answer_naively(
    store: Store, free: dict[QuotaId, int | None], request: Request, now: datetime
) -> Granted | Refused:
    mine = {
        row.quota_id: row
        for row in store.rows.values()
        if (row.owner_id, row.part) == (request.owner_id, request.part)
    }
    has = {key: row for key, row in mine.items() if row.state in {HELD, PLACED, CONSUMED}}
    asked = {claim.quota_id: claim.quantity for claim in request.claims}
    lapsed = any(row.state is HELD and row.expires_at <= now for row in has.values())
    if mine and {key: row.quantity for key, row in has.items()} == asked and not lapsed:
        ends = [row.expires_at for row in has.values() if row.expires_at is not None]
        return Granted(expires_at=min(ends, default=None))
    for key, row in mine.items():
        if row.state in {PLACED, CONSUMED}:
            return Refused(
                reason=Reason.PLACED, quota_id=key, asked=asked.get(key, 0), left=row.quantity
            )
    for claim in request.claims:
        refused = refuse_naively(store, free, mine.get(claim.quota_id), claim, now)
        if refused is not None:
            return Refused(
                reason=refused[0], quota_id=claim.quota_id, asked=claim.quantity, left=refused[1]
            )
    for claim in request.claims:
        grant_naively(store, free, claim, request, now)
    for key, row in mine.items():
        if key not in asked and row.state is HELD:
            store.rows[row.owner_id, key, row.part] = row_with(
                row, state=RETURNING, expires_at=now, release=ReleasePolicy.RETURN
            )
    return Granted(expires_at=now + HOLD if request.claims else None)


def refuse_naively(
    store: Store,
    free: dict[QuotaId, int | None],
    had: Reservation | None,
    claim: Claim,
    now: datetime,
) -> tuple[Reason, int] | None:
    quota = store.quotas.get(claim.quota_id) or (
        make_quota(5, capacity=3, subject_limit=1) if claim.create else None
    )
    if quota is None:
        return Reason.UNKNOWN, 0
    counted = had.quantity if had is not None and had.state is not RELEASED else 0
    if claim.quantity <= counted:
        return None
    if quota.ends_at is not None and now >= quota.ends_at:
        return Reason.CLOSED, counted
    left = free.get(claim.quota_id, quota.capacity)
    if left is not None and counted + left < claim.quantity:
        return Reason.SHORT, counted + left
    if quota.subject_limit is not None:
        subject = had.subject_id if had is not None and counted else claim.subject_id
        others = sum(
            row.quantity
            for row in store.rows.values()
            if (row.quota_id, row.subject_id) == (claim.quota_id, subject)
            and row.period == day_of(quota, now)
            and row.state is not RELEASED
            and row is not had
        )
        if others + claim.quantity > quota.subject_limit:
            return Reason.LIMIT, max(0, quota.subject_limit - others)
    return None


def grant_naively(
    store: Store,
    free: dict[QuotaId, int | None],
    claim: Claim,
    request: Request,
    now: datetime,
) -> None:
    had = store.rows.get((request.owner_id, claim.quota_id, request.part))
    if claim.quota_id not in store.quotas:
        store.quotas[claim.quota_id] = make_quota(5, capacity=3, subject_limit=1)
        free[claim.quota_id] = 3
    counted = had.quantity if had is not None and had.state is not RELEASED else 0
    grows = claim.quantity > counted
    left = free[claim.quota_id]
    if left is not None and grows:
        free[claim.quota_id] = left - (claim.quantity - counted)
    store.rows[request.owner_id, claim.quota_id, request.part] = Reservation(
        owner_id=request.owner_id,
        quota_id=claim.quota_id,
        part=request.part,
        subject_id=had.subject_id if had is not None and counted else claim.subject_id,
        period=day_of(store.quotas[claim.quota_id], now) if grows or had is None else had.period,
        quantity=claim.quantity,
        state=HELD,
        expires_at=now + HOLD,
        release=claim.release,
    )


def day_of(quota: Quota, now: datetime) -> str:
    return "" if quota.period is Period.NONE else now.date().isoformat()


@pytest.mark.slow
@settings(max_examples=settings.default.max_examples * 3 // 2, deadline=None)
@given(steps)
def test_a_batch_is_decided_as_by_one_who_reads_everything_for_every_claim(
    story: list[Step],
) -> None:
    answers, store = play(story, by_the_rules)
    expected, naive = play(story, naively)
    assert answers == expected
    assert store.rows == naive.rows
    assert set(store.quotas) == set(naive.quotas)


DAY = ("wait", 86_400)


def batch(*requests_: Any) -> Step:
    return ("batch", list(requests_))


def wants(owner: int, number: int, units: int, subject: int = 0) -> Any:
    return (owner, 0, {number: (units, subject)})


# What a naive build does wrong, the line it differs by, and a story that shows it.
NAIVE: dict[str, tuple[str, str, list[Step]]] = {
    "pitfall 10, a cart that shrinks while sold out": (
        "pool.free -= max(more, 0)",
        "pool.free -= more",
        [batch(wants(0, 1, 2), wants(1, 1, 2, 1)), batch(wants(0, 1, 1), wants(2, 1, 1, 1))],
    ),
    "pitfall 10, a cart renewed after midnight while sold out": (
        "period=had.period if had is not None and more <= 0 else pool.period,",
        "period=pool.period,",
        [batch(wants(0, 1, 2)), DAY, batch(wants(1, 1, 2)), batch(wants(0, 1, 2))],
    ),
    "pitfall 10, units of yesterday that let today have more": (
        "if had is not None and had.period == pool.period:",
        "if had is not None:",
        [batch(wants(0, 3, 1)), DAY, batch(wants(1, 3, 2)), batch(wants(0, 3, 2))],
    ),
    "pitfall 11, another subject than at first": (
        "return had.subject_id if had is not None and _counted(had) else claim.subject_id",
        "return claim.subject_id",
        [batch(wants(0, 2, 1), wants(1, 2, 1)), batch(wants(0, 2, 2, 1))],
    ),
    "a limit that forgets what this batch gave": (
        "        self.ledger.count(row, had)\n",
        "",
        [batch(wants(0, 2, 2), wants(1, 2, 1))],
    ),
    "a limit that lets the last one in": (
        "if others + claim.quantity > pool.limit:",
        "if others > pool.limit:",
        [batch(wants(0, 2, 3))],
    ),
    "pitfall 5, what is not asked for again is kept": (
        "if quota_id not in asked and had.state is ReservationState.HELD:",
        "if quota_id not in asked and had.state is ReservationState.RELEASED:",
        [batch(wants(0, 0, 1)), batch(wants(0, 2, 1))],
    ),
    "a repeat that takes what has lapsed": (
        "if had.expires_at is not None and had.expires_at <= now:",
        "if had.expires_at is None:",
        [batch(wants(0, 0, 1)), ("wait", 100), batch(wants(0, 0, 1))],
    ),
    "a sale that does not end": (
        "if quota.ends_at is not None and now >= quota.ends_at:",
        "if quota.ends_at is not None and now > quota.ends_at:",
        [DAY, batch(wants(0, 4, 1))],
    ),
}


@pytest.mark.parametrize("name", NAIVE)
def test_the_model_finds_what_a_naive_build_does_wrong(name: str) -> None:
    real, naive, story = NAIVE[name]
    expected, model = play(story, naively)
    answers, store = play(story, by_the_rules)
    assert (answers, store.rows) == (expected, model.rows)
    build = rebuilt("koipond.quota.rules.deciding", real, naive)
    try:
        answers, store = play(story, lambda *given_: by_the_rules(*given_, build=build))
    except Broken:
        return
    assert (answers, store.rows) != (expected, model.rows)
