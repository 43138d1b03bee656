"""What staff may do to a balance."""

from koipond_points.errors import PointsAmountInvalid, PointsReasonMissing
from koipond_points.types import Correction, Entry
from koipond_sdk import IdempotencyKeyReused, Quantity, check_idempotency_key

POINTS_MAX = 1_000_000_000
REASON_MAX = 200


def check(wanted: Correction) -> None:
    """Raise PointsAmountInvalid, PointsReasonMissing or IdempotencyKeyInvalid if it cannot be."""
    if not 1 <= wanted.points <= POINTS_MAX:
        raise PointsAmountInvalid(points=Quantity(wanted.points), maximum=POINTS_MAX).located(
            "points"
        )
    if not 1 <= len(wanted.reason.strip()) <= REASON_MAX:
        raise PointsReasonMissing(maximum=REASON_MAX).located("reason")
    check_idempotency_key(wanted.idempotency_key)


def check_repeat(wanted: Entry, booked: Entry, *, key: str) -> None:
    """Raise IdempotencyKeyReused unless `booked`, of the same key, is what is wanted again."""
    if _act(wanted) != _act(booked):
        raise IdempotencyKeyReused(key=key).located("idempotencyKey")


def _act(entry: Entry) -> tuple[object, ...]:
    return entry.member_id, entry.points, entry.note
