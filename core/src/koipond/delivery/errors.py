"""Refusals about dead letters."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.jobs import JobState


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


@domain_error
class JobUnknown(DomainError):
    """A job that there is none of, or that is done."""

    code: ClassVar[str] = "JOB_UNKNOWN"
    job_id: str

    def __str__(self) -> str:
        return (
            f"There is no job {self.job_id[:60]!r}: it is done, or never was one. `jobs` shows "
            "those that there are."
        )


@domain_error
class JobAtWork(DomainError):
    """A job that a worker has, which only that worker ends."""

    code: ClassVar[str] = "JOB_AT_WORK"
    job_id: str
    worker: str
    attempts: int

    def __str__(self) -> str:
        return (
            f"{self.job_id} is at work for the time no. {self.attempts}, at {self.worker}. Wait "
            "until it is done or has failed, or stop that worker: it gives the job back."
        )


@domain_error
class JobNotCancellable(DomainError):
    """A job that was promised to somebody: money, units or a message depend on it."""

    code: ClassVar[str] = "JOB_NOT_CANCELLABLE"
    job_id: str
    name: str
    state: JobState

    def __str__(self) -> str:
        return (
            f"{self.job_id} is {self.state} and does {self.name}, which others count on. Cancel "
            "what it is for (the order, the import, the refund); a dead one can be skipped."
        )
