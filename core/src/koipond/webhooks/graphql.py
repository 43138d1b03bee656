"""Webhook endpoints in the staff's schema."""

from datetime import datetime
from uuid import UUID

import strawberry

from koipond.kernel.ids import EventId, WebhookEndpointId, decode, encode
from koipond.kernel.pages import FIRST_DEFAULT, page
from koipond.kernel.schema import (
    Api,
    Connection,
    Info,
    Mutation,
    Query,
    UserError,
    batch,
    connect,
    mutation,
    needs,
    query,
)
from koipond.webhooks import service, types
from koipond.webhooks.types import DisabledBy, EndpointDraft, EndpointState

strawberry.enum(EndpointState, name="WebhookEndpointState")
strawberry.enum(DisabledBy, name="WebhookEndpointDisabledBy")

READ = needs("webhook.read")
WRITE = needs("webhook.write")
_KEEP_HOURS = 24


@strawberry.type(description="How an endpoint has answered lately.")
class WebhookEndpointHealth:
    failures: int = strawberry.field(description="In a row; 0 since it took an event")
    failing_since: datetime | None
    rests_until: datetime | None = strawberry.field(description="It is told nothing before that")


@strawberry.type(description="An address that is told of events of this shop.")
class WebhookEndpoint:
    found: strawberry.Private[types.Endpoint]
    id: strawberry.ID
    url: str
    description: str
    events: list[str]
    state: EndpointState
    disabled_by: DisabledBy | None
    disabled_at: datetime | None
    previous_secret_until: datetime | None = strawberry.field(
        description="Until then each webhook is signed by the former secret as well"
    )
    created_at: datetime

    @classmethod
    def of(cls, found: types.Endpoint) -> "WebhookEndpoint":
        """Wrap an endpoint."""
        return cls(
            found=found,
            id=strawberry.ID(encode(WebhookEndpointId, found.id)),
            url=found.url,
            description=found.description,
            events=list(found.events),
            state=found.state,
            disabled_by=found.disabled_by,
            disabled_at=found.disabled_at,
            previous_secret_until=found.previous_until,
            created_at=found.created_at,
        )

    @batch
    @staticmethod
    async def health(parents: list["WebhookEndpoint"], info: Info) -> list[WebhookEndpointHealth]:
        """How it has answered lately."""
        found = await service.find_health(info.context, [one.found for one in parents])
        return [
            WebhookEndpointHealth(
                failures=one.failures,
                failing_since=one.failing_since,
                rests_until=one.rests_until,
            )
            for one in found
        ]


@strawberry.type(description="One try to tell an endpoint of an event.")
class WebhookAttempt:
    event_id: strawberry.ID = strawberry.field(description="The webhook-id, the same in each try")
    event: str
    number: int = strawberry.field(description="1 is the first try")
    at: datetime
    duration_ms: int
    status: int | None = strawberry.field(description="Of the answer; null if there was none")
    problem: str | None = strawberry.field(description="Null if the event was taken")
    answer: str = strawberry.field(description="The beginning of what it said")

    @classmethod
    def of(cls, found: types.Attempt) -> "WebhookAttempt":
        """Wrap a try."""
        return cls(
            event_id=strawberry.ID(encode(EventId, found.event_id)),
            event=found.event,
            number=found.number,
            at=found.at,
            duration_ms=found.duration_ms,
            status=found.status,
            problem=found.problem or None,
            answer=found.answer,
        )


@strawberry.input
class CreateWebhookEndpointInput:
    url: str
    events: list[str] = strawberry.field(description="Names that webhookEvents lists")
    description: str = ""


@strawberry.input
class UpdateWebhookEndpointInput:
    endpoint_id: strawberry.ID
    url: str
    events: list[str]
    description: str = ""


@strawberry.input
class WebhookEndpointInput:
    endpoint_id: strawberry.ID


@strawberry.input
class RotateWebhookSecretInput:
    endpoint_id: strawberry.ID
    keep_hours: int = strawberry.field(
        default=_KEEP_HOURS, description="How long the former secret signs as well; 0: it ends now"
    )


@strawberry.input
class ReplayWebhooksInput:
    endpoint_id: strawberry.ID
    event_id: strawberry.ID | None = strawberry.field(default=None, description="This one only")
    since: datetime | None = strawberry.field(
        default=None, description="All that it hears of and that happened from then on"
    )
    until: datetime | None = strawberry.field(default=None, description="Left out: until now")


