"""Acts that happen once for each key of their caller, and ids of a plugin's own kinds."""

import asyncio
from typing import NewType
from uuid import UUID

import pytest

from koipond.kernel.context import Context
from koipond.kernel.errors import DomainError
from koipond.kernel.idempotency import IdempotencyKeyReused, once
from koipond.kernel.ids import PREFIXES, IdInvalid, VariantId, decode, encode, name_ids, new_id
from koipond.kernel.schema import MoneyInput
from koipond.member.errors import MemberUnknown
from koipond_sdk.testing import STAFF, RunningShop

HeronId = NewType("HeronId", UUID)
PondId = NewType("PondId", UUID)


async def act_once(shop: RunningShop, done: list[UUID], *, request: str = "") -> UUID:
    async def act(ctx: Context, subject: UUID) -> None:
        assert ctx.in_transaction
        done.append(subject)

    async with shop.context(viewer=STAFF) as ctx:
        return await once(
            ctx, act, operation="test", key="one", request=request, subject_id=new_id()
        )


async def test_a_repeat_does_nothing_and_is_about_the_same(shop: RunningShop) -> None:
    done: list[UUID] = []
    first = await act_once(shop, done)
    assert await act_once(shop, done) == first
    assert done == [first]


async def test_of_ten_at_once_one_acts(shop: RunningShop) -> None:
    done: list[UUID] = []
    told = await asyncio.gather(*(act_once(shop, done) for _ in range(10)))
    assert set(told) == set(done)
    assert len(done) == 1


async def test_the_key_of_another_request_is_refused(shop: RunningShop) -> None:
    done: list[UUID] = []
    await act_once(shop, done)
    with pytest.raises(IdempotencyKeyReused):
        await act_once(shop, done, request="another")
    assert len(done) == 1


async def test_what_is_refused_changes_nothing_and_may_be_tried_again(shop: RunningShop) -> None:
    before = await shop.snapshot()

    async def refuse(ctx: Context, subject: UUID) -> None:
        raise MemberUnknown(member="nobody")

    async with shop.context(viewer=STAFF) as ctx:
        with pytest.raises(DomainError):
            await once(ctx, refuse, operation="test", key="one", request="", subject_id=new_id())
    assert await shop.snapshot() == before
    done: list[UUID] = []
    assert await act_once(shop, done) == done[0]


def test_ids_of_a_plugin_leave_the_shop_by_a_prefix_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("koipond.kernel.ids.PREFIXES", dict(PREFIXES))
    name_ids(HeronId, "heron")
    # Modules may be read twice.
    name_ids(HeronId, "heron")
    key = HeronId(new_id())
    written = encode(HeronId, key)
    assert written.startswith("heron_")
    assert decode(HeronId, written) == key
    with pytest.raises(IdInvalid):
        decode(VariantId, written)
    with pytest.raises(ValueError, match=r"those are koipond\.kernel\.ids\.VariantId's"):
        name_ids(HeronId, "var")
    with pytest.raises(ValueError, match=r"those are .*HeronId's. Take another"):
        name_ids(PondId, "heron")
    with pytest.raises(ValueError, match="2 to 12 small letters"):
        name_ids(PondId, "Pond_")


def test_an_amount_is_read_as_it_was_given() -> None:
    read = MoneyInput(amount="12.50", currency="EUR").read()
    assert (read.amount_minor, read.currency) == (12_50, "EUR")
