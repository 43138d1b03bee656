"""The use-case of messages that were kept long enough."""

from __future__ import annotations

from datetime import datetime, timedelta

from koipond.kernel.context import Context, transaction
from koipond.notify import repository
from koipond.notify.types import PruneMessages

_AT_ONCE = 500


async def prune_messages(ctx: Context, job: PruneMessages) -> None:
    """Drop messages older than `messages_keep_days`, and than any cap looks back."""
    days = ctx.settings.messages_keep_days
    if not days:
        return
    counted = [timedelta(hours=one.hours) for one in ctx.settings.message_caps]
    before = ctx.clock.now() - max([timedelta(days=days), *counted])
    while await _prune_some(ctx, before):
        pass


@transaction
async def _prune_some(ctx: Context, before: datetime) -> int:
    return await repository.prune(ctx.db, before, most=_AT_ONCE)
