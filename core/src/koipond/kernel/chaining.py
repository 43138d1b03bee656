"""The chain of the audit: a link per record, which holds the record and the link before it.

A worker adds links; nothing changes or removes one, nor a record. So a record that is edited, taken
out or slipped in afterwards shows: its link, or the one behind it, is not what it should be.
Whoever can write to the database could make all links anew from there on. The head, which is logged
whenever links are added, would then be another than those who keep the logs know.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Column,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    bindparam,
    func,
    select,
)

from koipond.kernel.audit import audit_record
from koipond.kernel.context import bookkeeping
from koipond.kernel.db import AsyncConnection, Instant, metadata
from koipond.kernel.invariants import Finding
from koipond.kernel.jobs import Job
from koipond.kernel.logs import log
from koipond.kernel.prepared import Prepared

if TYPE_CHECKING:
    from koipond.kernel.context import Context

# No keys to the records: what is gone must not take its link with it.
audit_link = Table(
    "audit_link",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("record_id", Uuid, nullable=False),
    # SHA-256, in hexadecimal, of the hash before it and of the record.
    Column("hash", String(64), nullable=False),
    Column("linked_at", Instant, nullable=False),
    UniqueConstraint("record_id"),
)

_FIRST = "0" * 64
_AT_ONCE = 500
# A record is made at the end of its transaction: what is older by more was slipped in.
_LATE = timedelta(minutes=5)
# A worker that is there links within seconds.
_UNLINKED = timedelta(hours=1)
_NAMED = 5
_FIX = (
    "Somebody changed the audit past this program. Compare with a copy of the database, and ask "
    "who can write to it"
)


class ChainAudit(Job, frozen=True, kw_only=True):
    """Link the records of the audit that have no link yet."""


class Link(Struct, frozen=True, kw_only=True):
    """A link as it is stored, and its record; None: it is gone."""

    number: int
    hash: str
    record: Mapping[str, Any] | None


async def chain_audit(ctx: Context, job: ChainAudit) -> None:
    """Link all records that have no link, the oldest first, some at a time."""
    while await _link_some(ctx) == _AT_ONCE:
        pass


@bookkeeping
async def _link_some(ctx: Context) -> int:
    """Link the next records; of two workers at it one has the number, and the other tries again."""
    head = await _find_head(ctx.db)
    wanted = (
        select(audit_record)
        .outerjoin(audit_link, audit_link.c.record_id == audit_record.c.id)
        .where(audit_link.c.number.is_(None))
        .order_by(audit_record.c.at, audit_record.c.id)
        .limit(_AT_ONCE)
    )
    number, last = 0, _FIRST
    if head is not None:
        number, last = head.number, head.hash
        # What is older has a link, or was slipped in, and then it gets none.
        wanted = wanted.where(audit_record.c.at >= head.linked_at - _LATE)
    rows = (await ctx.db.execute(wanted)).mappings().all()
    now, links = ctx.clock.now(), []
    for row in rows:
        number, last = number + 1, link_hash(last, dict(row))
        links.append({"number": number, "record_id": row["id"], "hash": last, "linked_at": now})
    if links:
        await ctx.db.execute(audit_link.insert(), links)
        log.info("the audit is linked", number=number, head=last)
    return len(links)


def link_hash(last: str, record: Mapping[str, Any]) -> str:
    """Return the hash of a link: of the one before it, and of the whole record."""
    plain = {column.name: _canonical(record[column.name]) for column in audit_record.columns}
    told = msgspec.json.encode([last, plain], order="sorted")
    return hashlib.sha256(told).hexdigest()


def _canonical(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | list | dict) else str(value)


async def audit_chain(ctx: Context) -> Sequence[Finding]:
    """The audit holds: every link is of its record and of the link before it, and none is missing.

    Reads the whole chain, some links at a time.
    """
    broken: list[str] = []
    last, expected = _FIRST, 1
    async for link in _links(ctx):
        problem = _problem(link, expected=expected, last=last)
        if problem:
            broken.append(problem)
            if len(broken) == _NAMED:
                break
        # Behind a break it goes on from what is stored, so that each is told once.
        last, expected = link.hash, link.number + 1
    found = [
        Finding(invariant="audit", problem=f"its chain breaks: {one}", fix=f"{_FIX}.")
        for one in broken
    ]
    return [*found, *await _slipped_in(ctx)]


def _problem(link: Link, *, expected: int, last: str) -> str | None:
    if link.number != expected:
        return f"links {expected} to {link.number - 1} are gone"
    if link.record is None:
        return f"the record of link {link.number} is gone"
    if link_hash(last, link.record) != link.hash:
        record = link.record
        return (
            f"the record of link {link.number} is another than was linked: {record['operation']} "
            f"at {record['at']:%Y-%m-%d %H:%M:%S} UTC, id {record['id']}"
        )
    return None


async def _slipped_in(ctx: Context) -> list[Finding]:
    """Find records that no worker will link: they are older than what was linked since."""
    async with ctx.reading() as db:
        head = await _find_head(db)
        if head is None:
            return []
        count, since = await _count_unlinked(db, before=head.linked_at - _LATE)
    if not count:
        return []
    problem = f"{count} records were slipped in, the oldest as of {since:%Y-%m-%d %H:%M} UTC"
    return [Finding(invariant="audit", problem=problem, fix=f"{_FIX}.")]


async def find_waiting(ctx: Context) -> tuple[int, datetime | None]:
    """Return how many records wait for a worker that is gone, and since when."""
    async with ctx.reading() as db:
        return await _count_unlinked(db, before=ctx.clock.now() - _UNLINKED)


_COUNT_UNLINKED = Prepared(
    select(func.count(), func.min(audit_record.c.at))
    .select_from(audit_record)
    .outerjoin(audit_link, audit_link.c.record_id == audit_record.c.id)
    .where(audit_link.c.number.is_(None), audit_record.c.at < bindparam("before"))
)


async def _count_unlinked(db: AsyncConnection, *, before: datetime) -> tuple[int, datetime | None]:
    [(count, since)] = await _COUNT_UNLINKED.rows(db, {"before": before})
    return count, since


_HEAD = Prepared(select(audit_link).order_by(audit_link.c.number.desc()).limit(1))


async def _find_head(db: AsyncConnection) -> Any:
    return await _HEAD.row(db)


async def find_head(ctx: Context) -> tuple[int, str]:
    """Return how many links there are, and the hash of the last: who notes it can compare later."""
    async with ctx.reading() as db:
        head = await _find_head(db)
    return (0, _FIRST) if head is None else (head.number, head.hash)


_LINKS_BEHIND = Prepared(
    select(
        audit_link.c.number,
        audit_link.c.hash,
        *(one.label(f"of_{one.name}") for one in audit_record.columns),
    )
    .outerjoin(audit_record, audit_record.c.id == audit_link.c.record_id)
    .where(audit_link.c.number > bindparam("behind"))
    .order_by(audit_link.c.number)
    .limit(_AT_ONCE)
)


async def _links(ctx: Context) -> AsyncIterator[Link]:
    """Yield every link with its record, in order."""
    behind = 0
    while True:
        async with ctx.reading() as db:
            rows = await _LINKS_BEHIND.rows(db, {"behind": behind})
        for row in rows:
            yield Link(number=row.number, hash=row.hash, record=_record(row._asdict()))
        if len(rows) < _AT_ONCE:
            return
        behind = rows[-1].number


def _record(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    key: UUID | None = row["of_id"]
    if key is None:
        return None
    return {one.name: row[f"of_{one.name}"] for one in audit_record.columns}