@strawberry.type
class CreateWebhookEndpointPayload:
    endpoint: WebhookEndpoint | None = None
    secret: str | None = strawberry.field(
        default=None, description="For who verifies signatures. It is shown now and never again"
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class RotateWebhookSecretPayload:
    endpoint: WebhookEndpoint | None = None
    secret: str | None = strawberry.field(default=None, description="Shown now and never again")
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class UpdateWebhookEndpointPayload:
    endpoint: WebhookEndpoint | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class EnableWebhookEndpointPayload:
    endpoint: WebhookEndpoint | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class DisableWebhookEndpointPayload:
    endpoint: WebhookEndpoint | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class RemoveWebhookEndpointPayload:
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class ReplayWebhooksPayload:
    events: int | None = strawberry.field(default=None, description="How many are told again")
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class WebhookQueries:
    @query(READ)
    async def webhook_events(self, info: Info) -> list[str]:
        """The names of the events that others can be told of."""
        return sorted(info.context.shop.extensions.events)

    @query(READ)
    async def webhook_endpoints(self, info: Info) -> list[WebhookEndpoint]:
        """Every endpoint, the oldest first."""
        return [WebhookEndpoint.of(one) for one in await service.find_endpoints(info.context)]

    @query(READ)
    async def webhook_endpoint(self, info: Info, id: strawberry.ID) -> WebhookEndpoint | None:
        """An endpoint; null if there is none of that id."""
        found = await service.find_endpoint(info.context, decode(WebhookEndpointId, id))
        return None if found is None else WebhookEndpoint.of(found)

    @query(READ)
    async def webhook_attempts(
        self,
        info: Info,
        endpoint_id: strawberry.ID,
        first: int | None = FIRST_DEFAULT,
        after: str | None = None,
        failed_only: bool = False,
    ) -> Connection[WebhookAttempt]:
        """The tries to tell an endpoint of events, the latest first."""
        found = await service.find_attempts(
            info.context,
            decode(WebhookEndpointId, endpoint_id),
            page(first, after, shape=(UUID,)),
            failed_only=failed_only,
        )
        return connect(found, WebhookAttempt.of, behind=after is not None)


@strawberry.type
class WebhookMutations:
    @mutation(WRITE)
    async def create_webhook_endpoint(
        self, info: Info, input: CreateWebhookEndpointInput
    ) -> CreateWebhookEndpointPayload:
        """Let an address hear of events from now on."""
        draft = EndpointDraft(
            url=input.url, events=tuple(input.events), description=input.description
        )
        made, secret = await service.create_endpoint(info.context, draft)
        return CreateWebhookEndpointPayload(endpoint=WebhookEndpoint.of(made), secret=secret)

    @mutation(WRITE)
    async def update_webhook_endpoint(
        self, info: Info, input: UpdateWebhookEndpointInput
    ) -> UpdateWebhookEndpointPayload:
        """Change where an endpoint is, or what it hears of from now on."""
        draft = EndpointDraft(
            url=input.url, events=tuple(input.events), description=input.description
        )
        key = decode(WebhookEndpointId, input.endpoint_id)
        changed = await service.update_endpoint(info.context, key, draft)
        return UpdateWebhookEndpointPayload(endpoint=WebhookEndpoint.of(changed))

    @mutation(WRITE)
    async def rotate_webhook_secret(
        self, info: Info, input: RotateWebhookSecretInput
    ) -> RotateWebhookSecretPayload:
        """Give an endpoint another secret; for a while both sign."""
        key = decode(WebhookEndpointId, input.endpoint_id)
        made, secret = await service.rotate_secret(info.context, key, keep_hours=input.keep_hours)
        return RotateWebhookSecretPayload(endpoint=WebhookEndpoint.of(made), secret=secret)

    @mutation(WRITE)
    async def enable_webhook_endpoint(
        self, info: Info, input: WebhookEndpointInput
    ) -> EnableWebhookEndpointPayload:
        """Tell an endpoint what has waited for it, and try again what is dead."""
        key = decode(WebhookEndpointId, input.endpoint_id)
        changed = await service.enable_endpoint(info.context, key)
        return EnableWebhookEndpointPayload(endpoint=WebhookEndpoint.of(changed))

    @mutation(WRITE)
    async def disable_webhook_endpoint(
        self, info: Info, input: WebhookEndpointInput
    ) -> DisableWebhookEndpointPayload:
        """Tell an endpoint nothing until it is enabled again."""
        key = decode(WebhookEndpointId, input.endpoint_id)
        changed = await service.disable_endpoint(info.context, key)
        return DisableWebhookEndpointPayload(endpoint=WebhookEndpoint.of(changed))

    @mutation(WRITE)
    async def remove_webhook_endpoint(
        self, info: Info, input: WebhookEndpointInput
    ) -> RemoveWebhookEndpointPayload:
        """Forget an endpoint, its tries, and what it was to hear."""
        await service.remove_endpoint(info.context, decode(WebhookEndpointId, input.endpoint_id))
        return RemoveWebhookEndpointPayload()

    @mutation(WRITE)
    async def replay_webhooks(
        self, info: Info, input: ReplayWebhooksInput
    ) -> ReplayWebhooksPayload:
        """Tell an endpoint of events again: of one, or of all that happened in a time."""
        key = decode(WebhookEndpointId, input.endpoint_id)
        count = await service.replay(
            info.context,
            key,
            event_id=None if input.event_id is None else decode(EventId, input.event_id),
            since=input.since,
            until=input.until,
        )
        return ReplayWebhooksPayload(events=count)


def register(api: Api) -> None:
    """Add webhook endpoints to the staff's schema."""
    api.admin(Query, WebhookQueries)
    api.admin(Mutation, WebhookMutations)
