"""Refusals about members."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error


@domain_error
class ContactInvalid(DomainError):
    """A contact that nobody could be reached by."""

    code: ClassVar[str] = "CONTACT_INVALID"
    reason: str

    def __str__(self) -> str:
        return (
            f"The contact cannot be used: {self.reason}. Give an e-mail address like "
            "lin@example.org or a phone number with its country, like +86 138 0000 0000."
        )


@domain_error
class MemberGroupInvalid(DomainError):
    """A group of members that cannot be made."""

    code: ClassVar[str] = "MEMBER_GROUP_INVALID"
    group: str
    reason: str

    def __str__(self) -> str:
        return f"Member group {self.group[:40]!r} cannot be made: {self.reason}."


@domain_error
class MemberGroupUnknown(DomainError):
    """A group of members that this shop does not have."""

    code: ClassVar[str] = "MEMBER_GROUP_UNKNOWN"
    group: str
    known: str

    def __str__(self) -> str:
        return (
            f"There is no member group {self.group[:40]!r}. `setMemberGroup` makes one. "
            f"There are: {self.known}."
        )


@domain_error
class MemberUnknown(DomainError):
    """A member that there is none of."""

    code: ClassVar[str] = "MEMBER_UNKNOWN"
    member: str

    def __str__(self) -> str:
        return f"There is no member {self.member[:60]!r}. Members appear with their first order."


@domain_error
class TimeZoneUnknown(DomainError):
    """A name that is no time zone."""

    code: ClassVar[str] = "TIME_ZONE_UNKNOWN"
    time_zone: str

    def __str__(self) -> str:
        return (
            f"There is no time zone {self.time_zone[:64]!r}. Name one as IANA does, such as "
            "Asia/Shanghai."
        )


@domain_error
class ConsentNotNeeded(DomainError):
    """A purpose that nobody is asked about."""

    code: ClassVar[str] = "CONSENT_NOT_NEEDED"
    purpose: str

    def __str__(self) -> str:
        return (
            f"Messages of the purpose {self.purpose} follow what a member does, and need no "
            "consent. Only `marketing` does."
        )


@domain_error
class AddressInvalid(DomainError):
    """An address that nothing can be sent to."""

    code: ClassVar[str] = "ADDRESS_INVALID"
    reason: str

    def __str__(self) -> str:
        return f"The address cannot be used: {self.reason}."


@domain_error
class AddressUnknown(DomainError):
    """An address that is not there, or not of this member."""

    code: ClassVar[str] = "ADDRESS_UNKNOWN"

    def __str__(self) -> str:
        return "There is no such address of yours. `me { addresses }` lists those that there are."


@domain_error
class TooManyAddresses(DomainError):
    """One address more than a member can keep."""

    code: ClassVar[str] = "TOO_MANY_ADDRESSES"
    maximum: int

    def __str__(self) -> str:
        return f"A member keeps {self.maximum} addresses at most. Remove one."


@domain_error
class MemberInvalid(DomainError):
    """A name or language that a member cannot have."""

    code: ClassVar[str] = "MEMBER_INVALID"
    reason: str

    def __str__(self) -> str:
        return f"The member cannot be changed so: {self.reason}."
