"""Use-cases of staff who look after endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from koipond.kernel import audience, couriers
from koipond.kernel.context import Context, transaction
from koipond.kernel.couriers import Health
from koipond.kernel.ids import EventId, WebhookEndpointId, encode, new_id
from koipond.kernel.pages import Page, Slice
from koipond.webhooks import repository, rules
from koipond.webhooks.errors import (
    WebhookEndpointIsDisabled,
    WebhookEndpointNotFound,
    WebhookEndpointsFull,
    WebhookEventNotFound,
    WebhookReplayTooLong,
    WebhookReplayUnclear,
)
from koipond.webhooks.events import WebhookEndpointDisabled
from koipond.webhooks.service.telling import COURIER, consumer_of
from koipond.webhooks.types import (
    ENDPOINTS_MAX,
    REPLAY_MAX,
    Attempt,
    DisabledBy,
    Endpoint,
    EndpointDraft,
    EndpointState,
)


@transaction
async def create_endpoint(ctx: Context, draft: EndpointDraft) -> tuple[Endpoint, str]:
    """Let an address hear of events from now on; returns the endpoint and its secret.

    Raises WebhookUrlInvalid, WebhookEventsInvalid, WebhookDescriptionTooLong, WebhookEndpointsFull.
    """
    _check(ctx, draft)
    if await repository.count(ctx.db) >= ENDPOINTS_MAX:
        raise WebhookEndpointsFull(endpoints_max=ENDPOINTS_MAX)
    now = ctx.clock.now()
    new = Endpoint(
        id=WebhookEndpointId(new_id()),
        url=draft.url,
        description=draft.description,
        events=draft.events,
        state=EndpointState.ACTIVE,
        disabled_by=None,
        disabled_at=None,
        secret_number=1,
        previous_until=None,
        created_at=now,
    )
    await repository.add(ctx.db, new)
    await audience.open_consumer(
        ctx.db, consumer_of(new.id), courier=COURIER, events=new.events, now=now
    )
    return new, _secret(ctx, new)


@transaction
async def update_endpoint(ctx: Context, key: WebhookEndpointId, draft: EndpointDraft) -> Endpoint:
    """Change where an endpoint is, or what it hears of from now on.

    Raises WebhookEndpointNotFound and what `create_endpoint` does of a draft.
    """
    known = await _lock(ctx, key)
    _check(ctx, draft)
    changed = rules.drafted(known, draft)
    await repository.save(ctx.db, changed)
    now = ctx.clock.now()
    await audience.choose_events(ctx.db, consumer_of(key), changed.events, now=now)
    return changed


@transaction
async def rotate_secret(
    ctx: Context, key: WebhookEndpointId, *, keep_hours: int
) -> tuple[Endpoint, str]:
    """Give an endpoint another secret; for `keep_hours` more both sign. Returns it and the secret.

    One that was rotated before, and counts still, ends now: there are two at most.
    Raises WebhookEndpointNotFound, WebhookKeepInvalid.
    """
    known = await _lock(ctx, key)
    changed = rules.rotated(known, keep_hours=keep_hours, now=ctx.clock.now())
    await repository.save(ctx.db, changed)
    return changed, _secret(ctx, changed)


@transaction
async def disable_endpoint(ctx: Context, key: WebhookEndpointId) -> Endpoint:
    """Tell an endpoint nothing until it is enabled; twice is once.

    Raises WebhookEndpointNotFound.
    """
    known = await _lock(ctx, key)
    if known.state is EndpointState.DISABLED:
        return known
    changed = rules.disabled(known, DisabledBy.STAFF, now=ctx.clock.now())
    await repository.save(ctx.db, changed)
    await audience.close_consumer(ctx.db, consumer_of(key))
    ctx.emit(WebhookEndpointDisabled(endpoint_id=key, reason=DisabledBy.STAFF))
    return changed


@transaction
async def enable_endpoint(ctx: Context, key: WebhookEndpointId) -> Endpoint:
    """Tell an endpoint what has waited for it, and try again what is dead.

    Twice is once. Raises WebhookEndpointNotFound.
    """
    known = await _lock(ctx, key)
    if known.state is EndpointState.ACTIVE:
        return known
    changed = rules.enabled(known)
    await repository.save(ctx.db, changed)
    consumer, now = consumer_of(key), ctx.clock.now()
    await audience.open_consumer(ctx.db, consumer, courier=COURIER, events=changed.events, now=now)
    await audience.revive(ctx.db, consumer, now=now)
    return changed


@transaction
async def remove_endpoint(ctx: Context, key: WebhookEndpointId) -> None:
    """Forget an endpoint, and what it was to hear. Raises WebhookEndpointNotFound."""
    await _lock(ctx, key)
    await repository.remove(ctx.db, key)
    await audience.remove_consumer(ctx.db, consumer_of(key))


@transaction
async def replay(
    ctx: Context,
    key: WebhookEndpointId,
    *,
    event_id: EventId | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> int:
    """Tell an endpoint of events again, by the same ids, whatever came of it before.

    Of one, or of all that it hears of and that happened then, also before it was there; those of
    one thing come in their order. Returns how many. Raises WebhookEndpointNotFound,
    WebhookEndpointIsDisabled, WebhookEventNotFound, WebhookReplayTooLong, WebhookReplayUnclear.
    """
    known = await _lock_active(ctx, key)
    now = ctx.clock.now()
    if (event_id is None) == (since is None):
        raise WebhookReplayUnclear
    if event_id is not None:
        wanted = audience.event_called(event_id, sorted(ctx.shop.extensions.events))
    else:
        assert since is not None, "one of the two was given"
        wanted = audience.happened(known.events, since=since, until=until or now)
    count = await audience.count_happened(ctx.db, wanted)
    if event_id is not None and not count:
        raise WebhookEventNotFound(event=encode(EventId, event_id))
    if count > REPLAY_MAX:
        raise WebhookReplayTooLong(events=count, events_max=REPLAY_MAX)
    await audience.replay(ctx.db, consumer_of(key), wanted, now=now)
    return count


async def find_endpoint(ctx: Context, key: WebhookEndpointId) -> Endpoint | None:
    """Return an endpoint, or None."""
    async with ctx.reading() as db:
        return await repository.find(db, key)


async def find_endpoints(ctx: Context) -> list[Endpoint]:
    """Return every endpoint, the oldest first."""
    async with ctx.reading() as db:
        return await repository.find_all(db)


async def find_health(ctx: Context, endpoints: Sequence[Endpoint]) -> list[Health]:
    """Return how each endpoint has answered lately."""
    consumers = [consumer_of(one.id) for one in endpoints]
    found = await couriers.find_health(ctx, consumers)
    return [found.get(one, Health()) for one in consumers]


async def find_attempts(
    ctx: Context, key: WebhookEndpointId, page: Page, *, failed_only: bool = False
) -> Slice[Attempt]:
    """Return one page of the tries to tell an endpoint of events, the latest first."""
    async with ctx.reading() as db:
        return await repository.find_attempts(db, key, page, failed_only=failed_only)


def _check(ctx: Context, draft: EndpointDraft) -> None:
    networks = rules.read_networks(ctx.settings.webhook_networks)
    rules.check_draft(draft, ctx.shop.extensions.events, networks)


def _secret(ctx: Context, endpoint: Endpoint) -> str:
    return rules.secret_of(ctx.settings.secret, endpoint.id, endpoint.secret_number)


async def _lock(ctx: Context, key: WebhookEndpointId) -> Endpoint:
    # In this order, as who tells it of events does.
    await audience.lock_consumer(ctx.db, consumer_of(key))
    found = await repository.lock(ctx.db, key)
    if found is None:
        raise WebhookEndpointNotFound(endpoint=encode(WebhookEndpointId, key))
    return found


async def _lock_active(ctx: Context, key: WebhookEndpointId) -> Endpoint:
    found = await _lock(ctx, key)
    if found.disabled_by is not None:
        raise WebhookEndpointIsDisabled(
            endpoint=encode(WebhookEndpointId, key), disabled_by=found.disabled_by
        )
    return found
