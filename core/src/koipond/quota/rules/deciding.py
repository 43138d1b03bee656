"""Who gets what: a batch of requests, decided in the order of their arrival."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from koipond.kernel.ids import OwnerId, QuotaId, SubjectId
from koipond.quota.rules.periods import period_key
from koipond.quota.types import (
    Claim,
    Granted,
    Quota,
    QuotaSpec,
    Reason,
    Refused,
    ReleasePolicy,
    Request,
    Reservation,
    ReservationState,
)

RowKey = tuple[OwnerId, QuotaId, int]
SETTLED = {ReservationState.PLACED, ReservationState.CONSUMED}
GIVEN_UP = {ReservationState.RETURNING, ReservationState.RELEASED}


class Pool(Struct):
    """A quota while a batch is decided. free: None where there is no end to it."""

    free: int | None
    limit: int | None
    period: str
    # Why nothing is granted now, if so.
    shut: Reason | None


class Ledger(Struct):
    """What a batch is decided from; deciding moves it forward, request by request."""

    pools: dict[QuotaId, Pool]
    # What each part of an owner has.
    mine: dict[tuple[OwnerId, int], dict[QuotaId, Reservation]]
    # Units not released; complete for the pairs of `find_pairs`.
    used: dict[tuple[QuotaId, SubjectId, str], int]

    def count(self, row: Reservation, instead_of: Reservation | None = None) -> None:
        """Count a row's units for its subject, and those of the row that it replaces no more."""
        if instead_of is not None and _counted(instead_of):
            was = (instead_of.quota_id, instead_of.subject_id, instead_of.period)
            self.used[was] -= instead_of.quantity
        key = (row.quota_id, row.subject_id, row.period)
        self.used[key] = self.used.get(key, 0) + _counted(row)


class Writes(Struct):
    """What a batch changes. was: the state of those of `rows` that are stored already."""

    rows: dict[RowKey, Reservation] = field(default_factory=dict)
    was: dict[RowKey, ReservationState] = field(default_factory=dict)
    created: dict[QuotaId, QuotaSpec] = field(default_factory=dict)
    taken: dict[QuotaId, int] = field(default_factory=dict)

    def put(self, row: Reservation, had: Reservation | None) -> None:
        """Write `row`, in the place of `had` if there is one."""
        key = (row.owner_id, row.quota_id, row.part)
        if had is not None and key not in self.rows:
            self.was[key] = had.state
        self.rows[key] = row


def find_pairs(
    requests: Iterable[Request], quotas: Mapping[QuotaId, Quota]
) -> set[tuple[QuotaId, SubjectId]]:
    """Return the (quota, subject) pairs whose reservations the ledger needs.

    Those with a limit, unless nothing is left: then nobody gets any more in this batch.
    """
    limited = {
        key for key, quota in quotas.items() if quota.subject_limit is not None and quota.free != 0
    }
    return {
        (claim.quota_id, claim.subject_id)
        for request in requests
        for claim in request.claims
        if claim.quota_id in limited
    }


def open_ledger(
    requests: Iterable[Request],
    quotas: Mapping[QuotaId, Quota],
    rows: Iterable[Reservation],
    now: datetime,
) -> Ledger:
    """Lay out what was read. rows: the owners' own and those of `find_pairs`, each once."""
    asking = {request.owner_id for request in requests}
    ledger = Ledger(
        pools={key: _pool(quota, quota.free, now) for key, quota in quotas.items()},
        mine={},
        used={},
    )
    for row in rows:
        if row.owner_id in asking:
            ledger.mine.setdefault((row.owner_id, row.part), {})[row.quota_id] = row
        ledger.count(row)
    return ledger


def decide(
    requests: Sequence[Request], ledger: Ledger, now: datetime
) -> tuple[list[Granted | Refused], Writes]:
    """Answer each request, first come first served; a refused one takes nothing."""
    batch = _Batch(ledger, now)
    return [batch.answer(request) for request in requests], batch.writes


