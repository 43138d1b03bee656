"""`koi job`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import with_settings

if TYPE_CHECKING:
    from koipond.kernel.letters import RunningJob, WaitingJobs
    from koipond.settings import Settings


@click.group
def job() -> None:
    """Look at what is done in the background; `koi dead` shows what failed for good."""


@job.command("list")
@with_settings
def list_jobs(settings: Settings) -> None:
    """Show the jobs at work and how far they are, then what waits."""
    running, waiting = asyncio.run(_find(settings))
    for one in running:
        click.echo(_running(one))
    for kind in waiting:
        click.echo(_waiting(kind))
    if not running and not waiting:
        click.echo("nothing is at work, and nothing waits")


def _running(one: RunningJob) -> str:
    far = f"{one.done:,} of {one.total:,}" if one.total else "does not say how far it is"
    return f"at work  {one.kind}  {far}, attempt {one.attempts}, by {one.worker}"


def _waiting(one: WaitingJobs) -> str:
    return (
        f"waiting  {one.kind}  {one.count:,}, the first due at {one.due_at:%Y-%m-%d %H:%M:%S} UTC"
    )


async def _find(settings: Settings) -> tuple[list[RunningJob], list[WaitingJobs]]:
    from koipond.cli.opening import opened
    from koipond.delivery import service

    async with opened(settings) as ctx:
        return await service.find_running(ctx), await service.find_waiting(ctx)
