"""What staff may do to a balance, and what an order gives and takes back."""

from koipond_points.errors import PointsAmountInvalid, PointsReasonMissing
from koipond_points.types import Correction
from koipond_sdk import Money, Quantity

POINTS_MAX = 1_000_000_000
REASON_MAX = 200


def check(wanted: Correction) -> None:
    """Raise PointsAmountInvalid or PointsReasonMissing if it cannot be."""
    if not 1 <= wanted.points <= POINTS_MAX:
        raise PointsAmountInvalid(points=Quantity(wanted.points), maximum=POINTS_MAX).located(
            "points"
        )
    if not 1 <= len(wanted.reason.strip()) <= REASON_MAX:
        raise PointsReasonMissing(maximum=REASON_MAX).located("reason")


def points_of(goods: Money, each: int) -> int:
    """Return what an order gives: `each` for every whole unit of money, down to whole points."""
    return int(goods.amount * each)


def points_undone(points: int, *, refunded_minor: int, total_minor: int) -> int:
    """Return how many of `points` go with what was refunded so far; all of them with all of it."""
    return points * min(refunded_minor, total_minor) // total_minor
