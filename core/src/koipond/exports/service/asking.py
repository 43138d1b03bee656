"""Use-cases of exports: as a stream, and as a file that a worker writes for staff."""

from collections.abc import AsyncIterator, Mapping

from koipond.exports import repository, rules
from koipond.exports.service.reading import read_rows
from koipond.exports.types import (
    ExportFormat,
    ExportKind,
    ExportOptions,
    ExportRun,
    ExportState,
    RunExport,
)
from koipond.kernel import filing
from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import ExportRunId, StoredFileId, encode, new_id
from koipond.kernel.jobs import enqueue
from koipond.kernel.pages import Page, Slice
from koipond.kernel.viewer import PermissionMissing

# What a viewer must hold beside the right to export at all: what is in the file.
PERMISSIONS: Mapping[ExportKind, str] = {
    ExportKind.PRODUCTS: "catalog.read",
    ExportKind.PRICES: "catalog.read",
    ExportKind.STOCK: "stock.read",
    ExportKind.MEMBERS: "member.read",
    ExportKind.ORDERS: "order.read",
}
_TYPES = {ExportFormat.CSV: "text/csv", ExportFormat.NDJSON: "application/x-ndjson"}


async def export(ctx: Context, options: ExportOptions) -> AsyncIterator[tuple[str, int]]:
    """Return a file piece by piece, each with how many rows it has; in no transaction.

    Raises ChannelUnknown, CurrencyNotSold, LocaleUnknown.
    """
    yield rules.write_header(options.kind, options.format), 0
    async for rows in read_rows(ctx, options):
        yield rules.write_rows(options.kind, options.format, rows), len(rows)


@transaction
async def start_export(ctx: Context, options: ExportOptions) -> ExportRun:
    """Have a file written by a worker. Raises PermissionMissing."""
    if not ctx.viewer.may_in_all(PERMISSIONS[options.kind]):
        raise PermissionMissing(permission=PERMISSIONS[options.kind])
    run = ExportRun(
        id=ExportRunId(new_id()),
        options=options,
        requested_by=ctx.viewer.id,
        started_at=ctx.clock.now(),
    )
    await repository.add_run(ctx.db, run)
    await enqueue(ctx, RunExport(run_id=run.id))
    ctx.audited(encode(ExportRunId, run.id), after={"kind": options.kind, "state": run.state})
    return run


async def do_export(ctx: Context, job: RunExport) -> None:
    """Write the file of an export; one that was begun before is written anew."""
    async with ctx.reading() as db:
        run = await repository.get_run(db, job.run_id)
    await ctx.rest()
    if run is None or run.state is not ExportState.WAITING:
        return
    name = f"{run.options.kind}-{run.started_at:%Y-%m-%d}.{run.options.format}"
    filed = await filing.begin(
        ctx, name, media_type=_TYPES[run.options.format], owner_id=run.requested_by
    )
    count = 0
    try:
        async for text, rows in export(ctx, run.options):
            await filed.add(text.encode())
            count += rows
        await _end(ctx, run, ExportState.FINISHED, file_id=await filed.close(), rows=count)
    except DomainError as error:
        await filing.drop(ctx, filed.key)
        await _end(ctx, run, ExportState.FAILED, problem=str(error))
    except BaseException:
        await filing.drop(ctx, filed.key)
        raise


@transaction
async def _end(
    ctx: Context,
    run: ExportRun,
    state: ExportState,
    *,
    file_id: StoredFileId | None = None,
    rows: int = 0,
    problem: str = "",
) -> None:
    await repository.end(
        ctx.db,
        run.id,
        state,
        now=ctx.clock.now(),
        rows=rows,
        file_id=file_id,
        problem=problem,
    )


async def find_export(ctx: Context, run_id: ExportRunId) -> ExportRun | None:
    """Return an export that the viewer may see."""
    async with ctx.reading() as db:
        run = await repository.get_run(db, run_id)
    return run if run is not None and ctx.viewer.may_in_all(PERMISSIONS[run.options.kind]) else None


async def find_exports(ctx: Context, page: Page) -> Slice[ExportRun]:
    """Return one page of the exports that the viewer may see, the latest first."""
    kinds = [kind for kind, permission in PERMISSIONS.items() if ctx.viewer.may_in_all(permission)]
    async with ctx.reading() as db:
        return await repository.find_runs(db, page, kinds=kinds)
