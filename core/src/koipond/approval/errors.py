"""Refusals about approvals."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.ids import ApprovalId, encode


@domain_error
class ApprovalPending(DomainError):
    """An act that was kept for a second one of the staff, and not done yet."""

    code: ClassVar[str] = "APPROVAL_PENDING"
    approval_id: ApprovalId
    act: str
    unit: str
    asked_units: int
    alone_units: int

    def __str__(self) -> str:
        return (
            f"A {self.act} of {self.asked_units} in all, in the smallest units of {self.unit}, is "
            f"above {self.alone_units}. It is done when another one of the staff agrees: "
            f"approveAct with {encode(ApprovalId, self.approval_id)}."
        )


@domain_error
class ApprovalUnknown(DomainError):
    """An approval that there is none of."""

    code: ClassVar[str] = "APPROVAL_UNKNOWN"
    approval: str

    def __str__(self) -> str:
        return f"There is no approval {self.approval[:60]!r}. `approvals` lists them."


@domain_error
class ApprovalNotPending(DomainError):
    """An approval that was decided, or that waited too long."""

    code: ClassVar[str] = "APPROVAL_NOT_PENDING"
    state: str

    def __str__(self) -> str:
        return f"It waits for nobody any more: it is {self.state}. Ask for the act anew."


@domain_error
class ApprovalBySelf(DomainError):
    """An approval by who asked for it."""

    code: ClassVar[str] = "APPROVAL_BY_SELF"

    def __str__(self) -> str:
        return (
            "You asked for it, or a program of yours did: another one of the staff must agree, not "
            "a program."
        )
