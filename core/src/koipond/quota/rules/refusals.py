"""A refusal as data, turned into the error that a caller is told."""

from typing import assert_never

from koipond.kernel.errors import DomainError
from koipond.kernel.quantity import Quantity
from koipond.quota.errors import (
    AlreadyPlaced,
    LimitReached,
    QuotaClosed,
    QuotaNotStarted,
    QuotaShort,
    QuotaUnknown,
)
from koipond.quota.types import Reason, Refused


def refusal_of(refused: Refused) -> DomainError:
    """Return the error for a refused claim."""
    quota, asked, left = refused.quota_id, Quantity(refused.asked), Quantity(refused.left)
    match refused.reason:
        case Reason.SHORT:
            return QuotaShort(quota=quota, asked=asked, left=left)
        case Reason.LIMIT:
            return LimitReached(quota=quota, asked=asked, left=left)
        case Reason.UNKNOWN:
            return QuotaUnknown(quota=quota)
        case Reason.PLACED:
            return AlreadyPlaced(quota=quota, asked=asked, placed=left)
        case Reason.EARLY:
            return QuotaNotStarted(quota=quota, asked=asked)
        case Reason.CLOSED:
            return QuotaClosed(quota=quota, asked=asked)
    assert_never(refused.reason)
