"""Refusals about messages."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error


@domain_error
class MessageKindUnknown(DomainError):
    """A kind of message that neither core nor a plugin of this shop sends."""

    code: ClassVar[str] = "MESSAGE_KIND_UNKNOWN"
    kind: str
    known: str

    def __str__(self) -> str:
        return f"There is no kind of message {self.kind[:80]!r}. There are: {self.known}."


@domain_error
class MessageValueInvalid(DomainError):
    """Something that a message is to tell, and that its kind does not have or cannot hold."""

    code: ClassVar[str] = "MESSAGE_VALUE_INVALID"
    kind: str
    variable: str
    reason: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.variable} {self.reason}."


@domain_error
class MessageActInvalid(DomainError):
    """A message without the act that it is sent for, or with one that is no key."""

    code: ClassVar[str] = "MESSAGE_ACT_INVALID"
    kind: str
    characters_max: int

    def __str__(self) -> str:
        return (
            f"{self.kind} is sent for something that somebody did. Name it by a key of 1 to "
            f"{self.characters_max} characters, such as order.placed:ord_…: a message is sent once "
            "for each."
        )


@domain_error
class MessageNotSent(DomainError):
    """A message that surely went nowhere. permanent: it would not at another time either."""

    code: ClassVar[str] = "MESSAGE_NOT_SENT"
    reason: str
    permanent: bool

    def __str__(self) -> str:
        way_out = "Another medium may." if self.permanent else "It is tried again."
        return f"The message was not sent: {self.reason}. {way_out}"


@domain_error
class MessageUnknown(DomainError):
    """A message that is not there, or not of this member."""

    code: ClassVar[str] = "MESSAGE_UNKNOWN"

    def __str__(self) -> str:
        return "There is no such message of yours. `messages` lists those that there are."


@domain_error
class MessageNotRetryable(DomainError):
    """A message that has not failed."""

    code: ClassVar[str] = "MESSAGE_NOT_RETRYABLE"
    state: str

    def __str__(self) -> str:
        return f"The message is {self.state}. Only one that failed is sent again."


@domain_error
class TemplateInvalid(DomainError):
    """A template that could not be filled in, or that says more than templates may."""

    code: ClassVar[str] = "TEMPLATE_INVALID"
    kind: str
    reason: str

    def __str__(self) -> str:
        return f"The template of {self.kind} cannot be used: {self.reason}."


@domain_error
class TemplateVariableUnknown(DomainError):
    """A template that names a variable which messages of its kind do not have."""

    code: ClassVar[str] = "TEMPLATE_VARIABLE_UNKNOWN"
    kind: str
    variable: str
    known: str

    def __str__(self) -> str:
        return (
            f"Messages of the kind {self.kind} have no {self.variable!r}. "
            f"Use {{{{ … }}}} with one of: {self.known}."
        )


@domain_error
class TemplateChanged(DomainError):
    """A template that somebody else changed meanwhile."""

    code: ClassVar[str] = "TEMPLATE_CHANGED"
    kind: str
    expected_version: int
    current_version: int

    def __str__(self) -> str:
        return (
            f"The template of {self.kind} is at version {self.current_version}, you have seen "
            f"{self.expected_version}. Read it again, then change it."
        )
