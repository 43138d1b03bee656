"""Members, to look at, and the groups that they are in."""

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
from koipond.member.types import Member, MemberGroup

__all__ = [
    "Member",
    "MemberGroup",
    "MemberGroupInvalid",
    "MemberGroupUnknown",
    "MemberUnknown",
    "change_groups",
    "check_group",
    "find_by_address",
    "find_groups",
    "find_groups_of",
    "find_member",
    "find_viewer_groups",
    "set_group",
]
