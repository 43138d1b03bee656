"""Refusals about dead letters."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error


@domain_error
class DeadLetterNotFound(DomainError):
    """A dead letter that there is none of, or none of any more."""

    code: ClassVar[str] = "DEAD_LETTER_NOT_FOUND"
    id: str

    def __str__(self) -> str:
        return (
            f"There is no dead letter {self.id[:60]!r}: it was retried or skipped meanwhile, or "
            "never was one. `koi dead list` and deadLetters show those that there are."
        )


@domain_error
class DeadLetterSuperseded(DomainError):
    """A dead job of which a later one is on its way."""

    code: ClassVar[str] = "DEAD_LETTER_SUPERSEDED"
    id: str

    def __str__(self) -> str:
        return f"A later job of the same key does what {self.id[:60]} was to do: skip this one."


@domain_error
class ConsumerUnknown(DomainError):
    """A plugin that does not run here, or hears no events."""

    code: ClassVar[str] = "CONSUMER_UNKNOWN"
    consumer: str
    known: str

    def __str__(self) -> str:
        return (
            f"{self.consumer[:60]} hears no events here: it is not installed, is disabled, or has "
            f"no event hook. There are: {self.known or 'none'}."
        )
