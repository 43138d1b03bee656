"""`koi import`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from koipond.cli.options import with_settings

if TYPE_CHECKING:
    from koipond.imports.types import Counts, ImportOptions, ImportReport, RefusedRow
    from koipond.kernel.context import Context
    from koipond.settings import Settings


@click.group("import")
def importing() -> None:
    """Bring goods into the shop."""


@importing.command
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--channel", help="Where it is sold. Default: the shop's first channel.")
@click.option("--currency", help="Of the prices in FILE. Default: the channel's first.")
@click.option("--locale", help="Language of the texts in FILE. Default: the channel's first.")
@click.option("--asset-base", default="", help="Address to put before picture names.")
@click.option("--encoding", default="utf-8", show_default=True, help="Such as gb18030.")
@click.option(
    "--dialect",
    type=click.Choice(["auto", "shopify", "vendure"]),
    default="auto",
    show_default=True,
    help="Whose CSV it is; auto tells by the header.",
)
@click.option("--location", help="Where new stock is booked. Default: the shop's first location.")
@with_settings
def catalog(
    settings: Settings,
    *,
    file: Path,
    channel: str | None,
    currency: str | None,
    locale: str | None,
    asset_base: str,
    encoding: str,
    dialect: str,
    location: str | None,
) -> None:
    """Import the products of FILE, a CSV as Shopify or Vendure writes it.

    Known products are brought up to date; the same file again changes nothing. Told in another
    language or currency, a file adds texts and prices. Quantities are booked for variants that are
    new; the stock of known ones is left alone, for the shop may have sold since.

    A product with a bad row is skipped and listed with its line. After a stop, the same command
    goes on where it was. Exits with 0 if all products are in, 1 if some were skipped, 2 if the file
    was refused and nothing was imported, 130 if it was stopped by Ctrl-C.
    """
    from koipond.imports.types import Dialect, ImportOptions

    options = ImportOptions(
        channel=channel,
        currency=currency,
        locale=locale,
        asset_base=asset_base,
        encoding=encoding,
        dialect=Dialect(dialect),
        location=location,
    )
    try:
        report = asyncio.run(_import(settings, file, options))
    except KeyboardInterrupt:
        click.echo("Stopped. The same command goes on where it stopped.", err=True)
        raise SystemExit(130) from None
    _show_refusals(report.refusals)
    click.echo(_summary(file, report))
    if report.refusals:
        raise SystemExit(1)


async def _import(settings: Settings, file: Path, options: ImportOptions) -> ImportReport:
    from koipond.cli.opening import opened

    async with opened(settings) as ctx:
        return await import_behind_bar(ctx, file, options)


async def import_behind_bar(ctx: Context, file: Path, options: ImportOptions) -> ImportReport:
    """Import a file and show how far it is, on stderr."""
    from koipond.cli.showing import bar_of
    from koipond.imports.service import import_catalog

    with bar_of(file.name) as show:
        return await import_catalog(
            ctx, file, options, lambda progress: show(progress.done, progress.total)
        )


def _show_refusals(refusals: tuple[RefusedRow, ...]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not refusals:
        return
    table = Table("Line", "Product", "Why it was skipped")
    for refusal in refusals:
        # Text: what stands in a file is no markup.
        table.add_row(str(refusal.line), Text(refusal.item), Text(refusal.reason))
    Console().print(table)


def _summary(file: Path, report: ImportReport) -> str:
    counts = report.counts
    lines = [f"{file.name}: {summarize(counts)}"]
    if report.resumed_at:
        lines.append(f"went on behind product {report.resumed_at}, where it was stopped")
    if counts.stock_booked:
        lines.append(f"stock booked for {counts.stock_booked} new variants")
    if counts.stock_left_alone:
        lines.append(f"stock left alone for {counts.stock_left_alone} known variants")
    return "\n".join(lines)


def summarize(counts: Counts) -> str:
    """Say what became of the products of a file."""
    return (
        f"{counts.created} created, {counts.changed} changed, {counts.unchanged} unchanged, "
        f"{counts.refused} skipped"
    )
