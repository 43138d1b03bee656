"""Tells endpoints of events: signed, each try written down, and who is gone no more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from koipond.kernel.audience import close_consumer
from koipond.kernel.context import Context, transaction
from koipond.kernel.couriers import Health, Outcome, Parcel, Report
from koipond.kernel.ids import EventId, WebhookEndpointId, decode, encode, new_id
from koipond.kernel.jobs import Job
from koipond.kernel.logs import log
from koipond.kernel.publishing import envelope, write
from koipond.webhooks import repository, rules
from koipond.webhooks.events import WebhookEndpointDisabled
from koipond.webhooks.service.sending import Post
from koipond.webhooks.types import Answer, Attempt, AttemptId, Endpoint, EndpointState

# The courier's name; a consumer is called webhook:hook_…
COURIER = "webhook"


def consumer_of(key: WebhookEndpointId) -> str:
    """Return what an endpoint is called as a consumer of events."""
    return f"{COURIER}:{encode(WebhookEndpointId, key)}"


def endpoint_of(consumer: str) -> WebhookEndpointId:
    """Return which endpoint a consumer is."""
    return decode(WebhookEndpointId, consumer.removeprefix(f"{COURIER}:"))


class Webhooks:
    """The courier of webhooks."""

    standing: Sequence[str] = ()
    waits: Sequence[timedelta] = rules.WAITS
    is_patient = False
    at_once = rules.AT_ONCE

    def __init__(self, post: Post) -> None:
        self._post = post

    async def carry(
        self, ctx: Context, consumer: str, parcels: Sequence[Parcel]
    ) -> Sequence[Report]:
        """Send each event to an endpoint, side by side; a report's details are the answer."""
        async with ctx.reading() as db:
            endpoint = await repository.find(db, endpoint_of(consumer))
        # Nobody waits for a network with a connection in hand.
        await ctx.rest()
        if endpoint is None:
            return [Report(problem="the endpoint is gone") for _ in parcels]
        answers = await asyncio.gather(*(self._send(ctx, endpoint, one) for one in parcels))
        now = ctx.clock.now()
        return [
            Report(problem=one.problem, details=one, wait=rules.wait_asked(one, now=now))
            for one in answers
        ]

    async def _send(self, ctx: Context, endpoint: Endpoint, parcel: Parcel) -> Answer:
        now = ctx.clock.now()
        told = envelope(parcel.event, occurred_at=parcel.occurred_at, seq=parcel.seq)
        body = write(told)
        secrets = rules.valid_secrets(ctx.settings.secret, endpoint, now=now)
        key = encode(EventId, EventId(parcel.event_id))
        headers = rules.sign(secrets, message_id=key, at=now, body=body)
        return await self._post.send(endpoint.url, headers=headers, body=body)

    async def settled(
        self, ctx: Context, consumer: str, outcomes: Sequence[Outcome], health: Health
    ) -> None:
        """Write the tries down, and disable an endpoint that is gone or took nothing for days."""
        endpoint = await repository.lock(ctx.db, endpoint_of(consumer))
        if endpoint is None:
            return
        now = ctx.clock.now()
        answers = [(one, one.details) for one in outcomes if isinstance(one.details, Answer)]
        attempts = [_attempt(ctx, endpoint, one, answer) for one, answer in answers]
        await repository.add_attempts(ctx.db, attempts)
        reason = rules.must_disable(
            is_gone=any(answer.status == rules.GONE for _, answer in answers),
            any_dead=any(one.is_dead for one in outcomes),
            failures=health.failures,
            failing_since=health.failing_since,
            now=now,
        )
        if reason is not None and endpoint.state is EndpointState.ACTIVE:
            await repository.save(ctx.db, rules.disabled(endpoint, reason, now=now))
            await close_consumer(ctx.db, consumer)
            ctx.emit(WebhookEndpointDisabled(endpoint_id=endpoint.id, reason=reason))
            log.warning(
                "webhook endpoint disabled",
                endpoint=encode(WebhookEndpointId, endpoint.id),
                reason=reason,
                fix="mend what it points at, then: koi webhook enable",
            )


class ForgetAttempts(Job, frozen=True, kw_only=True):
    """Drop tries to tell endpoints of events that were kept long enough."""

    may_cancel: ClassVar[bool] = True


@transaction
async def forget_attempts(ctx: Context, job: ForgetAttempts) -> None:
    """Drop tries older than `webhook_attempts_keep_days`."""
    kept = timedelta(days=ctx.settings.webhook_attempts_keep_days)
    await repository.forget_attempts(ctx.db, before=ctx.clock.now() - kept)


def _attempt(ctx: Context, endpoint: Endpoint, outcome: Outcome, answer: Answer) -> Attempt:
    return Attempt(
        id=AttemptId(new_id()),
        endpoint_id=endpoint.id,
        event_id=EventId(outcome.parcel.event_id),
        event=outcome.parcel.event.name(),
        number=outcome.parcel.attempts + 1,
        at=ctx.clock.now(),
        duration_ms=answer.duration_ms,
        status=answer.status,
        problem=answer.problem or "",
        answer=answer.body,
    )
