"""One key, one effect: what a second request with the same key finds, on both databases."""

import asyncio
from uuid import UUID

import pytest

from koipond.kernel import idempotency
from koipond.kernel.context import Context, transaction
from koipond.kernel.idempotency import (
    Claim,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    RequestInFlight,
    Step,
)
from koipond.kernel.ids import new_id
from koipond_sdk.testing import RunningShop


async def claim(
    ctx: Context, *, key: str = "key", request: str = "tea", principal: str = "lin"
) -> Claim:
    return await idempotency.claim(
        ctx,
        principal=principal,
        operation="placeOrder",
        key=key,
        request=request,
        subject_id=new_id(),
    )


async def test_a_new_key_is_taken(shop: RunningShop) -> None:
    async with shop.context() as ctx:
        held = await claim(ctx)
        assert held.step is Step.CLAIMED
        (row,) = await shop.rows("idempotency")
        assert UUID(str(row["subject_id"])) == held.subject_id


async def test_a_done_request_is_found_by_its_repeat(shop: RunningShop) -> None:
    async with shop.context() as ctx:
        held = await claim(ctx)
        await idempotency.advance(ctx, held, Step.DONE)
        again = await claim(ctx)
        assert (again.step, again.subject_id) == (Step.DONE, held.subject_id)


async def test_another_request_under_the_same_key_is_refused(shop: RunningShop) -> None:
    async with shop.context() as ctx:
        await claim(ctx)
        before = await shop.snapshot()
        with pytest.raises(IdempotencyKeyReused):
            await claim(ctx, request="coffee")
        assert await shop.snapshot() == before


async def test_two_callers_may_choose_the_same_key(shop: RunningShop) -> None:
    async with shop.context() as ctx:
        mine = await claim(ctx, principal="lin")
        yours = await claim(ctx, principal="wang")
        assert mine.subject_id != yours.subject_id


@pytest.mark.parametrize("key", ["", "x" * 121])
async def test_a_key_that_cannot_be_kept_is_refused(shop: RunningShop, key: str) -> None:
    before = await shop.snapshot()
    async with shop.context() as ctx:
        with pytest.raises(IdempotencyKeyInvalid, match=f"it has {len(key)} characters"):
            await claim(ctx, key=key)
    assert await shop.snapshot() == before


async def test_a_repeat_waits_for_the_first_and_then_says_that_it_is_at_work(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "_LOOKS", 3)
    async with shop.context() as ctx:
        await claim(ctx)
        with pytest.raises(RequestInFlight) as refused:
            await claim(ctx)
        assert refused.value.retry_after_s == ctx.settings.idempotency_lease_s


async def test_a_repeat_that_waits_is_answered_when_the_first_is_done(shop: RunningShop) -> None:
    async with shop.context() as ctx, shop.context() as other:
        held = await claim(ctx)
        repeat = asyncio.ensure_future(claim(other))
        await asyncio.sleep(0.1)
        assert not repeat.done()
        await idempotency.advance(ctx, held, Step.DONE)
        again = await repeat
        assert (again.step, again.subject_id) == (Step.DONE, held.subject_id)


async def test_a_request_that_died_is_resumed_after_its_lease(shop: RunningShop) -> None:
    async with shop.context() as ctx:
        held = await claim(ctx)
        await idempotency.advance(ctx, held, Step.PLACED)
        shop.clock.advance(seconds=ctx.settings.idempotency_lease_s)
        again = await claim(ctx)
        assert (again.step, again.subject_id) == (Step.PLACED, held.subject_id)


async def test_a_request_that_was_let_go_is_resumed_at_once(shop: RunningShop) -> None:
    async with shop.context() as ctx:
        held = await claim(ctx)
        await idempotency.advance(ctx, held, Step.PAYING)
        await idempotency.let_go(ctx, held)
        assert (await claim(ctx)).step is Step.PAYING


async def test_a_refused_request_leaves_its_key_free(shop: RunningShop) -> None:
    async with shop.context() as ctx:
        before = await shop.snapshot()
        await idempotency.forget(ctx, await claim(ctx))
        assert await shop.snapshot() == before


async def test_a_request_that_placed_something_is_not_forgotten(shop: RunningShop) -> None:
    async with shop.context() as ctx:
        held = await claim(ctx)
        await idempotency.advance(ctx, held, Step.PLACED)
        await idempotency.forget(ctx, held)
        assert len(await shop.rows("idempotency")) == 1


async def test_of_two_that_hold_one_key_only_one_takes_the_step(shop: RunningShop) -> None:
    async with shop.context() as ctx:
        held = await claim(ctx)

    @transaction
    async def take(ctx: Context) -> bool:
        took = await idempotency.advance(ctx, held, Step.PLACED)
        await asyncio.sleep(0.05)
        return took

    async def try_to_take() -> bool:
        async with shop.context() as ctx:
            return await take(ctx)

    assert sorted(await asyncio.gather(try_to_take(), try_to_take())) == [False, True]


async def test_fifty_claims_of_one_key_at_once_have_one_subject(shop: RunningShop) -> None:
    async def take() -> UUID:
        async with shop.context() as ctx:
            held = await claim(ctx)
            await idempotency.advance(ctx, held, Step.DONE)
            return held.subject_id

    assert len(set(await asyncio.gather(*(take() for _ in range(50))))) == 1
