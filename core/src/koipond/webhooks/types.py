"""Webhooks, seen from outside."""

from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from msgspec import Struct

from koipond.kernel.ids import EventId, WebhookEndpointId

AttemptId = NewType("AttemptId", UUID)
URL_MAX = 2_000
DESCRIPTION_MAX = 200
ENDPOINTS_MAX = 100
REPLAY_MAX = 10_000


class EndpointState(StrEnum):
    """Whether an endpoint is told of events. While it is disabled they wait for it."""

    ACTIVE = "active"
    DISABLED = "disabled"


class DisabledBy(StrEnum):
    """Why an endpoint is disabled."""

    STAFF = "staff"
    # It answered 410 Gone.
    GONE = "gone"
    # It took nothing for days.
    FAILING = "failing"


class Endpoint(Struct, frozen=True, kw_only=True):
    """An address that is told of events.

    events: their names. secret_number: of the secret that it signs with, counted up from 1; the one
    before it counts until `previous_until`.
    """

    id: WebhookEndpointId
    url: str
    description: str
    events: tuple[str, ...]
    state: EndpointState
    disabled_by: DisabledBy | None
    disabled_at: datetime | None
    secret_number: int
    previous_until: datetime | None
    created_at: datetime


class EndpointDraft(Struct, frozen=True, kw_only=True):
    """What staff say of an endpoint."""

    url: str
    events: tuple[str, ...]
    description: str = ""


class Attempt(Struct, frozen=True, kw_only=True):
    """One try to tell an endpoint of an event.

    number: 1 is the first. status: of the answer, None: there was none. problem: "" if it was
    taken. answer: the beginning of what it said.
    """

    id: AttemptId
    endpoint_id: WebhookEndpointId
    event_id: EventId
    event: str
    number: int
    at: datetime
    duration_ms: int
    status: int | None
    problem: str
    answer: str


class Answer(Struct, frozen=True, kw_only=True):
    """What came back from an address. status None: nothing, and `problem` says why.

    retry_after: when to come again, as it said: seconds or a date; "": it said nothing.
    """

    status: int | None
    problem: str | None
    body: str = ""
    duration_ms: int = 0
    retry_after: str = ""
