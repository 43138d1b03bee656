"""`koi import`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from koipond.cli.options import with_settings

if TYPE_CHECKING:
    from koipond.imports.types import Counts, ImportOptions, ImportReport, RefusedRow
    from koipond.kernel.context import Context
    from koipond.settings import Settings

# Of what was skipped.
_SHOWN_MAX = 100


@click.group("import")
def importing() -> None:
    """Bring goods, members and past purchases into the shop, from CSV or NDJSON."""


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
    _run(settings, file, options)


def _kind_options(command: Any) -> Any:
    """Add what all kinds take whose columns are ours."""
    for option in reversed(
        [
            click.argument("file", type=click.Path(path_type=Path)),
            click.option("--channel", help="Default: the shop's first channel."),
            click.option("--currency", help="Of amounts in FILE. Default: the channel's first."),
            click.option(
                "--format",
                "form",
                type=click.Choice(["auto", "csv", "ndjson", "spaced"]),
                default="auto",
                show_default=True,
                help="How FILE writes rows; auto tells by its first line.",
            ),
            click.option(
                "--column",
                "columns",
                multiple=True,
                metavar="OURS=THEIRS",
                help="What FILE calls a column; as often as it takes.",
            ),
            click.option("--encoding", default="utf-8", show_default=True, help="Such as gb18030."),
            click.option(
                "--source",
                default="import",
                show_default=True,
                help="Whose customer numbers FILE has; the same number of two sources is two "
                "people.",
            ),
            click.option("--location", help="Where stock is. Default: the shop's first location."),
            click.option("--dry-run", is_flag=True, help="Say what would happen, store nothing."),
            click.option(
                "--all-or-nothing", is_flag=True, help="Store no row unless all of them are good."
            ),
            click.option(
                "--errors",
                type=click.Path(path_type=Path, dir_okay=False),
                help="Write what was skipped to this CSV.",
            ),
        ]
    ):
        command = option(command)
    return with_settings(command)


def _add_kind(kind: str, told: str) -> None:
    def command(
        settings: Settings,
        *,
        file: Path,
        form: str,
        columns: tuple[str, ...],
        errors: Path | None,
        **given: Any,
    ) -> None:
        from koipond.imports.types import Format, ImportKind, ImportOptions

        options = ImportOptions(
            kind=ImportKind(kind), format=Format(form), columns=_read_columns(columns), **given
        )
        _run(settings, file, options, errors=errors)

    command.__doc__ = told
    importing.command(kind)(_kind_options(command))


_ENDS = """

    After a stop, the same command goes on where it was; the same file again changes nothing. Exits
    with 0 if all is in, 1 if rows were skipped, 2 if the file was refused, 130 after Ctrl-C.
    """
_KINDS = {
    "orders": """Import past purchases from FILE: they count in reports, and take no stock, no money
    and tell nobody.

    Columns: placed_at, quantity, line_total, and customer, email or phone. Rows of one number are
    lines of one order; without it each row is an order.""",
    "members": """Import members from FILE, by customer, email or phone; nobody is told.""",
    "prices": """Import base prices from FILE: the columns sku and price.""",
    "stock": """Import what was counted from FILE, or by how much it changes: the columns sku, and
    on_hand or delta. The same file is never booked twice.""",
}


def _read_columns(told: tuple[str, ...]) -> dict[str, str]:
    pairs = [one.partition("=") for one in told]
    wrong = next((ours for ours, is_pair, theirs in pairs if not is_pair or not theirs), None)
    if wrong is not None:
        raise click.BadParameter(f"{wrong!r}: write it like placed_at=date", param_hint="--column")
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


def _run(
    settings: Settings, file: Path, options: ImportOptions, *, errors: Path | None = None
) -> None:
    from koipond.imports.types import ImportState

    try:
        report = asyncio.run(_import(settings, file, options, errors))
    except KeyboardInterrupt:
        click.echo("Stopped. The same command goes on where it stopped.", err=True)
        raise SystemExit(130) from None
    _show_refusals(report.refusals)
    click.echo(_summary(file, report))
    if options.dry_run:
        click.echo("That was a dry run: nothing was stored.")
    elif report.state is ImportState.REFUSED:
        click.echo("Nothing was stored: all or nothing was asked for.")
    if report.counts.refused:
        raise SystemExit(1)


async def _import(
    settings: Settings, file: Path, options: ImportOptions, errors: Path | None
) -> ImportReport:
    from koipond.cli.opening import opened
    from koipond.imports.service import write_errors

    async with opened(settings) as ctx:
        report = await import_behind_bar(ctx, file, options)
        if errors is not None and report.run_id is not None:
            with errors.open("w", encoding="utf-8", newline="") as stream:
                async for part in write_errors(ctx, report.run_id):
                    stream.write(part)
        return report


async def import_behind_bar(ctx: Context, file: Path, options: ImportOptions) -> ImportReport:
    """Import a file and show how far it is, on stderr."""
    from koipond.cli.showing import bar_of
    from koipond.imports.service import import_file

    with bar_of(file.name) as show:
        return await import_file(
            ctx, file, options, lambda progress: show(progress.done, progress.total)
        )


def _show_refusals(refusals: tuple[RefusedRow, ...]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not refusals:
        return
    table = Table("Line", "Product", "Why it was skipped")
    for refusal in refusals[:_SHOWN_MAX]:
        # Text: what stands in a file is no markup.
        table.add_row(str(refusal.line), Text(refusal.item), Text(refusal.reason))
    Console().print(table)
    if len(refusals) > _SHOWN_MAX:
        click.echo(f"and {len(refusals) - _SHOWN_MAX:,} more: see them all with --errors FILE")


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


for _kind, _told in _KINDS.items():
    _add_kind(_kind, _told + _ENDS)
