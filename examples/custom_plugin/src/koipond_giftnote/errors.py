"""Refusals of gift notes."""

from typing import ClassVar

from koipond_sdk import DomainError, domain_error


@domain_error
class GiftNoteTooLong(DomainError):
    """A note that does not fit on the card of this channel."""

    code: ClassVar[str] = "GIFT_NOTE_TOO_LONG"
    letters: int
    text_max: int

    def __str__(self) -> str:
        return (
            f"The gift note has {self.letters} characters, and the card has room for "
            f"{self.text_max}. Shorten it."
        )
