"""Use-cases of the message centre: what members read in the shop itself."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import asynccontextmanager

from koipond.kernel.context import Context, Shop, transaction
from koipond.kernel.ids import MemberId, MessageId
from koipond.kernel.logs import log
from koipond.kernel.pages import Page, Slice
from koipond.kernel.retries import describe
from koipond.kernel.troubles import is_trouble
from koipond.notify import repository
from koipond.notify.errors import MessageUnknown
from koipond.notify.types import Message, MessageNews

_POLL_S = 1.0
_NEWS_MAX = 50


async def find_centre(
    ctx: Context, member_id: MemberId, page: Page, *, unread_only: bool = False
) -> Slice[Message]:
    """Return one page of what a member can read in the shop, the newest first."""
    async with ctx.reading() as db:
        return await repository.find_in_centre(db, member_id, page, unread_only=unread_only)


async def count_unread(ctx: Context, members: Collection[MemberId]) -> dict[MemberId, int]:
    """Return {member: how many messages they have not read}."""
    async with ctx.reading() as db:
        found = await repository.count_unread(db, members)
    return {key: found.get(key, 0) for key in members}


@transaction
async def mark_read(
    ctx: Context, member_id: MemberId, keys: Collection[MessageId] | None = None
) -> int:
    """Note that a member has read some messages, or all; returns how many are still unread.

    Raises MessageUnknown if one of them is not theirs; then nothing was noted.
    """
    if keys is not None and await repository.find_own(ctx.db, member_id, keys) != set(keys):
        raise MessageUnknown
    await repository.lock_box(ctx.db, member_id)
    if await repository.mark_read(ctx.db, member_id, keys, now=ctx.clock.now()):
        await repository.count_up(ctx.db, member_id)
    return (await repository.count_unread(ctx.db, [member_id])).get(member_id, 0)


async def follow(ctx: Context, member_id: MemberId) -> AsyncGenerator[MessageNews, None]:
    """Tell how many messages are unread, and again whenever that or the messages change."""
    async with _watch(ctx.shop).joined(member_id) as bell:
        async with ctx.reading() as db:
            place = await repository.find_last_place(db, member_id)
        yield await _news(ctx, member_id, ())
        while True:
            await bell.wait()
            bell.clear()
            async with ctx.reading() as db:
                new = await repository.find_behind(db, member_id, place, limit=_NEWS_MAX)
            if len(new) == _NEWS_MAX:
                bell.set()
            place = max((one.place or 0 for one in new), default=place)
            yield await _news(ctx, member_id, tuple(new))


async def _news(ctx: Context, member_id: MemberId, new: tuple[Message, ...]) -> MessageNews:
    unread = await count_unread(ctx, [member_id])
    # Nothing is lent to who waits.
    await ctx.rest()
    return MessageNews(unread=unread[member_id], messages=new)


class _Watch:
    """Looks for all who follow their centre in this process, with one statement a second."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._bells: defaultdict[MemberId, set[asyncio.Event]] = defaultdict(set)
        self._numbers: dict[MemberId, int] = {}
        self._looking: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def joined(self, member_id: MemberId) -> AsyncIterator[asyncio.Event]:
        """Lend a bell that rings when something in a member's box is new."""
        bell = asyncio.Event()
        self._bells[member_id].add(bell)
        try:
            async with self._shop.database.reading() as db:
                found = await repository.find_numbers(db, [member_id])
            # What is counted up from here on rings.
            self._numbers.setdefault(member_id, found.get(member_id, 0))
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look())
            yield bell
        finally:
            self._bells[member_id].discard(bell)
            if not self._bells[member_id]:
                del self._bells[member_id]
                self._numbers.pop(member_id, None)
            if not self._bells and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def _look(self) -> None:
        while True:
            await self._ring()
            await asyncio.sleep(_POLL_S)

    async def _ring(self) -> None:
        try:
            async with self._shop.database.reading() as db:
                found = await repository.find_numbers(db, list(self._bells))
        except Exception as error:
            if not is_trouble(error):
                raise
            log.warning("news of messages wait for the database", problem=describe(error))
            return
        for key, number in found.items():
            if self._numbers.get(key) != number:
                self._numbers[key] = number
                for bell in self._bells.get(key, ()):
                    bell.set()


def _watch(shop: Shop) -> _Watch:
    watch = shop.kept.get(_Watch)
    if watch is None:
        watch = shop.kept[_Watch] = _Watch(shop)
    assert isinstance(watch, _Watch)
    return watch
