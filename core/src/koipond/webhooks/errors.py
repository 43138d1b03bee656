"""Refusals about webhooks."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error


@domain_error
class WebhookUrlInvalid(DomainError):
    """An address that no webhook is sent to."""

    code: ClassVar[str] = "WEBHOOK_URL_INVALID"
    url: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.url[:200]!r} cannot be told of events: {self.reason}. Give an address such as "
            "https://example.org/hooks; for one inside your own network set `webhook_networks`."
        )


@domain_error
class WebhookEventsInvalid(DomainError):
    """Names of events that this shop does not tell of, or none at all."""

    code: ClassVar[str] = "WEBHOOK_EVENTS_INVALID"
    unknown: str
    known: str

    def __str__(self) -> str:
        what = f"There are no events {self.unknown}" if self.unknown else "No event was named"
        return f"{what}. Choose some of: {self.known}."


@domain_error
class WebhookDescriptionTooLong(DomainError):
    """A description that is a story."""

    code: ClassVar[str] = "WEBHOOK_DESCRIPTION_TOO_LONG"
    characters: int
    characters_max: int

    def __str__(self) -> str:
        return f"{self.characters:,} characters, at most {self.characters_max:,}. Say less."


@domain_error
class WebhookEndpointsFull(DomainError):
    """One endpoint more than a shop may have."""

    code: ClassVar[str] = "WEBHOOK_ENDPOINTS_FULL"
    endpoints_max: int

    def __str__(self) -> str:
        return (
            f"There are {self.endpoints_max} endpoints, the most that a shop may have. Remove one, "
            "or relay events to a broker that many may listen to."
        )


@domain_error
class WebhookEndpointNotFound(DomainError):
    """An endpoint that is not there, or no more."""

    code: ClassVar[str] = "WEBHOOK_ENDPOINT_NOT_FOUND"
    endpoint: str

    def __str__(self) -> str:
        return f"There is no endpoint {self.endpoint}. `webhookEndpoints` lists those there are."


@domain_error
class WebhookEndpointIsDisabled(DomainError):
    """Something that only an endpoint can be told of that is told of things at all."""

    code: ClassVar[str] = "WEBHOOK_ENDPOINT_IS_DISABLED"
    endpoint: str
    disabled_by: str

    def __str__(self) -> str:
        return (
            f"{self.endpoint} is disabled ({self.disabled_by}). Enable it: what has come since "
            "waits for it, and what is dead is tried again."
        )


@domain_error
class WebhookEventNotFound(DomainError):
    """An event that this shop has not kept, or tells nobody of."""

    code: ClassVar[str] = "WEBHOOK_EVENT_NOT_FOUND"
    event: str

    def __str__(self) -> str:
        return f"There is no event {self.event} to tell of. Its attempts show the ids of events."


@domain_error
class WebhookReplayTooLong(DomainError):
    """A time in which more happened than is told again in one go."""

    code: ClassVar[str] = "WEBHOOK_REPLAY_TOO_LONG"
    events: int
    events_max: int

    def __str__(self) -> str:
        return (
            f"{self.events:,} events happened then, at most {self.events_max:,} are told again in "
            "one go. Choose a shorter time."
        )


@domain_error
class WebhookReplayUnclear(DomainError):
    """A wish to tell events again that names an event and a time, or neither."""

    code: ClassVar[str] = "WEBHOOK_REPLAY_UNCLEAR"

    def __str__(self) -> str:
        return "Name one event, or the time from which on all of them are told again."


@domain_error
class WebhookKeepInvalid(DomainError):
    """A time for the former secret that is none, or too long."""

    code: ClassVar[str] = "WEBHOOK_KEEP_INVALID"
    hours: int
    hours_max: int

    def __str__(self) -> str:
        return (
            f"The former secret cannot count for {self.hours:,} hours more: 0 (it ends now) to "
            f"{self.hours_max:,}."
        )
