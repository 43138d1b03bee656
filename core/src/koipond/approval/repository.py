"""SQL of approvals."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from koipond.approval.tables import approval
from koipond.approval.types import Approval, ApprovalState
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import ApprovalId
from koipond.kernel.pages import Page, Slice, cut


async def find(db: AsyncConnection, key: ApprovalId) -> Approval | None:
    """Return an approval, or None."""
    rows = await db.execute(select(approval).where(approval.c.id == key))
    row = rows.one_or_none()
    return None if row is None else _read(row)


async def lock(db: AsyncConnection, key: ApprovalId) -> Approval | None:
    """Return an approval, whose row stays locked, or None."""
    wanted = select(approval).where(approval.c.id == key).with_for_update(key_share=True)
    row = (await db.execute(wanted)).one_or_none()
    return None if row is None else _read(row)


async def lock_pending(db: AsyncConnection, fingerprint: str) -> Approval | None:
    """Return what waits of who asked for the same before, or None."""
    wanted = select(approval).where(
        approval.c.fingerprint == fingerprint, approval.c.state == ApprovalState.PENDING.value
    )
    row = (await db.execute(wanted.with_for_update(key_share=True))).one_or_none()
    return None if row is None else _read(row)


async def add(db: AsyncConnection, new: Approval, *, fingerprint: str) -> None:
    """Store a new approval."""
    row = msgspec.structs.asdict(new) | {"fingerprint": fingerprint}
    await db.execute(approval.insert().values(row))


async def decide(
    db: AsyncConnection,
    key: ApprovalId,
    state: ApprovalState,
    *,
    by: UUID | None,
    now: datetime,
    note: str = "",
) -> None:
    """Store who decided an approval, and how."""
    told = {"state": state.value, "decided_by": by, "decided_at": now, "note": note}
    await db.execute(approval.update().where(approval.c.id == key).values(told))


async def end(db: AsyncConnection, key: ApprovalId, state: ApprovalState, *, note: str) -> None:
    """Store what came of an act that was agreed to, or that nobody decided in time."""
    told = {"state": state.value, "note": note}
    await db.execute(approval.update().where(approval.c.id == key).values(told))


async def find_page(
    db: AsyncConnection, state: ApprovalState | None, page: Page
) -> Slice[Approval]:
    """Return a page of approvals, the latest first."""
    wanted = select(approval).order_by(approval.c.id.desc()).limit(page.first + 1)
    if state is not None:
        wanted = wanted.where(approval.c.state == state.value)
    if page.after is not None:
        wanted = wanted.where(approval.c.id < page.after[0])
    rows = (await db.execute(wanted)).all()
    return cut([_read(row) for row in rows], [(row.id,) for row in rows], page)


def _read(row: Any) -> Approval:
    given = row._asdict()
    del given["fingerprint"]
    given["state"] = ApprovalState(row.state)
    return Approval(**given)
