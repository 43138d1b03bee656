"""What tables keep of members, and what becomes of it."""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from koipond.kernel.ids import MemberId


class Erasure(StrEnum):
    """What becomes of a member's rows when they are erased.

    DELETE: they go. BLANK: they stay, without the columns that are named. KEEP: they stay as they
    are, for their member is nobody then: the id is a pseudonym that nothing leads back from.
    """

    DELETE = "delete"
    BLANK = "blank"
    KEEP = "keep"


class PersonalTable(Struct, frozen=True, kw_only=True):
    """A plugin's table that holds something of members.

    table: its name, with the plugin's prefix. member: the column by which a row is a member's.
    exported: the columns that the member gets. blanked: {column: what is stored in its place}, for
    BLANK.
    """

    table: str
    member: str
    exported: Sequence[str]
    erasure: Erasure
    blanked: dict[str, str | None] = {}


class ErasedMember(Struct, frozen=True, kw_only=True):
    """Who is erased. keys: their id, and those of members who became them."""

    member_id: MemberId
    keys: tuple[MemberId, ...]
