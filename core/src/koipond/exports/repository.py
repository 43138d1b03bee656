"""SQL of exports."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from koipond.exports.tables import export_run
from koipond.exports.types import ExportKind, ExportOptions, ExportRun, ExportState
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import ExportRunId, StoredFileId
from koipond.kernel.pages import Page, Slice, cut


async def add_run(db: AsyncConnection, run: ExportRun) -> None:
    """Store an export that waits."""
    row = msgspec.structs.asdict(run) | {
        "kind": run.options.kind,
        "options": msgspec.to_builtins(run.options),
    }
    await db.execute(export_run.insert().values(row))


async def get_run(db: AsyncConnection, run_id: ExportRunId) -> ExportRun | None:
    """Return an export."""
    row = (await db.execute(select(export_run).where(export_run.c.id == run_id))).one_or_none()
    return None if row is None else _run(row)


async def find_runs(
    db: AsyncConnection, page: Page, *, kinds: Sequence[ExportKind]
) -> Slice[ExportRun]:
    """Return one page of the exports of these kinds, the latest first."""
    wanted = select(export_run).where(export_run.c.kind.in_(kinds))
    if page.after is not None:
        wanted = wanted.where(export_run.c.id < msgspec.convert(page.after[0], UUID))
    rows = await db.execute(wanted.order_by(export_run.c.id.desc()).limit(page.first + 1))
    found = [_run(row) for row in rows]
    return cut(found, [(one.id.hex,) for one in found], page)


async def end(
    db: AsyncConnection,
    run_id: ExportRunId,
    state: ExportState,
    *,
    now: datetime,
    rows: int = 0,
    file_id: StoredFileId | None = None,
    problem: str = "",
) -> None:
    """Store what became of an export that waited."""
    await db.execute(
        export_run.update()
        .where(export_run.c.id == run_id, export_run.c.state == ExportState.WAITING)
        .values(state=state, rows=rows, file_id=file_id, problem=problem, finished_at=now)
    )


def _run(row: Any) -> ExportRun:
    found = {name: row._mapping[name] for name in ExportRun.__struct_fields__}
    options = msgspec.convert(row.options, ExportOptions)
    return ExportRun(**found | {"options": options, "state": ExportState(row.state)})
