"""Activities: what sells a variant for another price, for a while."""

from koipond.catalog.service import (
    find_activities_by_ids,
    publish_activities,
    withdraw_activities,
)
from koipond.catalog.types import Activity
from koipond.kernel.ids import ActivityId

__all__ = [
    "Activity",
    "ActivityId",
    "find_activities_by_ids",
    "publish_activities",
    "withdraw_activities",
]
