"""Members, to look at, the groups that they are in, and what becomes of rows when two are one."""

from koipond.member.errors import MemberGroupInvalid, MemberGroupUnknown, MemberUnknown
from koipond.member.service import (
    change_groups,
    check_group,
    find_by_address,
    find_groups,
    find_groups_of,
    find_member,
    find_viewer_groups,
    set_group,
)
from koipond.member.service import hold as hold_member
from koipond.member.types import Member, MemberGroup
from koipond.oneid.service import find_carried, note_carried
from koipond.oneid.types import MemberMerge

__all__ = [
    "Member",
    "MemberGroup",
    "MemberGroupInvalid",
    "MemberGroupUnknown",
    "MemberMerge",
    "MemberUnknown",
    "change_groups",
    "check_group",
    "find_by_address",
    "find_carried",
    "find_groups",
    "find_groups_of",
    "find_member",
    "find_viewer_groups",
    "hold_member",
    "note_carried",
    "set_group",
]
