"""`koi webhook`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import with_settings

if TYPE_CHECKING:
    from koipond.settings import Settings
    from koipond.webhooks.types import Attempt, Endpoint

_events = click.option(
    "--event",
    "events",
    multiple=True,
    help="What it is told of, such as OrderConfirmed; may be given several times. Default: all "
    "that docs/reference/events has now.",
)
_TIMES = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.group
def webhook() -> None:
    """Tell others of events of this shop, at addresses of theirs."""


@webhook.command
@click.argument("url")
@_events
@click.option("--description", default="", help="For people: whose it is.")
@with_settings
def add(settings: Settings, url: str, events: tuple[str, ...], description: str) -> None:
    """Let URL hear of events from now on, and show the secret that signs them: once."""
    made, secret = asyncio.run(_add(settings, url, events, description))
    click.echo(_line(made))
    click.echo(f"secret: {secret}")


@webhook.command("list")
@with_settings
def list_all(settings: Settings) -> None:
    """Show every endpoint."""
    found = asyncio.run(_find(settings))
    for one in found:
        click.echo(_line(one))
    if not found:
        click.echo("there is no endpoint")


@webhook.command
@click.argument("endpoint")
@click.option("--first", default=20, show_default=True, help="At most so many, the latest first.")
@click.option("--failed", is_flag=True, help="Only those that the endpoint did not take.")
@with_settings
def attempts(settings: Settings, endpoint: str, first: int, failed: bool) -> None:
    """Show what came of the tries to tell ENDPOINT of events."""
    for one in asyncio.run(_attempts(settings, endpoint, first, failed_only=failed)):
        click.echo(_attempt_line(one))


@webhook.command
@click.argument("endpoint")
@click.option(
    "--keep-hours",
    default=24,
    show_default=True,
    help="How long the former secret signs as well; 0: it ends now.",
)
@with_settings
def rotate(settings: Settings, endpoint: str, keep_hours: int) -> None:
    """Give ENDPOINT another secret, and show it: once."""
    click.echo(f"secret: {asyncio.run(_rotate(settings, endpoint, keep_hours))}")


@webhook.command
@click.argument("endpoint")
@with_settings
def enable(settings: Settings, endpoint: str) -> None:
    """Tell ENDPOINT what has waited for it, and try again what is dead."""
    click.echo(_line(asyncio.run(_turn(settings, endpoint, on=True))))


@webhook.command
@click.argument("endpoint")
@with_settings
def disable(settings: Settings, endpoint: str) -> None:
    """Tell ENDPOINT nothing until it is enabled; what comes waits for `deliveries_keep_days`."""
    click.echo(_line(asyncio.run(_turn(settings, endpoint, on=False))))


@webhook.command
@click.argument("endpoint")
@with_settings
def remove(settings: Settings, endpoint: str) -> None:
    """Forget ENDPOINT, its tries, and what it was to hear."""
    asyncio.run(_remove(settings, endpoint))
    click.echo(f"{endpoint} is removed")


@webhook.command
@click.argument("endpoint")
@click.argument("event", required=False)
@click.option("--since", type=_TIMES, help="All of them from then on, in UTC, instead of EVENT.")
@click.option("--until", type=_TIMES, help="Until when. Default: until now.")
@with_settings
def replay(
    settings: Settings,
    endpoint: str,
    event: str | None,
    since: datetime | None,
    until: datetime | None,
) -> None:
    """Tell ENDPOINT again of EVENT, such as evt_01k…, whatever came of it before."""
    count = asyncio.run(_replay(settings, endpoint, event, since, until))
    click.echo(f"{count:,} events are told again by the next worker")


def _line(one: Endpoint) -> str:
    from koipond.kernel.ids import WebhookEndpointId, encode

    why = f" by {one.disabled_by}" if one.disabled_by else ""
    named = f"  {one.description}" if one.description else ""
    key = encode(WebhookEndpointId, one.id)
    return f"{key}  {one.state}{why}  {one.url}{named}  {', '.join(one.events)}"


def _attempt_line(one: Attempt) -> str:
    from koipond.kernel.ids import EventId, encode

    came = one.problem or f"answered {one.status}"
    key = encode(EventId, one.event_id)
    at = f"{one.at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{at}  {key}  {one.event}  try {one.number}, {one.duration_ms} ms: {came}"


async def _add(
    settings: Settings, url: str, events: tuple[str, ...], description: str
) -> tuple[Endpoint, str]:
    from koipond.cli.opening import opened
    from koipond.webhooks import service
    from koipond.webhooks.types import EndpointDraft

    async with opened(settings) as ctx:
        wanted = events or tuple(sorted(ctx.shop.extensions.events))
        draft = EndpointDraft(url=url, events=wanted, description=description)
        return await service.create_endpoint(ctx, draft)


async def _find(settings: Settings) -> list[Endpoint]:
    from koipond.cli.opening import opened
    from koipond.webhooks import service

    async with opened(settings) as ctx:
        return await service.find_endpoints(ctx)


async def _attempts(
    settings: Settings, endpoint: str, first: int, *, failed_only: bool
) -> list[Attempt]:
    from koipond.cli.opening import opened
    from koipond.kernel.ids import WebhookEndpointId, decode
    from koipond.kernel.pages import Page
    from koipond.webhooks import service

    page = Page(first=max(first, 1))
    async with opened(settings) as ctx:
        key = decode(WebhookEndpointId, endpoint)
        found = await service.find_attempts(ctx, key, page, failed_only=failed_only)
        return [*found.rows]


async def _rotate(settings: Settings, endpoint: str, keep_hours: int) -> str:
    from koipond.cli.opening import opened
    from koipond.kernel.ids import WebhookEndpointId, decode
    from koipond.webhooks import service

    async with opened(settings) as ctx:
        key = decode(WebhookEndpointId, endpoint)
        _, secret = await service.rotate_secret(ctx, key, keep_hours=keep_hours)
        return secret


async def _turn(settings: Settings, endpoint: str, *, on: bool) -> Endpoint:
    from koipond.cli.opening import opened
    from koipond.kernel.ids import WebhookEndpointId, decode
    from koipond.webhooks import service

    async with opened(settings) as ctx:
        key = decode(WebhookEndpointId, endpoint)
        turn = service.enable_endpoint if on else service.disable_endpoint
        return await turn(ctx, key)


async def _remove(settings: Settings, endpoint: str) -> None:
    from koipond.cli.opening import opened
    from koipond.kernel.ids import WebhookEndpointId, decode
    from koipond.webhooks import service

    async with opened(settings) as ctx:
        await service.remove_endpoint(ctx, decode(WebhookEndpointId, endpoint))


async def _replay(
    settings: Settings,
    endpoint: str,
    event: str | None,
    since: datetime | None,
    until: datetime | None,
) -> int:
    from koipond.cli.opening import opened
    from koipond.kernel.ids import EventId, WebhookEndpointId, decode
    from koipond.webhooks import service

    async with opened(settings) as ctx:
        return await service.replay(
            ctx,
            decode(WebhookEndpointId, endpoint),
            event_id=None if event is None else decode(EventId, event),
            since=None if since is None else since.replace(tzinfo=UTC),
            until=None if until is None else until.replace(tzinfo=UTC),
        )
