"""Use-cases of imports: a look through the whole file, then batch by batch, each with how far it
brings the import in one transaction."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from msgspec.structs import replace

from koipond.catalog.types import Telling
from koipond.channel import service as channels
from koipond.imports import repository, rules
from koipond.imports.errors import (
    FileWithoutProducts,
    FormatUnfit,
    ImportCancelled,
    ImportOvertaken,
    ImportTooLarge,
)
from koipond.imports.service.carriers import Carrier, Reading, carrier_of
from koipond.imports.service.opening import opened, written
from koipond.imports.types import (
    Counts,
    Dialect,
    Format,
    ImportKey,
    ImportKind,
    ImportOptions,
    ImportReport,
    ImportRun,
    ImportState,
    Landed,
    Origin,
    Progress,
    RefusedRow,
    Survey,
)
from koipond.kernel.context import Context, transaction
from koipond.kernel.faults import crash_point
from koipond.kernel.ids import ImportRunId, new_id
from koipond.kernel.texts import LocaleUnknown
from koipond.stock import service as stock

# Others wait for a transaction of so many things, on SQLite all of them.
TOGETHER_MAX = 10_000
# Of what was skipped a report tells; all of it can be downloaded.
SHOWN_MAX = 1_000
OnProgress = Callable[[Progress], object]


class _Undone(Exception):
    """What a batch would have done; its transaction was rolled back."""

    def __init__(self, landed: Landed) -> None:
        super().__init__(landed)
        self.landed = landed


async def import_file(
    ctx: Context,
    file: Path,
    options: ImportOptions,
    on_progress: OnProgress = lambda progress: None,
) -> ImportReport:
    """Import a file of this machine; see `import_stream`. Raises FileUnreadable."""
    with opened(file) as stream:
        return await import_stream(ctx, stream, written(file.name), options, on_progress)


async def import_stream(
    ctx: Context,
    stream: BinaryIO,
    name: str,
    options: ImportOptions,
    on_progress: OnProgress = lambda progress: None,
    *,
    run: ImportRun | None = None,
) -> ImportReport:
    """Import a file: what is new is made, what is known becomes what the file tells.

    The file is read twice. The first look refuses one that cannot be read as its kind before
    anything is stored. Then batches are stored, each in one transaction with how far it came: a
    call after a stop, with the same file and options, goes on behind the last whole batch. What has
    a bad row is skipped and reported, the rest is stored; see ImportOptions for other ways.

    run: one that waits for this. on_progress: called before the first batch and after each.
    Raises errors of imports, and ChannelUnknown, CurrencyNotSold, LocaleUnknown, LocationUnknown.
    """
    assert not ctx.in_transaction, "an import is many transactions"
    codec = rules.find_codec(options.encoding)
    telling = await choose_telling(ctx, options)
    scope = await _scope_of(ctx, options)
    carrier = carrier_of(ctx, scope, options, telling)
    sheet = _Sheet(stream, name, replace(options, encoding=codec), carrier)
    survey = await asyncio.to_thread(sheet.survey)
    if options.all_or_nothing and survey.total > TOGETHER_MAX:
        raise ImportTooLarge(things=survey.total, limit=TOGETHER_MAX)
    key = key_of(survey.file_hash, options, telling, codec)
    begun = await _begin(ctx, key, sheet, survey, run, once=carrier.once)
    resumed_at = begun.done
    on_progress(Progress(done=begun.done, total=survey.total))
    if begun.state is ImportState.RUNNING:
        begun = await _carry(ctx, begun, sheet, survey, on_progress)
    async with ctx.reading() as db:
        refusals = await repository.find_refusals(db, begun.id, most=SHOWN_MAX)
    return ImportReport(
        counts=begun.counts,
        resumed_at=resumed_at,
        refusals=tuple(refusals),
        run_id=begun.id,
        state=begun.state,
    )


async def write_errors(ctx: Context, run_id: ImportRunId) -> AsyncIterator[str]:
    """Return all that an import skipped as the text of a CSV, piece by piece."""
    yield rules.write_refusals(None)
    line = -1
    while True:
        async with ctx.reading() as db:
            found = await repository.find_refusals(db, run_id, behind=line, most=SHOWN_MAX)
        await ctx.rest()
        if not found:
            return
        yield rules.write_refusals(found)
        line = found[-1].line


async def is_imported(ctx: Context, file: Path, options: ImportOptions) -> bool:
    """Tell whether this very file was imported to its end with these options."""
    codec = rules.find_codec(options.encoding)
    telling = await choose_telling(ctx, options)
    with opened(file) as stream:
        file_hash = hashlib.file_digest(stream, "sha256").hexdigest()
    async with ctx.reading() as db:
        key = key_of(file_hash, options, telling, codec)
        return await repository.find_run(db, key, ImportState.FINISHED) is not None


async def choose_telling(ctx: Context, options: ImportOptions) -> Telling:
    """Return in which language, channel and currency a file is told.

    Raises ChannelUnknown, CurrencyNotSold, LocaleUnknown.
    """
    scope = await _scope_of(ctx, options)
    locale = scope.locales[0]
    if options.locale not in {None, locale}:
        # A reader of de-AT is well served by de; a text in de-AT is none in de.
        raise LocaleUnknown(locale=options.locale or "", known=", ".join(scope.locales))
    return Telling(locale=locale, channel_id=scope.channel_id, currency=scope.currency)


def key_of(file_hash: str, options: ImportOptions, telling: Telling, codec: str) -> ImportKey:
    """Return what an import is known again by: how it was asked for does not matter."""
    told = replace(
        options,
        format=Format.AUTO,
        dialect=Dialect.AUTO,
        channel=None,
        currency=None,
        locale=None,
        encoding=codec,
        location=options.location or None,
    )
    return ImportKey(file_hash=file_hash, telling=telling, options=told)


class _Sheet:
    """A file that can be read again and again, always the same one."""

    def __init__(
        self, stream: BinaryIO, name: str, options: ImportOptions, carrier: Carrier
    ) -> None:
        self.name = name
        self.options = options
        self.carrier = carrier
        self._stream = stream

    def survey(self) -> Survey:
        """Look through the whole file. Raises what refuses it."""
        digest = hashlib.sha256()
        reading = self._open(digest.update)
        total = reading.count()
        if not total:
            raise FileWithoutProducts(file=self.name)
        return Survey(file_hash=digest.hexdigest(), dialect=reading.dialect, total=total)

    def batches(self, behind: int) -> Iterator[list[Any]]:
        """Return what the file tells behind so many things, batch by batch."""
        return self.carrier.batches(islice(self._open().read(), behind, None))

    def _open(self, seen: Callable[[bytes], object] = lambda line: None) -> Reading:
        self._stream.seek(0)
        form = self.options.format
        if form is Format.AUTO:
            form = rules.find_format(next(filter(bytes.strip, self._lines()), b""))
            self._stream.seek(0)
        if self.options.kind is ImportKind.PRODUCTS and form is Format.SPACED:
            if self.options.format is Format.SPACED:
                raise FormatUnfit(reason="products are told as csv or ndjson")
            form = Format.CSV
        records = rules.READERS[form](self._lines(seen), self.options.encoding)
        return self.carrier.open(records, self.name)

    def _lines(self, seen: Callable[[bytes], object] = lambda line: None) -> Iterator[bytes]:
        """Return the lines with their ends, none longer than a rule lets it be."""
        while line := self._stream.readline(rules.LINE_MAX):
            seen(line)
            yield line


@transaction
async def _begin(
    ctx: Context,
    key: ImportKey,
    sheet: _Sheet,
    survey: Survey,
    waiting: ImportRun | None,
    *,
    once: bool,
) -> ImportRun:
    """Return the run to go on with, or a new one; one that is over if it must not be told again.

    waiting: the one that was made for this; what others did of the same file counts only if `once`.
    """
    if sheet.options.location:
        await stock.receive(ctx, [], location_code=sheet.options.location)  # refuses an unknown one
    if once:
        # Whoever begins the same file at this instant waits here, and then sees this run.
        await channels.hold_still(ctx, key.telling.channel_id)
    own = None if waiting is None else waiting.id
    # First: what runs may be over at the next look, but what is over stays so.
    running = await repository.find_run(ctx.db, key, ImportState.RUNNING, but=own)
    if once:
        over = await repository.find_run(ctx.db, key, ImportState.FINISHED, but=own)
        if over is not None:
            if waiting is not None:
                now = ctx.clock.now()
                await repository.end(ctx.db, waiting.id, ImportState.FINISHED, now=now)
            return over
    if waiting is None:
        if running is not None:
            return running
        run = ImportRun(
            id=ImportRunId(new_id()),
            options=sheet.options,
            file_name=sheet.name[:200],
            done=0,
            total=survey.total,
            counts=Counts(),
        )
        now = ctx.clock.now()
        await repository.add_run(ctx.db, run, key, dialect=survey.dialect, now=now)
        return run
    if running is not None and once:
        raise ImportOvertaken(file=sheet.name)
    if not await repository.begin(ctx.db, waiting.id, total=survey.total, dialect=survey.dialect):
        raise ImportCancelled(file=sheet.name, done=waiting.done)
    return replace(waiting, state=ImportState.RUNNING, total=survey.total)


async def _carry(
    ctx: Context, run: ImportRun, sheet: _Sheet, survey: Survey, on_progress: OnProgress
) -> ImportRun:
    """Carry the rest of a file into the shop; returns the run as it ended."""
    state = ImportState.FINISHED
    if run.options.all_or_nothing:
        try:
            run = await _land_together(ctx, run, sheet, survey)
        except _Undone as undone:
            run = await _note(ctx, run, _only_refused(undone.landed), sheet.name)
            state = ImportState.REFUSED
        on_progress(Progress(done=run.done, total=survey.total))
    else:
        for batch in sheet.batches(run.done):
            try:
                run = await _land(ctx, run, sheet, survey, batch)
            except _Undone as undone:
                run = await _note(ctx, run, undone.landed, sheet.name)
            crash_point("import.batch.stored")
            on_progress(Progress(done=run.done, total=survey.total))
    return await _end(ctx, run, state)


@transaction
async def _land(
    ctx: Context, run: ImportRun, sheet: _Sheet, survey: Survey, batch: Sequence[Any]
) -> ImportRun:
    """Store a batch and how far it brings the run; returns that.

    Raises ImportOvertaken, ImportCancelled; of a dry run _Undone.
    """
    landed = await _landed(ctx, sheet, survey, batch)
    if run.options.dry_run:
        raise _Undone(landed)
    return await _note(ctx, run, landed, sheet.name)


@transaction
async def _land_together(ctx: Context, run: ImportRun, sheet: _Sheet, survey: Survey) -> ImportRun:
    """Store all of a file in one transaction. Raises _Undone of a dry run, or for a bad row."""
    landed = Landed()
    for batch in sheet.batches(0):
        landed += await _landed(ctx, sheet, survey, batch)
    if landed.refusals or run.options.dry_run:
        raise _Undone(landed)
    return await _note(ctx, run, landed, sheet.name)


async def _landed(ctx: Context, sheet: _Sheet, survey: Survey, batch: Sequence[Any]) -> Landed:
    refused = tuple(one for one in batch if isinstance(one, RefusedRow))
    told = [one for one in batch if not isinstance(one, RefusedRow)]
    origin = Origin(file_name=sheet.name, file_hash=survey.file_hash)
    landed = await sheet.carrier.land(ctx, told, origin=origin)
    return landed + Landed(counts=Counts(refused=len(refused)), refusals=refused)


@transaction
async def _note(ctx: Context, run: ImportRun, landed: Landed, name: str) -> ImportRun:
    """Store what became of a batch. Raises ImportOvertaken, ImportCancelled."""
    await repository.add_refusals(ctx.db, run.id, landed.refusals)
    counts = landed.counts
    after = replace(
        run,
        done=run.done + counts.created + counts.changed + counts.unchanged + counts.refused,
        counts=run.counts + counts,
    )
    if not await repository.move_on(ctx.db, run, after):
        found = await repository.get_run(ctx.db, run.id)
        if found is not None and found.state is ImportState.CANCELLED:
            raise ImportCancelled(file=name, done=found.done)
        raise ImportOvertaken(file=name)
    return after


@transaction
async def _end(ctx: Context, run: ImportRun, state: ImportState) -> ImportRun:
    refused = "at least one row is bad, and none was stored" if state is ImportState.REFUSED else ""
    await repository.end(ctx.db, run.id, state, now=ctx.clock.now(), problem=refused)
    return replace(run, state=state)


def _only_refused(landed: Landed) -> Landed:
    """Return what is left of a batch that was rolled back: why."""
    return replace(landed, counts=Counts(refused=len(landed.refusals)))


async def _scope_of(ctx: Context, options: ImportOptions) -> Any:
    return await channels.choose_scope(
        ctx, code=options.channel, currency=options.currency, locale=options.locale
    )
