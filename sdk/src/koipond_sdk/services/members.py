"""Members, to look at."""

from koipond.member.errors import MemberUnknown
from koipond.member.service import find_by_address, find_member
from koipond.member.types import Member

__all__ = ["Member", "MemberUnknown", "find_by_address", "find_member"]
