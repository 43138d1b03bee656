"""Use-cases of imports that staff ask for, and a worker does."""

from collections.abc import Mapping, Sequence
from typing import BinaryIO

from koipond.imports import repository, rules
from koipond.imports.errors import (
    ImportCancelled,
    ImportOver,
    ImportOvertaken,
    ImportUnknown,
)
from koipond.imports.service.carrying import choose_telling, import_stream, key_of
from koipond.imports.types import (
    Counts,
    ForgetFiles,
    ImportKind,
    ImportOptions,
    ImportRun,
    ImportState,
    RefusedRow,
    RunImport,
)
from koipond.kernel import filing
from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import ImportRunId, StoredFileId, encode, new_id
from koipond.kernel.jobs import enqueue
from koipond.kernel.pages import Page, Slice
from koipond.kernel.viewer import PermissionMissing

# What a viewer must hold beside the right to import at all: to bring something in is to change it.
PERMISSIONS: Mapping[ImportKind, str] = {
    ImportKind.PRODUCTS: "catalog.write",
    ImportKind.PRICES: "catalog.write",
    ImportKind.STOCK: "stock.write",
    ImportKind.MEMBERS: "member.write",
    ImportKind.ORDERS: "order.write",
}


async def start_import(ctx: Context, file_id: StoredFileId, options: ImportOptions) -> ImportRun:
    """Have a file that was sent imported by a worker; in no transaction.

    Raises PermissionMissing, FileUnknown, EncodingUnknown, ChannelUnknown, CurrencyNotSold,
    LocaleUnknown.
    """
    _check_may(ctx, options.kind)
    file = await filing.get(ctx, file_id)
    codec = rules.find_codec(options.encoding)
    telling = await choose_telling(ctx, options)
    run = ImportRun(
        id=ImportRunId(new_id()),
        options=options,
        state=ImportState.WAITING,
        file_name=file.name,
        file_id=file.id,
        done=0,
        counts=Counts(),
        requested_by=ctx.viewer.id,
        started_at=ctx.clock.now(),
    )

    @transaction
    async def store(inside: Context) -> None:
        key = key_of(file.sha256, options, telling, codec)
        await repository.add_run(inside.db, run, key, now=inside.clock.now())
        await enqueue(inside, RunImport(run_id=run.id))
        told = {"kind": options.kind, "file": file.sha256, "state": run.state}
        inside.audited(encode(ImportRunId, run.id), after=told)

    await store(ctx)
    return run


@transaction
async def cancel_import(ctx: Context, run_id: ImportRunId) -> ImportRun:
    """Let an import end behind its batch at work; what it stored stays.

    Raises ImportUnknown, ImportOver.
    """
    run = await repository.get_run(ctx.db, run_id)
    if run is None or not ctx.viewer.may_in_all(PERMISSIONS[run.options.kind]):
        raise ImportUnknown(run=encode(ImportRunId, run_id))
    ended = await repository.end(
        ctx.db, run_id, ImportState.CANCELLED, now=ctx.clock.now(), problem="staff cancelled it"
    )
    if not ended:
        raise ImportOver(run=encode(ImportRunId, run_id), state=run.state)
    found = await repository.get_run(ctx.db, run_id)
    assert found is not None, "it was changed a line ago"
    ctx.audited(
        encode(ImportRunId, run_id), before={"state": run.state}, after={"state": found.state}
    )
    return found


async def do_import(ctx: Context, job: RunImport) -> None:
    """Import a file that was sent; again, go on with it. A file that is refused is no failure."""
    async with ctx.reading() as db:
        run = await repository.get_run(db, job.run_id)
    await ctx.rest()
    if run is None or run.state not in {ImportState.WAITING, ImportState.RUNNING}:
        return
    assert run.file_id is not None, "what a worker imports was sent"
    try:
        with await _copy(ctx, run.file_id) as stream:
            await import_stream(ctx, stream, run.file_name, run.options, run=run)
    except (ImportCancelled, ImportOvertaken):
        return
    except DomainError as error:
        await _refuse(ctx, run.id, str(error))


async def find_import(ctx: Context, run_id: ImportRunId) -> ImportRun | None:
    """Return an import that the viewer may see."""
    async with ctx.reading() as db:
        run = await repository.get_run(db, run_id)
    return run if run is not None and ctx.viewer.may_in_all(PERMISSIONS[run.options.kind]) else None


async def find_imports(ctx: Context, page: Page) -> Slice[ImportRun]:
    """Return one page of the imports that the viewer may see, the latest first."""
    kinds = [kind for kind, permission in PERMISSIONS.items() if ctx.viewer.may_in_all(permission)]
    async with ctx.reading() as db:
        return await repository.find_runs(db, page, kinds=kinds)


async def find_first_refusals(
    ctx: Context, run_ids: Sequence[ImportRunId], *, most: int
) -> Mapping[ImportRunId, list[RefusedRow]]:
    """Return {import: the first things that it skipped, by line}; at most so many each."""
    async with ctx.reading() as db:
        return await repository.find_first_refusals(db, run_ids, most=most)


async def forget_files(ctx: Context, _: ForgetFiles) -> None:
    """Remove files that were sent or made long ago."""
    while await filing.forget(ctx):
        pass


async def _copy(ctx: Context, file_id: StoredFileId) -> BinaryIO:
    await filing.get(ctx, file_id)
    return await filing.copy_out(ctx, file_id)


@transaction
async def _refuse(ctx: Context, run_id: ImportRunId, problem: str) -> None:
    await repository.end(ctx.db, run_id, ImportState.REFUSED, now=ctx.clock.now(), problem=problem)


def _check_may(ctx: Context, kind: ImportKind) -> None:
    if not ctx.viewer.may_in_all(PERMISSIONS[kind]):
        raise PermissionMissing(permission=PERMISSIONS[kind])
