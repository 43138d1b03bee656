"""SQL of I3, each part as one statement: all that was booked adds up, and nothing is below zero."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Select, and_, case, func, literal, or_, select, union_all

from koipond.kernel.db import AsyncConnection
from koipond.kernel.invariants import Finding
from koipond.kernel.prepared import Prepared
from koipond.ledger.tables import (
    ledger_account,
    ledger_bucket,
    ledger_entry,
    ledger_transfer,
    pending_transfer,
    pending_transfer_part,
)
from koipond.ledger.types import DEBT, OwnerKind, PendingState

_a, _b, _e, _t = ledger_account.c, ledger_bucket.c, ledger_entry.c, ledger_transfer.c
_ADDS_UP = "Compare with a copy of the database what was changed by hand or lost"
_HOLDS = "No statement of core's can write this: look for the constraint that is gone, and for who"
# Of what is wrong in the same way, so many are told.
_TOLD = 20


def _bad_transfers() -> Select[Any]:
    is_system = _a.owner_kind == OwnerKind.SYSTEM
    odd = or_(_a.id.is_(None), _a.unit != _t.unit, is_system != _e.nth.is_(None))
    total, entries = func.coalesce(func.sum(_e.units), 0), func.count(_e.units)
    found = func.sum(case((odd, 1), else_=0))
    return (
        select(_t.id, _t.kind, total.label("total"), entries.label("entries"), found.label("odd"))
        .outerjoin_from(ledger_transfer, ledger_entry, _e.transfer_id == _t.id)
        .outerjoin(ledger_account, _a.id == _e.account_id)
        .group_by(_t.id, _t.kind)
        .having(or_(total != 0, entries < 2, found > 0))
        .order_by(_t.id)
        .limit(_TOLD)
    )


_BAD_TRANSFERS = Prepared(_bad_transfers())


async def find_bad_transfers(db: AsyncConnection) -> list[Finding]:
    """Find transfers that make or lose value, or move it between units."""
    return await _find(
        db,
        _BAD_TRANSFERS,
        lambda row: (
            f"the {row.entries} entries of transfer {row.id} ({row.kind}) come to "
            f"{row.total:+,}, {row.odd} of them are on accounts of another unit or kind"
        ),
        _ADDS_UP,
    )


def _lost_transfers() -> Select[Any]:
    return (
        select(_e.transfer_id, func.count().label("entries"))
        .outerjoin_from(ledger_entry, ledger_transfer, _t.id == _e.transfer_id)
        .where(_t.id.is_(None))
        .group_by(_e.transfer_id)
        .order_by(_e.transfer_id)
        .limit(_TOLD)
    )


_LOST_TRANSFERS = Prepared(_lost_transfers())


async def find_lost_transfers(db: AsyncConnection) -> list[Finding]:
    """Find entries whose transfer is gone."""
    return await _find(
        db,
        _LOST_TRANSFERS,
        lambda row: f"{row.entries} entries are of transfer {row.transfer_id}, which is gone",
        _ADDS_UP,
    )


def _bad_accounts() -> Select[Any]:
    entries = (
        select(
            _e.account_id,
            func.sum(_e.units).label("booked"),
            func.count(_e.nth.distinct()).label("bookings"),
        )
        .group_by(_e.account_id)
        .subquery()
    )
    buckets = (
        select(
            _b.account_id,
            func.sum(_b.remaining).label("remaining"),
            func.sum(_b.set_aside).label("aside"),
        )
        .group_by(_b.account_id)
        .subquery()
    )
    booked = func.coalesce(entries.c.booked, 0)
    remaining = func.coalesce(buckets.c.remaining, 0)
    aside = func.coalesce(buckets.c.aside, 0)
    return (
        select(ledger_account, booked.label("booked"), remaining.label("remaining"))
        .add_columns(aside.label("aside"))
        .outerjoin_from(ledger_account, entries, entries.c.account_id == _a.id)
        .outerjoin(buckets, buckets.c.account_id == _a.id)
        .where(
            _a.owner_kind != OwnerKind.SYSTEM,
            or_(
                _a.balance != booked,
                _a.balance != remaining - _a.debt,
                _a.set_aside != aside,
                _a.bookings != func.coalesce(entries.c.bookings, 0),
            ),
        )
        .order_by(_a.id)
        .limit(_TOLD)
    )


_BAD_ACCOUNTS = Prepared(_bad_accounts())


async def find_bad_accounts(db: AsyncConnection) -> list[Finding]:
    """Find balances that are not the sum of their entries, of their buckets less the debt."""
    return await _find(
        db,
        _BAD_ACCOUNTS,
        lambda row: (
            f"{_named(row)} has a balance of {row.balance:,} {row.unit}, {row.debt:,} of "
            f"debt and {row.set_aside:,} set aside; its entries come to {row.booked:,}, "
            f"its buckets to {row.remaining:,} and {row.aside:,}"
        ),
        _ADDS_UP,
    )


def _bad_buckets() -> Select[Any]:
    part = pending_transfer_part.c
    both = union_all(
        select(_b.account_id, _b.expires_on.label("bucket"), _b.remaining, _b.set_aside),
        select(_a.id, literal(DEBT), -_a.debt, literal(0)).where(_a.debt != 0),
        select(_e.account_id, _e.bucket, -_e.units, literal(0)).where(_e.nth.is_not(None)),
        select(pending_transfer.c.account_id, part.bucket, literal(0), -part.units)
        .join_from(pending_transfer, pending_transfer_part)
        .where(pending_transfer.c.state == PendingState.OPEN),
    ).subquery()
    remaining, aside = func.sum(both.c.remaining), func.sum(both.c.set_aside)
    off = (
        select(both.c.account_id, both.c.bucket, remaining.label("more"), aside.label("aside"))
        .group_by(both.c.account_id, both.c.bucket)
        .having(or_(remaining != 0, aside != 0))
        .subquery()
    )
    return (
        select(off, _a.owner_kind, _a.owner, _a.unit)
        .join_from(off, ledger_account, _a.id == off.c.account_id)
        .order_by(off.c.account_id, off.c.bucket)
        .limit(_TOLD)
    )


_BAD_BUCKETS = Prepared(_bad_buckets())


async def find_bad_buckets(db: AsyncConnection) -> list[Finding]:
    """Find buckets, or debts, that are not the sum of their entries and of what is set aside."""
    return await _find(
        db,
        _BAD_BUCKETS,
        lambda row: (
            f"bucket {row.bucket} of {_named(row)} is off its entries by {row.more:+,} "
            f"{row.unit}, and off what is set aside by {row.aside:+,}"
        ),
        _ADDS_UP,
    )


def _overdrawn() -> Select[Any]:
    available = _a.balance + _a.debt - _a.set_aside
    below = or_(_b.remaining < _b.set_aside, _b.set_aside < 0)
    return (
        select(ledger_account, available.label("available"))
        .where(
            _a.owner_kind != OwnerKind.SYSTEM,
            or_(
                _a.debt < 0,
                _a.set_aside < 0,
                available < 0,
                and_(_a.debt > 0, available > 0),
                _a.id.in_(select(_b.account_id).where(below)),
            ),
        )
        .order_by(_a.id)
        .limit(_TOLD)
    )


_OVERDRAWN = Prepared(_overdrawn())


async def find_overdrawn(db: AsyncConnection) -> list[Finding]:
    """Find what is below zero and may not be, and what is available beside a debt."""
    return await _find(
        db,
        _OVERDRAWN,
        lambda row: (
            f"{_named(row)} has {row.available:,} {row.unit} available, {row.debt:,} of "
            "debt, or a bucket below what is set aside of it"
        ),
        _HOLDS,
    )


def _too_much_undone() -> Select[Any]:
    back = ledger_transfer.alias()
    total = func.sum(back.c.units)
    return (
        select(_t.id, _t.kind, _t.units, total.label("back"))
        .join_from(ledger_transfer, back, back.c.undoes_id == _t.id)
        .group_by(_t.id, _t.kind, _t.units)
        .having(total > _t.units)
        .order_by(_t.id)
        .limit(_TOLD)
    )


_TOO_MUCH_UNDONE = Prepared(_too_much_undone())


async def find_too_much_undone(db: AsyncConnection) -> list[Finding]:
    """Find transfers of which more came back than was booked."""
    return await _find(
        db,
        _TOO_MUCH_UNDONE,
        lambda row: f"{row.back:,} came back of transfer {row.id} ({row.kind}) of {row.units:,}",
        _HOLDS,
    )


async def _find(
    db: AsyncConnection, wrong: Prepared, tell: Callable[[Any], str], fix: str
) -> list[Finding]:
    return [Finding(invariant="I3", problem=tell(row), fix=fix) for row in await wrong.rows(db)]


def _named(row: Any) -> str:
    return f"{row.owner_kind} {row.owner}"
