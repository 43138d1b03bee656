"""What happens in a lottery: the conformance suite looks while it does."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from koipond_sdk import MemberId
from koipond_sdk.testing import STAFF, Factory, RunningShop


@pytest.fixture
def story() -> Callable[[RunningShop, Factory], Awaitable[None]]:
    async def win(shop: RunningShop, make: Factory) -> None:
        from koipond_lottery import service
        from koipond_lottery.types import LotteryDraft, PrizeDraft

        now = shop.clock.now()
        prize = PrizeDraft(name="Gaiwan", units=1, odds_ppm=1_000_000)
        draft = LotteryDraft(
            name="New Year", starts_at=now, ends_at=now + timedelta(days=9), prizes=(prize,)
        )
        async with shop.context(viewer=STAFF) as ctx:
            lottery = await service.make_lottery(ctx, draft)
        for email in ("lin@example.org", "wu@example.org"):
            by = await make.member(email)
            assert by.id is not None
            async with shop.context(viewer=by) as ctx:
                await service.enter(ctx, lottery.id, MemberId(by.id), key=f"{email}, today")

    return win
