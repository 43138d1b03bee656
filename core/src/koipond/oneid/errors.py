"""Refusals to merge, and to part."""

from datetime import datetime
from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error


@domain_error
class MergeImpossible(DomainError):
    """Two members that cannot become one."""

    code: ClassVar[str] = "MERGE_IMPOSSIBLE"
    reason: str

    def __str__(self) -> str:
        return f"They cannot be merged: {self.reason}."


@domain_error
class MemberChanged(DomainError):
    """A member that is not any more what the caller looked at."""

    code: ClassVar[str] = "MEMBER_CHANGED"
    member: str
    expected_stamp: str
    stamp: str

    def __str__(self) -> str:
        return (
            f"{self.member} is not what you looked at: its stamp is {self.stamp}, not "
            f"{self.expected_stamp[:60]!r}. Look again, then merge with the new stamp."
        )


@domain_error
class IdentityDisputed(DomainError):
    """Something proven that was proven to be another member's, which staff must settle."""

    code: ClassVar[str] = "IDENTITY_DISPUTED"
    kind: str

    def __str__(self) -> str:
        return (
            f"Another account has proven this {self.kind}, too. Log in to that one, or ask the "
            "shop to make one account of the two."
        )


@domain_error
class MergeUnknown(DomainError):
    """A merge that there is none of."""

    code: ClassVar[str] = "MERGE_UNKNOWN"

    def __str__(self) -> str:
        return "There is no such merge. `member { merges }` lists those of a member."


@domain_error
class MergeAlreadyUndone(DomainError):
    """A merge that was undone before."""

    code: ClassVar[str] = "MERGE_ALREADY_UNDONE"
    undone_at: datetime

    def __str__(self) -> str:
        return f"It was undone at {self.undone_at.isoformat()}. They are two members again."


@domain_error
class MergeTooOld(DomainError):
    """A merge that cannot be undone any more."""

    code: ClassVar[str] = "MERGE_TOO_OLD"
    merged_at: datetime
    days: int
    days_max: int

    def __str__(self) -> str:
        return (
            f"It was made {self.days} days ago, at {self.merged_at.isoformat()}; it can be undone "
            f"for {self.days_max} days (setting merge_undo_days). What is wrong since then must be "
            "put right by hand."
        )


@domain_error
class MergeForgotten(DomainError):
    """A merge whose survivor was erased since."""

    code: ClassVar[str] = "MERGE_FORGOTTEN"

    def __str__(self) -> str:
        return "Its survivor was erased since, with all that it took over. It cannot be undone."


@domain_error
class MergeBuried(DomainError):
    """A merge whose survivor was merged since."""

    code: ClassVar[str] = "MERGE_BURIED"
    merge: str

    def __str__(self) -> str:
        return f"Its survivor became another member since. Undo {self.merge} first."
