"""`koi dead`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import with_settings

if TYPE_CHECKING:
    from koipond.kernel.letters import DeadLetter
    from koipond.settings import Settings


@click.group
def dead() -> None:
    """Look after dead letters: events and jobs that failed as often as they may."""


@dead.command("list")
@click.option("--first", default=100, show_default=True, help="At most so many, the latest first.")
@with_settings
def list_dead(settings: Settings, first: int) -> None:
    """Show what is dead, why, and how much waits behind it."""
    found, count = asyncio.run(_find(settings, first))
    for one in found:
        click.echo(_line(one))
    if len(found) < count:
        click.echo(f"… and {count - len(found):,} more")
    if not found:
        click.echo("nothing is dead")


@dead.command
@click.argument("letter")
@with_settings
def retry(settings: Settings, letter: str) -> None:
    """Try LETTER again, with all its attempts, once what was wrong is mended.

    LETTER is an id that `koi dead list` shows. What waits behind it goes on waiting for it.
    """
    asyncio.run(_retry(settings, letter))
    click.echo(f"{letter} is tried again by the next worker")


@dead.command
@click.argument("letter")
@with_settings
def skip(settings: Settings, letter: str) -> None:
    """Give LETTER up for ever, so that what waits behind it is delivered."""
    asyncio.run(_skip(settings, letter))
    click.echo(f"{letter} is skipped")


def _line(one: DeadLetter) -> str:
    whom = f" for {one.consumer}" if one.consumer else ""
    waiting = f", {one.waiting:,} wait behind it" if one.waiting else ""
    return (
        f"{one.id}  {one.name}{whom}  {one.attempts} attempts until "
        f"{one.died_at:%Y-%m-%d %H:%M:%S} UTC{waiting}: {one.problem}"
    )


async def _find(settings: Settings, first: int) -> tuple[list[DeadLetter], int]:
    from koipond.cli.opening import opened
    from koipond.delivery import service
    from koipond.kernel.pages import Page

    async with opened(settings) as ctx:
        found = await service.find_dead(ctx, Page(first=max(first, 1)))
        return [*found.rows], await service.count_dead(ctx)


async def _retry(settings: Settings, letter: str) -> None:
    from koipond.cli.opening import opened
    from koipond.delivery import service

    async with opened(settings) as ctx:
        await service.retry_dead(ctx, letter)


async def _skip(settings: Settings, letter: str) -> None:
    from koipond.cli.opening import opened
    from koipond.delivery import service

    async with opened(settings) as ctx:
        await service.skip_dead(ctx, letter)
