"""Use-cases of imports."""

import hashlib
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from koipond.catalog import service as catalog
from koipond.catalog.types import Outcome, Refused, Saved, Telling
from koipond.channel import service as channels
from koipond.imports import repository, rules
from koipond.imports.errors import FileUnreadable, FileWithoutProducts, ImportOvertaken
from koipond.imports.types import (
    Counts,
    ImportKey,
    ImportOptions,
    ImportReport,
    ImportRun,
    Progress,
    RefusedProduct,
    RunState,
    Survey,
    ToldProduct,
)
from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import ImportRunId, new_id
from koipond.kernel.texts import LocaleUnknown
from koipond.stock import service as stock
from koipond.stock.types import MovementReason, StockReceipt

Batch = Sequence[ToldProduct | RefusedProduct]


async def import_catalog(
    ctx: Context,
    file: Path,
    options: ImportOptions,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> ImportReport:
    """Import a product CSV: new products are made, known ones become what the file tells.

    The file is read twice. The first look refuses a file that is no sound CSV of a known dialect
    before anything is stored. Then batches of 100 products are stored, each in one transaction with
    how far it came: a call after a stop, with the same file and options, goes on behind the last
    whole batch. A product with a bad row is skipped and reported, the others are stored.

    Quantities are booked for variants that are new, never for known ones: a shop that has sold
    since the file was written must not get those units back.

    on_progress: called before the first batch and after each. Raises errors of imports, and
    ChannelUnknown, CurrencyNotSold, LocaleUnknown, LocationUnknown.
    """
    assert not ctx.in_transaction, "an import is many transactions"
    codec = rules.find_codec(options.encoding)
    telling = await _choose_telling(ctx, options)
    with _opened(file) as stream:
        survey = _survey(stream, file, options, telling, codec)
        key = _key(survey.file_hash, options, telling, codec)
        run = await _begin(ctx, key, file=file, survey=survey)
        resumed_at = run.products_done
        on_progress(Progress(done=run.products_done, total=survey.products))
        sheet = _sheet(_lines(stream), file, options, telling, codec)
        products = islice(rules.read_products(sheet), run.products_done, None)
        for batch in rules.batches(products):
            run = await _import_batch(ctx, run, batch, key, _written(file.name))
            on_progress(Progress(done=run.products_done, total=survey.products))
    refusals = await _finish(ctx, run)
    return ImportReport(counts=run.counts, resumed_at=resumed_at, refusals=tuple(refusals))


async def is_imported(ctx: Context, file: Path, options: ImportOptions) -> bool:
    """Tell whether this very file was imported to its end with these options."""
    codec = rules.find_codec(options.encoding)
    telling = await _choose_telling(ctx, options)
    with _opened(file) as stream:
        file_hash = hashlib.file_digest(stream, "sha256").hexdigest()
    async with ctx.reading() as db:
        key = _key(file_hash, options, telling, codec)
        return await repository.find_run(db, key, RunState.FINISHED) is not None


@transaction
async def _begin(ctx: Context, key: ImportKey, *, file: Path, survey: Survey) -> ImportRun:
    """Return the run to go on with, or a new one."""
    if key.location:
        await stock.receive(ctx, [], location_code=key.location)  # refuses one that there is not
    found = await repository.find_run(ctx.db, key, RunState.RUNNING)
    if found is not None:
        return found
    run = ImportRun(id=ImportRunId(new_id()), products_done=0, counts=Counts())
    await repository.add_run(
        ctx.db,
        run,
        key,
        file_name=_written(file.name)[:200],
        dialect=survey.dialect,
        now=ctx.clock.now(),
    )
    return run


@transaction
async def _import_batch(
    ctx: Context, run: ImportRun, batch: Batch, key: ImportKey, file_name: str
) -> ImportRun:
    """Store a batch and how far it brings the run; returns that. Raises ImportOvertaken."""
    told = [product for product in batch if isinstance(product, ToldProduct)]
    results = await catalog.save_products(ctx, [product.draft for product in told], key.telling)
    pairs = list(zip(told, results, strict=True))
    saved = [(product, result) for product, result in pairs if isinstance(result, Saved)]
    receipts = _receipts(saved)
    if receipts:
        await stock.receive(
            ctx,
            receipts,
            location_code=key.location or None,
            reason=MovementReason.IMPORT,
            reference=f"{file_name[:150]} {key.file_hash[:12]}",
        )
    refusals = [product for product in batch if isinstance(product, RefusedProduct)]
    refusals += [
        RefusedProduct(line=product.line, product=result.slug, reason=str(result.error))
        for product, result in pairs
        if isinstance(result, Refused)
    ]
    await repository.add_refusals(ctx.db, run.id, refusals)
    after = replace(
        run,
        products_done=run.products_done + len(batch),
        counts=run.counts + _count(saved, receipts, refusals),
    )
    if not await repository.move_on(ctx.db, run, after):
        raise ImportOvertaken(file=file_name)
    return after


@transaction
async def _finish(ctx: Context, run: ImportRun) -> list[RefusedProduct]:
    """Close a run; returns all that it skipped."""
    await repository.finish(ctx.db, run.id, now=ctx.clock.now())
    return await repository.find_refusals(ctx.db, run.id)


def _receipts(saved: Sequence[tuple[ToldProduct, Saved]]) -> list[StockReceipt]:
    """Return what is booked: units of variants that are new."""
    return [
        StockReceipt(variant_id=result.variants[sku], quantity=units)
        for product, result in saved
        for sku, units in product.stock.items()
        if sku in result.created and units > 0
    ]


def _count(
    saved: Sequence[tuple[ToldProduct, Saved]],
    receipts: Sequence[StockReceipt],
    refusals: Sequence[RefusedProduct],
) -> Counts:
    outcomes = [result.outcome for _, result in saved]
    return Counts(
        created=outcomes.count(Outcome.CREATED),
        changed=outcomes.count(Outcome.CHANGED),
        unchanged=outcomes.count(Outcome.UNCHANGED),
        refused=len(refusals),
        stock_booked=len(receipts),
        stock_left_alone=sum(len(one.stock.keys() - two.created) for one, two in saved),
    )


async def _choose_telling(ctx: Context, options: ImportOptions) -> Telling:
    scope = await channels.choose_scope(
        ctx, code=options.channel, currency=options.currency, locale=options.locale
    )
    locale = scope.locales[0]
    if options.locale not in {None, locale}:
        # A reader of de-AT is well served by de; a text in de-AT is none in de.
        raise LocaleUnknown(locale=options.locale or "", known=", ".join(scope.locales))
    return Telling(locale=locale, channel_id=scope.channel_id, currency=scope.currency)


def _key(file_hash: str, options: ImportOptions, telling: Telling, codec: str) -> ImportKey:
    return ImportKey(
        file_hash=file_hash,
        telling=telling,
        asset_base=options.asset_base,
        encoding=codec,
        location=options.location or "",
    )


def _written(path: str) -> str:
    """Return a path as it can be stored and shown: one may hold bytes that are no text."""
    return path.encode(errors="replace").decode()


@contextmanager
def _opened(file: Path) -> Iterator[BufferedReader]:
    """Open a file, once for both looks, so that both see the same one. Raises FileUnreadable."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            reason = "it is a folder" if file.is_dir() else "it is no file that can be read twice"
            raise FileUnreadable(file=_written(str(file)), reason=reason)
        stream = file.open("rb")
    except OSError as error:
        reason = (error.strerror or "the system refuses").lower()
        raise FileUnreadable(file=_written(str(file)), reason=reason) from error
    with stream:
        yield stream


def _survey(
    stream: BufferedReader, file: Path, options: ImportOptions, telling: Telling, codec: str
) -> Survey:
    """Look through the whole file, and go back to its beginning."""
    digest = hashlib.sha256()
    sheet = _sheet(_lines(stream, digest.update), file, options, telling, codec)
    products = rules.count_products(sheet)
    if not products:
        raise FileWithoutProducts(file=_written(file.name))
    stream.seek(0)
    return Survey(file_hash=digest.hexdigest(), dialect=sheet.dialect, products=products)


def _sheet(
    lines: Iterator[bytes], file: Path, options: ImportOptions, telling: Telling, codec: str
) -> rules.Sheet:
    return rules.open_sheet(
        rules.read_rows(lines, codec),
        file=_written(file.name),
        dialect=options.dialect,
        locale=telling.locale,
        currency=telling.currency,
        asset_base=options.asset_base,
    )


def _lines(
    stream: BufferedReader, seen: Callable[[bytes], object] = lambda line: None
) -> Iterator[bytes]:
    """Return the lines of a file with their ends, none longer than a rule lets it be."""
    while line := stream.readline(rules.LINE_MAX):
        seen(line)
        yield line
