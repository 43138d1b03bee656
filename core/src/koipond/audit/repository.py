"""SQL of who reads the audit."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, tuple_

from koipond.audit.types import AuditFilter, AuditRecord
from koipond.kernel.audit import ActorKind, Outcome, audit_record
from koipond.kernel.db import AsyncConnection
from koipond.kernel.pages import Page, Slice, cut


async def find_page(db: AsyncConnection, wanted: AuditFilter, page: Page) -> Slice[AuditRecord]:
    """Return a page of records, the latest first."""
    place = tuple_(audit_record.c.at, audit_record.c.id)
    statement = (
        select(audit_record)
        .where(*_conditions(wanted))
        .order_by(audit_record.c.at.desc(), audit_record.c.id.desc())
        .limit(page.first + 1)
    )
    if page.after is not None:
        statement = statement.where(place < page.after)
    rows = (await db.execute(statement)).all()
    return cut([_read(row) for row in rows], [(row.at, row.id) for row in rows], page)


def _conditions(wanted: AuditFilter) -> list[Any]:
    record = audit_record.c
    equal = {name: getattr(wanted, name) for name in ("actor_id", "subject", "operation")}
    found: list[Any] = [record[name] == value for name, value in equal.items() if value is not None]
    if wanted.since is not None:
        found.append(record.at >= wanted.since)
    if wanted.until is not None:
        found.append(record.at < wanted.until)
    return found


def _read(row: Any) -> AuditRecord:
    given = row._asdict()
    given["actor_kind"] = ActorKind(row.actor_kind)
    given["outcome"] = Outcome(row.outcome)
    return AuditRecord(**given)
