"""What a process knows of the promotions that run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from koipond_promotions.repository import promotions as repository
from koipond_promotions.rules import Board
from koipond_promotions.types import Promotion, PromotionId
from koipond_sdk import ChannelId, Context, Fresh


class _Posted(NamedTuple):
    """The live promotions as they were read, and which revision of each channel's that was."""

    revisions: Mapping[ChannelId, int]
    board: Board


async def _read(ctx: Context, last: _Posted) -> _Posted:
    """Ask whether any changed, and read them only if so.

    A cart costs no SQL for promotions that count by themselves, however many there are.
    """
    async with ctx.reading() as db:
        # Revisions first: a change between the two reads is read again, never missed.
        revisions = await repository.find_revisions(db)
        if revisions == last.revisions:
            return last
        return _Posted(revisions, Board(await repository.find_live(db)))


_POSTED = Fresh(_read, first=_Posted({}, Board([])))


async def find_board(ctx: Context) -> Board:
    """Return the promotions that are live, at most a second old."""
    return (await _POSTED.find(ctx)).board


def forget_board(ctx: Context) -> None:
    """Ask again at the next question: a promotion turned out to be another one."""
    _POSTED.forget(ctx.shop)


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
