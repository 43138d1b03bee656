"""What staff do by a mutation is an act, which leaves a record: see kernel/audit.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from koipond.kernel import audit
from koipond.kernel.audit import Act
from koipond.kernel.context import Context, bookkeeping, transaction

# Who asks again and again for what they may not do has one record a minute of each such mutation.
_REFUSAL_NOTED = timedelta(minutes=1)
_REFUSALS_MAX = 1_000
# Under this a process keeps when it noted refusals: {(who, mutation): instant}.
_REFUSALS = object()


@asynccontextmanager
async def acting(ctx: Context, operation: str, given: Any) -> AsyncIterator[None]:
    """Let what happens in the block be one act, if it is staff who ask.

    A mutation that has come to its end without a record, because it changed nothing by a
    transaction of ours, has one now.
    """
    if not ctx.viewer.is_staff:
        yield
        return
    outer, act = ctx.act, Act(operation, given=given)
    ctx.act = act
    try:
        yield
        if ctx.in_transaction:
            await ctx.record()
        elif not act.records:
            await _note(ctx)
    finally:
        ctx.act = outer


async def note_refusal(ctx: Context, operation: str, given: Any) -> None:
    """Keep that one of the staff asked for what they may not do, now and then."""
    if not ctx.viewer.is_staff or ctx.in_transaction:
        return
    noted: dict[tuple[UUID | None, str], datetime] = ctx.shop.kept.setdefault(_REFUSALS, {})
    key, now = (ctx.viewer.id, operation), ctx.clock.now()
    last = noted.get(key)
    if last is not None and timedelta() <= now - last < _REFUSAL_NOTED:
        return
    if len(noted) >= _REFUSALS_MAX:
        noted.clear()
    noted[key] = now
    await _store_refusal(ctx, Act(operation, given=given))


@transaction
async def _note(ctx: Context) -> None:
    """Change nothing; the transaction itself leaves the record."""


@bookkeeping
async def _store_refusal(ctx: Context, act: Act) -> None:
    await audit.write_refused(ctx.db, act, ctx.actor, now=ctx.clock.now())
