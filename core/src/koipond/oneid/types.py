"""A merge of two members, seen from outside."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from koipond.kernel.ids import MemberId, MergeId
from koipond.kernel.jobs import Job
from koipond.member.types import MemberState

NOTE_MAX = 500
# What identifies a person once it is proven; anything else, and what nobody proved, only hints.
STRONG = frozenset({"email", "phone", "unionid", "oidc", "openid"})


class MergeReason(StrEnum):
    """STAFF: somebody decided it. POLICY: both proved to have the same, see setting merge_on."""

    STAFF = "staff"
    POLICY = "policy"


class MergeWish(Struct, frozen=True, kw_only=True):
    """Two members that staff want to be one.

    expected_survivor, expected_merged: the stamps of what staff looked at, see `stamp_of`.
    """

    survivor_id: MemberId
    merged_id: MemberId
    expected_survivor: str
    expected_merged: str
    note: str = ""


class MemberMerge(Struct, frozen=True, kw_only=True):
    """That one member became another. kind: of the identity that proved it, "" if staff did it.

    was: what the merged one was before. carried_at: when what limits count had been carried, too.
    """

    id: MergeId
    survivor_id: MemberId
    merged_id: MemberId
    reason: MergeReason
    kind: str = ""
    note: str = ""
    made_by: str
    was: MemberState
    merged_at: datetime
    carried_at: datetime | None = None
    undone_at: datetime | None = None
    undone_by: str | None = None


class Candidate(Struct, frozen=True, kw_only=True):
    """A member that may be the same person: both are known by `value`.

    is_strong: both have proven it; else it is somebody's word.
    """

    member_id: MemberId
    kind: str
    value: str


class CarryMerge(Job, frozen=True, kw_only=True):
    """Let the reservations of a merged member count for the survivor."""

    merge_id: MergeId


class PartMerge(Job, frozen=True, kw_only=True):
    """Let reservations count again for whom they did before a merge that is undone."""

    merge_id: MergeId
