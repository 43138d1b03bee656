"""Refusals that a caller can act on. Each is a class: a code, fields, a message with a way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeVar, dataclass_transform

E = TypeVar("E", bound="DomainError")

# What a text that is told has of its beginning and of its end, once it is longer than both: whoever
# sends a megabyte to be refused for it would have it back, as often as a document can ask.
_BEGINNING, _END = 1_500, 400


class DomainError(Exception):
    """An expected refusal; it becomes a member of the GraphQL interface UserError by itself.

    Subclasses are declared with `@domain_error`, name a unique `code` in capitals and their fields
    (str, int, bool, Money, date, datetime, StrEnum or an id; none is None), and say in `__str__`
    what was asked, what is possible, and what to do. Raising one means that nothing was changed.
    """

    code: ClassVar[str]
    # Where in the mutation's input the mistake is, such as "lines.0.quantity"; set by who knows it.
    at: str | None = None

    def located(self: E, at: str) -> E:
        """Say where in the input the mistake is; returns the same error, to be raised."""
        self.at = at
        return self


@dataclass_transform(kw_only_default=True, eq_default=False)
def domain_error(cls: type[E]) -> type[E]:
    """Make a DomainError class from its annotated fields (keyword-only, compared by identity)."""
    assert cls.code.isupper(), f"{cls.__name__}.code must be in capitals"
    return dataclass(eq=False, kw_only=True)(cls)


@domain_error
class PluginDisabled(DomainError):
    """Something of a plugin that staff turned off in this channel."""

    code: ClassVar[str] = "PLUGIN_DISABLED"
    plugin: str
    channel: str

    def __str__(self) -> str:
        return (
            f"The part {self.plugin} of this shop is not offered in channel {self.channel}. "
            "Another channel may have it (header Koi-Channel)."
        )


@domain_error
class VersionConflict(DomainError):
    """An edit of something that somebody has changed since it was read."""

    code: ClassVar[str] = "VERSION_CONFLICT"
    subject: str
    expected_version: int
    current_version: int

    def __str__(self) -> str:
        return (
            f"{self.subject[:80]} was read as version {self.expected_version} and is version "
            f"{self.current_version} now. Read it again, then edit that."
        )


@domain_error
class NamesAmbiguous(DomainError):
    """One thing that is asked for by several names at once, or by none."""

    code: ClassVar[str] = "NAMES_AMBIGUOUS"
    names: str

    def __str__(self) -> str:
        return f"Say what is wanted by one of these, not by several or none: {self.names}."


def check_one_named(**given: object) -> None:
    """Raise NamesAmbiguous unless one of {the name of an argument: what it was given} is given."""
    if sum(one is not None for one in given.values()) != 1:
        raise NamesAmbiguous(names=", ".join(given))


def check_version(subject: str, *, expected: int | None, current: int) -> None:
    """Raise VersionConflict for an edit of another version; None: whichever it is."""
    if expected is not None and expected != current:
        raise VersionConflict(
            subject=subject, expected_version=expected, current_version=current
        ).located("expectedVersion")


@domain_error
class ApprovalNeeded(DomainError):
    """An act of staff that a second one of them must agree to; the mutation sees to that.

    channel: the code of the channel that it is of; "" for what is the whole shop's.
    """

    code: ClassVar[str] = "APPROVAL_NEEDED"
    act: str
    unit: str
    asked_units: int
    alone_units: int
    channel: str = ""

    def __str__(self) -> str:
        return (
            f"A {self.act} of {self.asked_units} in all, in the smallest units of {self.unit}, is "
            f"above {self.alone_units}: a second one of the staff must agree (approveAct)."
        )


def shortened(text: str) -> str:
    """Return a text as it is told in an error: of one that is too long how much is left out.

    Its end is told, too: there is what to do.
    """
    left_out = len(text) - _BEGINNING - _END
    if left_out <= 0:
        return text
    return f"{text[:_BEGINNING]}… ({left_out:,} characters are left out) …{text[-_END:]}"
