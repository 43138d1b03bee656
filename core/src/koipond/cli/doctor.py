"""`koi doctor`: what is wrong with this shop, and how to mend it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import settings_origin, with_settings

if TYPE_CHECKING:
    from koipond.settings import Settings


@click.command
@click.option(
    "--audit",
    is_flag=True,
    help="Also recount all that must always hold: core's "
    "stock, units, orders, money, events and jobs, and what each plugin says of its own rows.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a list of {about, found, fix}.")
@with_settings
@click.pass_context
def doctor(ctx: click.Context, settings: Settings, *, audit: bool, as_json: bool) -> None:
    """Look for what is wrong: each finding with what to do.

    Exit codes: 0 nothing is wrong, 1 there is at least one finding with a fix, 2 it could not look
    at all.
    """
    from koipond.cli.examining import examine, recount

    origin = settings_origin().removeprefix("Settings: ").rstrip(".")
    findings = asyncio.run(examine(settings, origin=origin))
    if audit and not any(one.fix for one in findings):
        findings += asyncio.run(recount(settings))
    if as_json:
        told = [{"about": one.about, "found": one.found, "fix": one.fix} for one in findings]
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        for one in findings:
            click.echo(f"{'✗' if one.fix else '✓'} {one.about}: {one.found}")
            if one.fix:
                click.echo(f"  fix: {one.fix}")
    ctx.exit(1 if any(one.fix for one in findings) else 0)
