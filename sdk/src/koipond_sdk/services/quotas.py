"""Quotas: everything that is counted and can run out. Units are asked for by `quota_requests`.

So they are taken by orders alone. What is given for anything else a plugin counts by itself: a
column with a check, raised by one UPDATE whose WHERE says that a unit is left.
"""

from koipond.kernel.ids import OwnerId, QuotaId, SubjectId
from koipond.quota.errors import (
    CapacityTaken,
    LimitReached,
    QuotaClosed,
    QuotaNotStarted,
    QuotaShort,
    QuotaUnknown,
)
from koipond.quota.rules import subject_of
from koipond.quota.service import (
    change_capacity,
    close,
    create,
    find_free,
    find_holders,
    find_quotas,
    find_reservations,
    find_taken,
    move_units,
    reschedule,
    return_part,
)
from koipond.quota.types import (
    Claim,
    Period,
    Quota,
    QuotaSpec,
    ReleasePolicy,
    Reservation,
    ReservationState,
)

__all__ = [
    "CapacityTaken",
    "Claim",
    "LimitReached",
    "OwnerId",
    "Period",
    "Quota",
    "QuotaClosed",
    "QuotaId",
    "QuotaNotStarted",
    "QuotaShort",
    "QuotaSpec",
    "QuotaUnknown",
    "ReleasePolicy",
    "Reservation",
    "ReservationState",
    "SubjectId",
    "change_capacity",
    "close",
    "create",
    "find_free",
    "find_holders",
    "find_quotas",
    "find_reservations",
    "find_taken",
    "move_units",
    "reschedule",
    "return_part",
    "subject_of",
]
