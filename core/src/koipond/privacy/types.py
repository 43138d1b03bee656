"""What tables keep of members, and what becomes of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from koipond.kernel.ids import MemberId, PrivacyRequestId
from koipond.kernel.jobs import Job


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
    BLANK. order: where `member` is whom limits count, which of a guest is made of the contact, the
    column of the order that a row is of: it is of the order's buyer, and says so once they are
    erased.
    """

    table: str
    member: str
    exported: Sequence[str]
    erasure: Erasure
    blanked: dict[str, str | None] = {}
    order: str = ""


class ErasedMember(Struct, frozen=True, kw_only=True):
    """Who is erased. keys: their id, and those of members who became them."""

    member_id: MemberId
    keys: tuple[MemberId, ...]


class Whose(StrEnum):
    """By what a row of core is a member's: their id, their orders', or what happened to either.

    MERGE: that of a merge which they took part in.
    """

    MEMBER = "member"
    ORDER = "order"
    EVENT = "event"
    MERGE = "merge"


class CoreTable(Struct, frozen=True, kw_only=True):
    """What a table of core keeps of members. of: what its `column` holds; else as PersonalTable."""

    table: str
    column: str
    of: Whose
    erasure: Erasure
    exported: Sequence[str] = ()
    blanked: Mapping[str, Any] = {}


class RequestKind(StrEnum):
    """What is asked for."""

    EXPORT = "export"
    ERASURE = "erasure"


class RequestState(StrEnum):
    """What became of it. REFUSED: something stands in the way, see its `problem`."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"


class PrivacyRequest(Struct, frozen=True, kw_only=True):
    """Somebody wants a member's data, or wants it gone. document: what was exported, as JSON."""

    id: PrivacyRequestId
    member_id: MemberId
    kind: RequestKind
    state: RequestState
    problem: str = ""
    document: str | None = None
    made_by: str
    created_at: datetime
    done_at: datetime | None = None


class Open(Struct, frozen=True, kw_only=True):
    """What of a member is not over: orders that stand and are not closed, refunds that are owed."""

    orders: tuple[str, ...] = ()
    refunds: int = 0


class ExportMember(Job, frozen=True, kw_only=True):
    """Gather all that is kept of a member."""

    request_id: PrivacyRequestId


class EraseMember(Job, frozen=True, kw_only=True):
    """Forget a member."""

    request_id: PrivacyRequestId
