"""`koi export`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import with_settings

if TYPE_CHECKING:
    from koipond.exports.types import ExportOptions
    from koipond.settings import Settings


@click.command("export")
@click.argument("kind", type=click.Choice(["products", "orders", "members", "prices", "stock"]))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--channel", help="Default: the shop's first channel.")
@click.option("--currency", help="Of amounts. Default: the channel's first.")
@click.option("--locale", help="Of texts. Default: the channel's first.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "ndjson"]),
    default="csv",
    show_default=True,
    help="How rows are written.",
)
@click.option(
    "--source",
    default="import",
    show_default=True,
    help="Whose numbers customers are called by; those it has none for are called by their id.",
)
@with_settings
def exporting(
    settings: Settings,
    *,
    kind: str,
    file: Path | None,
    channel: str | None,
    currency: str | None,
    locale: str | None,
    form: str,
    source: str,
) -> None:
    """Write all products, orders, members, prices or stock to FILE, or to the terminal.

    What is written can be imported again. In a CSV, texts that a spreadsheet would take for
    formulas stand behind an apostrophe, which an import takes away.
    """
    from koipond.exports.types import ExportFormat, ExportKind, ExportOptions

    options = ExportOptions(
        kind=ExportKind(kind),
        format=ExportFormat(form),
        channel=channel,
        currency=currency,
        locale=locale,
        source=source,
    )
    count = asyncio.run(_export(settings, options, file))
    click.echo(f"{count:,} rows written", err=True)


async def _export(settings: Settings, options: ExportOptions, file: Path | None) -> int:
    from koipond.cli.opening import opened
    from koipond.exports.service import export
    from koipond.kernel.viewer import SYSTEM

    count = 0
    async with opened(settings) as guest, guest.shop.context(viewer=SYSTEM) as ctx:
        target = sys.stdout if file is None else file.open("w", encoding="utf-8", newline="")
        try:
            async for text, rows in export(ctx, options):
                target.write(text)
                count += rows
        finally:
            if file is not None:
                target.close()
    return count
