"""Refusals about staff, roles and service tokens."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error


@domain_error
class StaffUnknown(DomainError):
    """One of the staff that there is none of."""

    code: ClassVar[str] = "STAFF_UNKNOWN"
    staff: str

    def __str__(self) -> str:
        return f"There is none of the staff {self.staff[:60]!r}. `createStaff` makes one."


@domain_error
class StaffInvalid(DomainError):
    """One of the staff that cannot be as they are told."""

    code: ClassVar[str] = "STAFF_INVALID"
    reason: str

    def __str__(self) -> str:
        return f"The staff member cannot be stored: {self.reason}."


@domain_error
class StaffEmailTaken(DomainError):
    """An e-mail address that another one of the staff has."""

    code: ClassVar[str] = "STAFF_EMAIL_TAKEN"
    email: str

    def __str__(self) -> str:
        return f"{self.email[:60]} is another staff member's. Give this one another address."


@domain_error
class RoleUnknown(DomainError):
    """A role that there is none of."""

    code: ClassVar[str] = "ROLE_UNKNOWN"
    role: str
    known: str

    def __str__(self) -> str:
        return f"There is no role {self.role[:40]!r}. `setRole` makes one. There are: {self.known}."


@domain_error
class RoleInvalid(DomainError):
    """A role that cannot be as it is told."""

    code: ClassVar[str] = "ROLE_INVALID"
    role: str
    reason: str

    def __str__(self) -> str:
        return f"Role {self.role[:40]!r} cannot be stored: {self.reason}."


@domain_error
class RoleInUse(DomainError):
    """A role that somebody still has."""

    code: ClassVar[str] = "ROLE_IN_USE"
    role: str
    holders: int

    def __str__(self) -> str:
        return (
            f"Role {self.role} is held by {self.holders} of the staff. Take it from them first "
            "(updateStaff)."
        )


@domain_error
class PermissionUnknown(DomainError):
    """A permission that no field of this shop asks for."""

    code: ClassVar[str] = "PERMISSION_UNKNOWN"
    permission: str
    known: str

    def __str__(self) -> str:
        return (
            f"There is no permission {self.permission[:60]!r}. This shop has: {self.known}; "
            "* is all of them."
        )


@domain_error
class PermissionNotHeld(DomainError):
    """A change to who may do what, by somebody who may not do it themselves."""

    code: ClassVar[str] = "PERMISSION_NOT_HELD"
    permission: str
    channel: str

    def __str__(self) -> str:
        where = f"in channel {self.channel}" if self.channel else "in all channels"
        return (
            f"You do not hold {self.permission} {where}, so you can neither give it nor change "
            "those who have it. Ask somebody who holds it."
        )


@domain_error
class StaffUnmanaged(DomainError):
    """A change after which nobody could manage staff any more."""

    code: ClassVar[str] = "STAFF_UNMANAGED"
    permission: str

    def __str__(self) -> str:
        return (
            f"Nobody who is active would hold {self.permission} in all channels any more. Give it "
            "to somebody else first."
        )


@domain_error
class ServiceTokenUnknown(DomainError):
    """A service token that there is none of."""

    code: ClassVar[str] = "SERVICE_TOKEN_UNKNOWN"
    token: str

    def __str__(self) -> str:
        return f"There is no service token {self.token[:60]!r}. `serviceTokens` lists them."


@domain_error
class ServiceTokenInvalid(DomainError):
    """A service token that cannot be made as it is told."""

    code: ClassVar[str] = "SERVICE_TOKEN_INVALID"
    reason: str

    def __str__(self) -> str:
        return f"The service token cannot be made: {self.reason}."