class _Batch:
    def __init__(self, ledger: Ledger, now: datetime) -> None:
        self.ledger = ledger
        self.now = now
        self.writes = Writes()

    def answer(self, request: Request) -> Granted | Refused:
        mine = self.ledger.mine.setdefault((request.owner_id, request.part), {})
        if mine:
            if _stands(mine, request.claims, self.now):
                # A repeat: the first answer was lost, or the caller asked twice.
                return Granted(expires_at=min(_expiries(mine), default=None))
            settled = next((row for row in mine.values() if row.state in SETTLED), None)
            if settled is not None:
                return _refuse_placed(settled, request.claims)
        for claim in request.claims:
            refused = self._check(claim, mine.get(claim.quota_id))
            if refused is not None:
                return refused
        for claim in request.claims:
            self._take(request, claim, mine)
        self._let_go(mine, request.claims)
        return Granted(expires_at=self.now + request.hold if request.claims else None)

    def _check(self, claim: Claim, had: Reservation | None) -> Refused | None:
        pool = self._find_pool(claim)
        if pool is None:
            return _refuse(Reason.UNKNOWN, claim, 0)
        counted = _counted(had)
        more = claim.quantity - counted
        if more <= 0:
            return None  # it had as much before: nobody loses, and no limit is passed
        if pool.shut is not None:
            return _refuse(pool.shut, claim, counted)
        if pool.free is not None and pool.free < more:
            return _refuse(Reason.SHORT, claim, counted + pool.free)
        if pool.limit is not None:
            key = (claim.quota_id, _subject(claim, had), pool.period)
            others = self.ledger.used.get(key, 0)
            # A row of yesterday counts for yesterday: growing moves all of it into today.
            if had is not None and had.period == pool.period:
                others -= counted
            if others + claim.quantity > pool.limit:
                return _refuse(Reason.LIMIT, claim, max(0, pool.limit - others))
        return None

    def _take(self, request: Request, claim: Claim, mine: dict[QuotaId, Reservation]) -> None:
        pool = self._find_pool(claim)
        assert pool is not None, "it was checked"
        if claim.quota_id not in self.ledger.pools:
            assert claim.create is not None, "it was checked"
            self.ledger.pools[claim.quota_id] = pool
            self.writes.created[claim.quota_id] = claim.create
        had = mine.get(claim.quota_id)
        more = claim.quantity - _counted(had)
        row = Reservation(
            owner_id=request.owner_id,
            quota_id=claim.quota_id,
            part=request.part,
            subject_id=_subject(claim, had),
            # What does not grow stays in its period, so that no limit has to be looked at.
            period=had.period if had is not None and more <= 0 else pool.period,
            quantity=claim.quantity,
            state=ReservationState.HELD,
            expires_at=self.now + request.hold,
            release=claim.release,
        )
        # What a shrinking cart gives back is free for the next batch: in this one, the history
        # of those who want it may not have been read.
        if pool.free is not None:
            pool.free -= max(more, 0)
        self.ledger.count(row, had)
        self.writes.taken[row.quota_id] = self.writes.taken.get(row.quota_id, 0) + more
        self.writes.put(row, had)
        mine[row.quota_id] = row

    def _let_go(self, mine: dict[QuotaId, Reservation], claims: Sequence[Claim]) -> None:
        """Return what is held and was not asked for again; it counts until it is given back."""
        if len(mine) == len(claims):
            return  # all of `claims` are in it
        asked = {claim.quota_id for claim in claims}
        for quota_id, had in mine.items():
            if quota_id not in asked and had.state is ReservationState.HELD:
                mine[quota_id] = row = replace(
                    had,
                    state=ReservationState.RETURNING,
                    expires_at=self.now,
                    release=ReleasePolicy.RETURN,
                )
                self.writes.put(row, had)

    def _find_pool(self, claim: Claim) -> Pool | None:
        pool = self.ledger.pools.get(claim.quota_id)
        if pool is None and claim.create is not None:
            return _pool(claim.create, claim.create.capacity, self.now)
        return pool


def _stands(mine: Mapping[QuotaId, Reservation], claims: Sequence[Claim], now: datetime) -> bool:
    """Tell whether the owner has exactly what it asks for, and for a while yet."""
    for claim in claims:
        had = mine.get(claim.quota_id)
        if had is None or had.quantity != claim.quantity or had.state in GIVEN_UP:
            return False
        # Still counted, but the next give-back may take it: it is held anew.
        if had.expires_at is not None and had.expires_at <= now:
            return False
    return sum(row.state not in GIVEN_UP for row in mine.values()) == len(claims)


def _expiries(mine: Mapping[QuotaId, Reservation]) -> Iterable[datetime]:
    held = [row for row in mine.values() if row.state is ReservationState.HELD]
    return (row.expires_at for row in held if row.expires_at is not None)


def _refuse_placed(settled: Reservation, claims: Sequence[Claim]) -> Refused:
    asked = sum(claim.quantity for claim in claims if claim.quota_id == settled.quota_id)
    return Refused(
        reason=Reason.PLACED, quota_id=settled.quota_id, asked=asked, left=settled.quantity
    )


def _counted(had: Reservation | None) -> int:
    if had is None or had.state is ReservationState.RELEASED:
        return 0
    return had.quantity


def _subject(claim: Claim, had: Reservation | None) -> SubjectId:
    """A guest who logs in between two asks stays whom it counted first."""
    return had.subject_id if had is not None and _counted(had) else claim.subject_id


def _pool(quota: Quota | QuotaSpec, free: int | None, now: datetime) -> Pool:
    return Pool(
        free=free,
        limit=quota.subject_limit,
        period=period_key(quota.period, quota.time_zone, now),
        shut=_shut(quota, now),
    )


def _shut(quota: Quota | QuotaSpec, now: datetime) -> Reason | None:
    if isinstance(quota, Quota) and quota.closed:
        return Reason.CLOSED
    if quota.starts_at is not None and now < quota.starts_at:
        return Reason.EARLY
    if quota.ends_at is not None and now >= quota.ends_at:
        return Reason.CLOSED
    return None


def _refuse(reason: Reason, claim: Claim, left: int) -> Refused:
    return Refused(reason=reason, quota_id=claim.quota_id, asked=claim.quantity, left=left)
