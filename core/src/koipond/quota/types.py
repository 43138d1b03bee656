"""Quotas, claims on them, and what became of a claim."""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from koipond.kernel.ids import OwnerId, QuotaId, SubjectId


class ReservationState(StrEnum):
    """What became of a claim; every state but RELEASED counts as taken."""

    HELD = "held"
    PLACED = "placed"
    CONSUMED = "consumed"
    RETURNING = "returning"
    RELEASED = "released"


class Period(StrEnum):
    """The calendar period in which a subject's limit starts afresh; NONE: it never does."""

    NONE = "none"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class ReleasePolicy(StrEnum):
    """What becomes of a claim's units when its order lets go of them.

    RETURN: they are free again. TO_PARENT: the same until they were consumed, then they go to
    the parent quota. KEEP_CONSUMED, KEEP_PLACED: from that state on they stay used for ever.
    """

    RETURN = "return"
    TO_PARENT = "to_parent"
    KEEP_CONSUMED = "keep_consumed"
    KEEP_PLACED = "keep_placed"


class Reason(StrEnum):
    """Why a claim was refused."""

    SHORT = "short"
    LIMIT = "limit"
    UNKNOWN = "unknown"
    PLACED = "placed"
    EARLY = "early"
    CLOSED = "closed"


class ChangeReason(StrEnum):
    """Why a capacity changed."""

    CREATED = "created"
    CHANGED = "changed"
    MOVED = "moved"
    PURGED = "purged"


class QuotaSpec(Struct, frozen=True, kw_only=True):
    """A quota to be made.

    capacity: units there are; None means that it only carries a limit.
    subject_limit: units that one subject may have per period; None means any number.
    time_zone: IANA name of where the period's day begins.
    parent_id: gets what is left when this is closed, and what comes back later. The units of a
    quota with a parent are moved to it, so it starts with none.
    starts_at, ends_at: nothing is granted before the one, nor from the other on.
    """

    id: QuotaId
    capacity: int | None = None
    subject_limit: int | None = None
    period: Period = Period.NONE
    time_zone: str = "UTC"
    parent_id: QuotaId | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def __post_init__(self) -> None:
        assert self.capacity is None or self.capacity >= 0, "a capacity is 0 or more"
        assert self.subject_limit is None or self.subject_limit > 0, "a limit is 1 or more"
        assert self.parent_id is None or self.capacity == 0, "a parent's units are moved, not made"


class Quota(Struct, frozen=True, kw_only=True):
    """A counted pool as it is stored. taken: units of all its reservations not released."""

    id: QuotaId
    capacity: int | None
    taken: int
    subject_limit: int | None
    period: Period
    time_zone: str
    parent_id: QuotaId | None
    closed: bool
    starts_at: datetime | None
    ends_at: datetime | None

    @property
    def free(self) -> int | None:
        """Units that can be had, or None where there is no end to them."""
        return None if self.capacity is None else self.capacity - self.taken


class Claim(Struct, frozen=True, kw_only=True):
    """Units of one quota for one subject; quantity >= 1. create: the quota if it is not there."""

    quota_id: QuotaId
    subject_id: SubjectId
    quantity: int = 1
    release: ReleasePolicy = ReleasePolicy.RETURN
    create: QuotaSpec | None = None

    def __post_init__(self) -> None:
        assert self.quantity > 0, "a claim is of one unit or more"
        assert self.create is None or self.create.id == self.quota_id, "the quota to make is it"


class Request(Struct, frozen=True, kw_only=True):
    """All of `claims` or none, for one part of one owner, who then has exactly these.

    part: 0 is the placement; each later ask, such as an order's edit, is the next one.
    hold: how long they are held before they lapse.
    """

    owner_id: OwnerId
    part: int
    claims: tuple[Claim, ...]
    hold: timedelta

    def __post_init__(self) -> None:
        assert self.part >= 0, "parts below 0 are what was split off to be returned"
        # Two claims on one quota would be counted twice and written once.
        assert len({claim.quota_id for claim in self.claims}) == len(self.claims), (
            "one claim per quota"
        )


class Reservation(Struct, frozen=True, kw_only=True):
    """What one owner has of one quota. expires_at: only while HELD or RETURNING."""

    owner_id: OwnerId
    quota_id: QuotaId
    part: int
    subject_id: SubjectId
    period: str
    quantity: int
    state: ReservationState
    expires_at: datetime | None
    release: ReleasePolicy


class Granted(Struct, frozen=True, kw_only=True):
    """All that was asked for is the owner's. expires_at: place until then; None: it is placed."""

    expires_at: datetime | None


class Refused(Struct, frozen=True, kw_only=True):
    """Nothing was changed. left: the most that this claim could have been, asked: what it was."""

    reason: Reason
    quota_id: QuotaId
    asked: int
    left: int
