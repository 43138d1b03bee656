"""SQL that reads the ledger; of its locks there is one."""

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, bindparam, func, select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import LedgerAccountId, PendingTransferId, TransferId
from koipond.kernel.pages import Page, Slice, cut
from koipond.kernel.prepared import Prepared
from koipond.ledger.repository.rows import (
    ACCOUNT,
    BUCKET,
    ENTRY,
    TRANSFER,
    to_accounts,
    to_buckets,
    to_transfer,
)
from koipond.ledger.rules import Standing
from koipond.ledger.tables import (
    IS_FREE,
    ledger_account,
    ledger_bucket,
    ledger_entry,
    ledger_transfer,
    pending_transfer,
    pending_transfer_part,
)
from koipond.ledger.types import (
    AccountKey,
    Entry,
    OwnerKind,
    PendingState,
    PendingTransfer,
    StatementLine,
    Transfer,
    TransferKind,
)

_t, _e, _p = ledger_transfer.c, ledger_entry.c, pending_transfer.c
# Its own entries last: both have a column `units`.
_WITH_ENTRIES = select(
    *TRANSFER, *(column.label(f"entry_{column.name}") for column in ENTRY)
).join_from(ledger_transfer, ledger_entry, _e.transfer_id == _t.id)
_TRANSFER = Prepared(_WITH_ENTRIES.where(_t.id == bindparam("key")))
_BY_SOURCE = Prepared(
    _WITH_ENTRIES.where(_t.kind == bindparam("of_kind"), _t.source == bindparam("of_source"))
)
# One statement, so that what an account has and what its buckets have is of one moment.
_STANDINGS = Prepared(
    select(*ACCOUNT, *(column.label(f"bucket_{column.name}") for column in BUCKET))
    .outerjoin_from(
        ledger_account,
        ledger_bucket,
        and_(ledger_bucket.c.account_id == ledger_account.c.id, IS_FREE),
    )
    .where(ledger_account.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(ledger_account.c.id, ledger_bucket.c.expires_on)
)
_UNDONE = Prepared(
    select(func.coalesce(func.sum(_t.units), 0)).where(_t.undoes_id == bindparam("key"))
)
_WITH_PARTS = (
    select(
        *(_p[name] for name in PendingTransfer.__struct_fields__ if name not in {"key", "parts"}),
        ledger_account.c.owner_kind,
        ledger_account.c.owner,
        ledger_account.c.unit,
        pending_transfer_part.c.bucket,
        pending_transfer_part.c.units.label("part"),
    )
    .join_from(pending_transfer, ledger_account, ledger_account.c.id == _p.account_id)
    .join(pending_transfer_part, pending_transfer_part.c.pending_transfer_id == _p.id)
)
_LOCK_PENDING = Prepared(
    _WITH_PARTS.where(_p.id == bindparam("of_id")).with_for_update(
        key_share=True, of=pending_transfer
    )
)
_PENDING_BY_SOURCE = Prepared(_WITH_PARTS.where(_p.source == bindparam("of_source")))


async def find_transfer(db: AsyncConnection, key: TransferId) -> Transfer | None:
    """Return a transfer with its entries, or None."""
    return _to_transfer(await _TRANSFER.rows(db, {"key": key}))


async def find_transfer_by_source(
    db: AsyncConnection, kind: TransferKind, source: str
) -> Transfer | None:
    """Return what was booked of this kind for a source, or None."""
    return _to_transfer(await _BY_SOURCE.rows(db, {"of_kind": kind, "of_source": source}))


async def find_undone(db: AsyncConnection, key: TransferId) -> int:
    """Return how much of a transfer came back."""
    [row] = await _UNDONE.rows(db, {"key": key})
    return int(row[0])


async def lock_pending(db: AsyncConnection, key: PendingTransferId) -> PendingTransfer | None:
    """Lock and return what was set aside, or None: who closes it a second time waits here."""
    return _to_pending(await _LOCK_PENDING.rows(db, {"of_id": key}))


async def find_pending_by_source(db: AsyncConnection, source: str) -> PendingTransfer | None:
    """Return what was set aside for a source, or None."""
    return _to_pending(await _PENDING_BY_SOURCE.rows(db, {"of_source": source}))


async def find_standings(
    db: AsyncConnection, ids: Collection[LedgerAccountId]
) -> dict[LedgerAccountId, Standing]:
    """Return {account: where it stands}, without those that nothing was ever booked on."""
    rows = list(await _STANDINGS.rows(db, {"ids": sorted(ids)})) if ids else []
    accounts = {one.id: one for one in to_accounts(rows)}
    buckets = to_buckets(row[len(ACCOUNT) :] for row in rows if row[len(ACCOUNT)] is not None)
    return {
        key: Standing(one, [bucket for bucket in buckets if bucket.account_id == key])
        for key, one in accounts.items()
    }


async def sum_system(db: AsyncConnection, key: LedgerAccountId) -> int:
    """Return the balance of a system account: it reads all its entries."""
    wanted = select(func.coalesce(func.sum(_e.units), 0)).where(_e.account_id == key)
    return int((await db.execute(wanted)).scalar_one())


async def find_statement(
    db: AsyncConnection, key: LedgerAccountId, page: Page
) -> Slice[StatementLine]:
    """Return one page of the bookings of an account that stores a balance, the newest first."""
    rows = await db.execute(_statement(_e.account_id == key, page))
    lines = [StatementLine(**{**row._mapping, "kind": TransferKind(row.kind)}) for row in rows]
    return cut(lines, [(one.nth,) for one in lines], page)


def _statement(own: ColumnElement[bool], page: Page) -> Select[Any]:
    """Select an account's lines, each the sum of its entries of one transfer."""
    entries = (
        select(
            _e.nth,
            _e.transfer_id,
            func.sum(_e.units).label("units"),
            func.max(_e.balance_after).label("balance_after"),
        )
        .where(own, _e.nth.is_not(None))
        .group_by(_e.nth, _e.transfer_id)
        .order_by(_e.nth.desc())
        .limit(page.first + 1)
    )
    if page.after is not None:
        entries = entries.where(_e.nth < msgspec.convert(page.after[0], int))
    own_lines = entries.subquery()
    told = ("kind", "source", "note", "day", "created_at")
    return (
        select(own_lines, *(_t[name] for name in told))
        .join_from(own_lines, ledger_transfer, _t.id == own_lines.c.transfer_id)
        .order_by(own_lines.c.nth.desc())
    )


def _to_transfer(rows: list[Any]) -> Transfer | None:
    if not rows:
        return None
    of_entry = {name: f"entry_{name}" for name in Entry.__struct_fields__}
    entries = [
        Entry(**{name: getattr(row, column) for name, column in of_entry.items()}) for row in rows
    ]
    return to_transfer(rows[0]._asdict(), entries)


def with_parts() -> Select[Any]:
    """Select what was set aside with its parts, a row each; see `to_pendings`."""
    return _WITH_PARTS


def to_pendings(rows: Sequence[Any]) -> list[PendingTransfer]:
    """Return what was set aside, of rows that stand together by their id."""
    found = [_to_pending(list(own)) for _, own in groupby(rows, key=lambda row: row.id)]
    return [one for one in found if one is not None]


def _to_pending(rows: list[Any]) -> PendingTransfer | None:
    if not rows:
        return None
    row = rows[0]
    return PendingTransfer(
        id=PendingTransferId(row.id),
        key=AccountKey(kind=OwnerKind(row.owner_kind), owner=row.owner, unit=row.unit),
        units=row.units,
        source=row.source,
        note=row.note,
        day=row.day,
        state=PendingState(row.state),
        created_at=row.created_at,
        parts={one.bucket: one.part for one in rows},
    )
