"""What happens when members turn out to be one."""

from typing import ClassVar

from koipond.kernel.events import Event
from koipond.kernel.ids import MemberId, MergeId


class MembersMerged(Event, frozen=True, kw_only=True):
    """A member became another: whoever keeps the one's id keeps it for the other."""

    aggregate: ClassVar[str] = "survivor_id"
    merge_id: MergeId
    survivor_id: MemberId
    merged_id: MemberId


class MergeUndone(Event, frozen=True, kw_only=True):
    """A member is themselves again."""

    aggregate: ClassVar[str] = "survivor_id"
    merge_id: MergeId
    survivor_id: MemberId
    merged_id: MemberId
