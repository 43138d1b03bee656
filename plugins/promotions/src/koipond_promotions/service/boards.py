"""What a process knows of the promotions that run."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from koipond_promotions.repository import promotions as repository
from koipond_promotions.rules import Board
from koipond_promotions.types import Promotion, PromotionId
from koipond_sdk import ChannelId, Context

# How old what a process knows may be; it is looked at again when an order is placed.
AGE_MAX = timedelta(seconds=1)


class BoardIndex:
    """The live promotions of a shop as one process knows them.

    Once a second at most it asks whether any changed, and reads them only if so: a cart costs no
    SQL for promotions that count by themselves, however many there are.
    """

    def __init__(self) -> None:
        self._board = Board([])
        self._revisions: Mapping[ChannelId, int] = {}
        self._read_at: datetime | None = None
        self._reading = asyncio.Lock()

    async def find(self, ctx: Context) -> Board:
        """Return what is live, at most a second old."""
        if not self._is_fresh(ctx.clock.now()):
            # In a transaction, which holds locks, nobody is waited for.
            if ctx.in_transaction:
                await self._read(ctx)
            else:
                async with self._reading:
                    if not self._is_fresh(ctx.clock.now()):
                        await self._read(ctx)
        return self._board

    def forget(self) -> None:
        """Ask again at the next question."""
        self._read_at = None

    async def _read(self, ctx: Context) -> None:
        now = ctx.clock.now()
        async with ctx.reading() as db:
            revisions = await repository.find_revisions(db)
            if revisions != self._revisions:
                # Revisions first: a change between the two reads is read again, never missed.
                self._board = Board(await repository.find_live(db))
                self._revisions = revisions
        self._read_at = now

    def _is_fresh(self, now: datetime) -> bool:
        # A clock that was set back makes what was read too young, not forever fresh.
        return self._read_at is not None and timedelta() <= now - self._read_at < AGE_MAX


async def find_board(ctx: Context) -> Board:
    """Return the promotions that are live, at most a second old."""
    return await index_of(ctx).find(ctx)


async def find_promotions(
    ctx: Context, versions: Mapping[PromotionId, int]
) -> dict[PromotionId, Promotion]:
    """Return promotions, out of what is known if it is of these versions."""
    board = await find_board(ctx)
    known = {
        key: one
        for key, version in versions.items()
        if (one := board.by_id.get(key)) is not None and one.version == version
    }
    missing: Collection[PromotionId] = versions.keys() - known.keys()
    if missing:
        async with ctx.reading() as db:
            known |= await repository.find_by_ids(db, missing)
    return known


def index_of(ctx: Context) -> BoardIndex:
    """Return this process's index."""
    kept = ctx.shop.kept
    if BoardIndex not in kept:
        kept[BoardIndex] = BoardIndex()
    index: BoardIndex = kept[BoardIndex]
    return index
