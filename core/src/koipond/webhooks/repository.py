"""SQL of webhook endpoints and of the tries to tell them of events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import EventId, WebhookEndpointId
from koipond.kernel.pages import Page, Slice, cut
from koipond.webhooks.tables import webhook_attempt, webhook_endpoint
from koipond.webhooks.types import Attempt, AttemptId, DisabledBy, Endpoint, EndpointState


async def add(db: AsyncConnection, new: Endpoint) -> None:
    """Store a new endpoint."""
    await db.execute(webhook_endpoint.insert().values(_row(new)))


async def count(db: AsyncConnection) -> int:
    """Return how many endpoints there are."""
    counted = select(func.count()).select_from(webhook_endpoint)
    found: int = (await db.execute(counted)).scalar_one()
    return found


async def find(db: AsyncConnection, key: WebhookEndpointId) -> Endpoint | None:
    """Return an endpoint, or None."""
    row = (await db.execute(_chosen(key))).one_or_none()
    return None if row is None else _endpoint(row)


async def lock(db: AsyncConnection, key: WebhookEndpointId) -> Endpoint | None:
    """Lock and return an endpoint, or None."""
    row = (await db.execute(_chosen(key).with_for_update(key_share=True))).one_or_none()
    return None if row is None else _endpoint(row)


async def find_all(db: AsyncConnection) -> list[Endpoint]:
    """Return every endpoint, the oldest first."""
    rows = await db.execute(select(webhook_endpoint).order_by(webhook_endpoint.c.id))
    return [_endpoint(row) for row in rows]


async def save(db: AsyncConnection, changed: Endpoint) -> None:
    """Store an endpoint that is locked."""
    row = webhook_endpoint.update().where(webhook_endpoint.c.id == changed.id)
    await db.execute(row.values(_row(changed)))


async def remove(db: AsyncConnection, key: WebhookEndpointId) -> None:
    """Remove an endpoint and what is known of its tries."""
    await db.execute(webhook_attempt.delete().where(webhook_attempt.c.endpoint_id == key))
    await db.execute(webhook_endpoint.delete().where(webhook_endpoint.c.id == key))


async def add_attempts(db: AsyncConnection, new: Sequence[Attempt]) -> None:
    """Store tries."""
    if new:
        rows = [msgspec.structs.asdict(one) for one in new]
        await db.execute(webhook_attempt.insert(), rows)


async def find_attempts(
    db: AsyncConnection, key: WebhookEndpointId, page: Page, *, failed_only: bool
) -> Slice[Attempt]:
    """Return one page of the tries to tell an endpoint of events, the latest first."""
    chosen = select(webhook_attempt).where(webhook_attempt.c.endpoint_id == key)
    if failed_only:
        chosen = chosen.where(webhook_attempt.c.problem != "")
    if page.after is not None:
        chosen = chosen.where(webhook_attempt.c.id < page.after[0])
    rows = await db.execute(chosen.order_by(webhook_attempt.c.id.desc()).limit(page.first + 1))
    found = [_attempt(row) for row in rows]
    return cut(found, [(one.id,) for one in found], page)  # type: ignore[misc]  # a UUID is written as any other


async def forget_attempts(db: AsyncConnection, *, before: datetime) -> int:
    """Remove the tries of before then; returns how many."""
    gone = await db.execute(webhook_attempt.delete().where(webhook_attempt.c.at < before))
    return gone.rowcount


def _chosen(key: WebhookEndpointId) -> Any:
    return select(webhook_endpoint).where(webhook_endpoint.c.id == key)


def _row(one: Endpoint) -> dict[str, Any]:
    return {**msgspec.structs.asdict(one), "events": list(one.events)}


def _endpoint(row: Any) -> Endpoint:
    told = row._asdict()
    by = told["disabled_by"]
    return Endpoint(
        **{
            **told,
            "id": WebhookEndpointId(told["id"]),
            "events": tuple(told["events"]),
            "state": EndpointState(told["state"]),
            "disabled_by": None if by is None else DisabledBy(by),
        }
    )


def _attempt(row: Any) -> Attempt:
    told: dict[str, Any] = row._asdict()
    keys: dict[str, UUID] = {name: told.pop(name) for name in ("id", "endpoint_id", "event_id")}
    return Attempt(
        id=AttemptId(keys["id"]),
        endpoint_id=WebhookEndpointId(keys["endpoint_id"]),
        event_id=EventId(keys["event_id"]),
        **told,
    )
