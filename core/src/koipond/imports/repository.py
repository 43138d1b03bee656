"""SQL of imports."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import asdict
from sqlalchemy import func, select

from koipond.imports.tables import import_refusal, import_run
from koipond.imports.types import (
    Counts,
    ImportKey,
    ImportKind,
    ImportOptions,
    ImportRun,
    ImportState,
    RefusedRow,
)
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import ImportRunId, StoredFileId
from koipond.kernel.pages import Page, Slice, cut


async def find_run(
    db: AsyncConnection, key: ImportKey, *states: ImportState, but: ImportRunId | None = None
) -> ImportRun | None:
    """Return the latest run of this import that is in one of `states`, and is not `but`."""
    wanted = select(import_run).where(
        import_run.c.key == _digest(key), import_run.c.state.in_(states)
    )
    if but is not None:
        wanted = wanted.where(import_run.c.id != but)
    found = await db.execute(wanted.order_by(import_run.c.id.desc()).limit(1))
    row = found.one_or_none()
    return _run(row) if row is not None else None


async def get_run(db: AsyncConnection, run_id: ImportRunId) -> ImportRun | None:
    """Return a run."""
    row = (await db.execute(select(import_run).where(import_run.c.id == run_id))).one_or_none()
    return _run(row) if row is not None else None


async def find_runs(
    db: AsyncConnection, page: Page, *, kinds: Sequence[ImportKind]
) -> Slice[ImportRun]:
    """Return one page of the runs of these kinds, the latest first."""
    statement = select(import_run).where(import_run.c.kind.in_(kinds))
    if page.after is not None:
        statement = statement.where(import_run.c.id < msgspec.convert(page.after[0], UUID))
    rows = await db.execute(statement.order_by(import_run.c.id.desc()).limit(page.first + 1))
    found = [_run(row) for row in rows]
    return cut(found, [(one.id.hex,) for one in found], page)


async def add_run(
    db: AsyncConnection, run: ImportRun, key: ImportKey, *, dialect: str = "", now: datetime
) -> None:
    """Store a run that begins, or that is to."""
    await db.execute(
        import_run.insert().values(
            id=run.id,
            kind=run.options.kind,
            file_name=run.file_name,
            file_hash=key.file_hash,
            key=_digest(key),
            channel_id=key.telling.channel_id,
            options=msgspec.to_builtins(run.options),
            dialect=dialect,
            file_id=run.file_id,
            state=run.state,
            dry_run=run.options.dry_run,
            total=run.total,
            done=run.done,
            problem="",
            requested_by=run.requested_by,
            started_at=now,
            finished_at=None,
            **asdict(run.counts),
        )
    )


async def begin(db: AsyncConnection, run_id: ImportRunId, *, total: int, dialect: str) -> bool:
    """Store that a run that waited has begun; False if it waits and runs no more."""
    changed = await db.execute(
        import_run.update()
        .where(
            import_run.c.id == run_id,
            import_run.c.state.in_([ImportState.WAITING, ImportState.RUNNING]),
        )
        .values(state=ImportState.RUNNING, total=total, dialect=dialect)
    )
    return changed.rowcount == 1


async def move_on(db: AsyncConnection, before: ImportRun, after: ImportRun) -> bool:
    """Store how far a run came; False if another has moved it on meanwhile, or ended it."""
    changed = await db.execute(
        import_run.update()
        .where(
            import_run.c.id == before.id,
            import_run.c.done == before.done,
            import_run.c.state == ImportState.RUNNING,
        )
        .values(done=after.done, **asdict(after.counts))
    )
    return changed.rowcount == 1


async def end(
    db: AsyncConnection,
    run_id: ImportRunId,
    state: ImportState,
    *,
    now: datetime,
    problem: str = "",
) -> bool:
    """Store that a run is over; False if it was before."""
    changed = await db.execute(
        import_run.update()
        .where(
            import_run.c.id == run_id,
            import_run.c.state.in_([ImportState.WAITING, ImportState.RUNNING]),
        )
        .values(state=state, finished_at=now, problem=problem)
    )
    return changed.rowcount == 1


async def add_refusals(
    db: AsyncConnection, run_id: ImportRunId, refusals: Sequence[RefusedRow]
) -> None:
    """Store what was skipped."""
    if refusals:
        rows = [{"run_id": run_id, **asdict(refusal)} for refusal in refusals]
        await db.execute(import_refusal.insert(), rows)


async def find_refusals(
    db: AsyncConnection, run_id: ImportRunId, *, behind: int = 0, most: int
) -> list[RefusedRow]:
    """Return what a run skipped behind a line, by line; at most so many."""
    columns = [import_refusal.c[name] for name in RefusedRow.__struct_fields__]
    rows = await db.execute(
        select(*columns)
        .where(import_refusal.c.run_id == run_id, import_refusal.c.line > behind)
        .order_by(import_refusal.c.line)
        .limit(most)
    )
    return [RefusedRow(**row._mapping) for row in rows]


async def find_first_refusals(
    db: AsyncConnection, run_ids: Sequence[ImportRunId], *, most: int
) -> dict[ImportRunId, list[RefusedRow]]:
    """Return {run: the first things that it skipped, by line}; at most so many each."""
    place = func.row_number().over(
        partition_by=import_refusal.c.run_id, order_by=import_refusal.c.line
    )
    placed = (
        select(import_refusal, place.label("place"))
        .where(import_refusal.c.run_id.in_(run_ids))
        .subquery()
    )
    rows = await db.execute(select(placed).where(placed.c.place <= most).order_by(placed.c.line))
    found: dict[ImportRunId, list[RefusedRow]] = {key: [] for key in run_ids}
    for row in rows:
        told = {name: row._mapping[name] for name in RefusedRow.__struct_fields__}
        found[row.run_id].append(RefusedRow(**told))
    return found


def _digest(key: ImportKey) -> str:
    return hashlib.sha256(msgspec.json.encode(key, order="deterministic")).hexdigest()


def _run(row: Any) -> ImportRun:
    return ImportRun(
        id=row.id,
        options=msgspec.convert(row.options, ImportOptions),
        state=ImportState(row.state),
        file_name=row.file_name,
        file_id=None if row.file_id is None else StoredFileId(row.file_id),
        done=row.done,
        total=row.total,
        counts=Counts(**{name: getattr(row, name) for name in Counts.__struct_fields__}),
        problem=row.problem,
        requested_by=row.requested_by,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
