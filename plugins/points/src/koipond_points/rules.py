"""What staff may do to a balance."""

from koipond_points.errors import PointsAmountInvalid, PointsReasonMissing
from koipond_points.types import Correction
from koipond_sdk import Quantity

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
