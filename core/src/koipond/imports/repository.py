"""SQL of imports."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, and_, select

from koipond.imports.tables import import_refusal, import_run
from koipond.imports.types import (
    Counts,
    Dialect,
    ImportKey,
    ImportRun,
    RefusedProduct,
    RunState,
)
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import ImportRunId


async def find_run(db: AsyncConnection, key: ImportKey, state: RunState) -> ImportRun | None:
    """Return the latest run of this import that is in `state`."""
    found = await db.execute(
        select(import_run)
        .where(_same(key), import_run.c.state == state)
        .order_by(import_run.c.id.desc())
        .limit(1)
    )
    row = found.one_or_none()
    return _run(row) if row is not None else None


async def add_run(
    db: AsyncConnection,
    run: ImportRun,
    key: ImportKey,
    *,
    file_name: str,
    dialect: Dialect,
    now: datetime,
) -> None:
    """Store a run that begins."""
    await db.execute(
        import_run.insert().values(
            id=run.id,
            file_name=file_name,
            file_hash=key.file_hash,
            channel_id=key.telling.channel_id,
            currency=key.telling.currency,
            locale=key.telling.locale,
            asset_base=key.asset_base,
            encoding=key.encoding,
            location=key.location,
            dialect=dialect,
            state=RunState.RUNNING,
            products_done=run.products_done,
            started_at=now,
            finished_at=None,
            **asdict(run.counts),
        )
    )


async def move_on(db: AsyncConnection, before: ImportRun, after: ImportRun) -> bool:
    """Store how far a run came; False if another process has moved it on meanwhile."""
    changed = await db.execute(
        import_run.update()
        .where(
            import_run.c.id == before.id,
            import_run.c.products_done == before.products_done,
            import_run.c.state == RunState.RUNNING,
        )
        .values(products_done=after.products_done, **asdict(after.counts))
    )
    return changed.rowcount == 1


async def finish(db: AsyncConnection, run_id: ImportRunId, *, now: datetime) -> None:
    """Store that a run came to its end."""
    await db.execute(
        import_run.update()
        .where(import_run.c.id == run_id, import_run.c.state == RunState.RUNNING)
        .values(state=RunState.FINISHED, finished_at=now)
    )


async def add_refusals(
    db: AsyncConnection, run_id: ImportRunId, refusals: Sequence[RefusedProduct]
) -> None:
    """Store what was skipped."""
    if refusals:
        rows = [{"run_id": run_id, **asdict(refusal)} for refusal in refusals]
        await db.execute(import_refusal.insert(), rows)


async def find_refusals(db: AsyncConnection, run_id: ImportRunId) -> list[RefusedProduct]:
    """Return what a run skipped, by line."""
    rows = await db.execute(
        select(import_refusal)
        .where(import_refusal.c.run_id == run_id)
        .order_by(import_refusal.c.line)
    )
    return [RefusedProduct(line=row.line, product=row.product, reason=row.reason) for row in rows]


def _same(key: ImportKey) -> ColumnElement[bool]:
    return and_(
        import_run.c.file_hash == key.file_hash,
        import_run.c.channel_id == key.telling.channel_id,
        import_run.c.currency == key.telling.currency,
        import_run.c.locale == key.telling.locale,
        import_run.c.asset_base == key.asset_base,
        import_run.c.encoding == key.encoding,
        import_run.c.location == key.location,
    )


def _run(row: Any) -> ImportRun:
    return ImportRun(
        id=row.id,
        products_done=row.products_done,
        counts=Counts(**{name: getattr(row, name) for name in Counts.__struct_fields__}),
    )
