"""Answers that what is stored rests on: nothing is stored if they are others by now."""

from collections.abc import Sequence
from typing import Any

import pytest
from core.tests.kernel.test_unsent import guest, known_by, send
from sqlalchemy import bindparam, select, text

from koipond.kernel.context import Context, transaction
from koipond.kernel.editions import count_up, expect_editions
from koipond.kernel.prepared import Prepared
from koipond.kernel.questions import Answered, Question, combine
from koipond.kernel.sealing import Known, sealed
from koipond.kernel.troubles import Outdated
from koipond.kernel.unsent import Unsent
from koipond.kernel.viewer import GUEST
from koipond.member.tables import identity, member
from koipond_sdk.testing import RunningShop

_NAMES = Prepared(
    select(member.c.name, member.c.locale)
    .where(member.c.name.in_(bindparam("names", expanding=True)))
    .with_for_update(read=True, key_share=True)
)


def names(*wanted: str) -> Question[list[str]]:
    def read(rows: Sequence[Any]) -> list[str]:
        return sorted(row.name for row in rows)

    return Question(_NAMES, {"names": list(wanted)}, read)


async def ask(shop: RunningShop, *wanted: str) -> Known[list[str]]:
    async with shop.shop.database.reading() as db:
        return await sealed(names(*wanted)).ask(db)


async def put(shop: RunningShop, *rows: dict[str, Any]) -> None:
    unsent = Unsent()
    unsent.add(member, *rows)
    await send(shop, unsent)


async def run(shop: RunningShop, statement: str) -> None:
    await shop.shop.database.transact(lambda db: db.execute(text(statement)))


CHANGES = [
    "UPDATE member SET locale = 'zh-Hans' WHERE name = 'Lin'",
    "UPDATE member SET name = 'Mei' WHERE name = 'Lin'",
    "DELETE FROM member WHERE name = 'Bo'",
]


async def test_what_is_answered_as_it_was_lets_all_be_stored_in_one_go(shop: RunningShop) -> None:
    lin, bo = guest(name="Lin"), guest(name="Bo")
    await put(shop, lin, bo)
    known = await ask(shop, "Lin", "Bo", "Nobody")
    assert known.answer == ["Bo", "Lin"]
    unsent = Unsent()
    unsent.expect(names("Lin", "Bo", "Nobody"), known)
    unsent.expect(names("Nobody"), await ask(shop, "Nobody"))
    unsent.add(identity, known_by(lin, "lin@example.org"))
    sent = await send(shop, unsent)
    assert len(sent) == (3 if shop.shop.database.is_sqlite else 1)
    assert len(await shop.rows(identity)) == 1


@pytest.mark.parametrize("change", CHANGES)
async def test_what_is_answered_otherwise_lets_nothing_be_stored(
    shop: RunningShop, change: str
) -> None:
    lin = guest(name="Lin")
    await put(shop, lin, guest(name="Bo"))
    known = await ask(shop, "Lin", "Bo")
    await run(shop, change)
    if "locale" in change and shop.shop.database.is_sqlite:
        return  # there answers are compared, and this one does not tell of languages
    before = await shop.snapshot()
    unsent = Unsent()
    unsent.expect(names("Lin", "Bo"), known)
    unsent.add(identity, known_by(lin, "lin@example.org"))
    with pytest.raises(Outdated):
        await send(shop, unsent)
    assert await shop.snapshot() == before


async def test_a_row_more_than_there_was_is_another_answer(shop: RunningShop) -> None:
    known = await ask(shop, "Lin")
    assert known.answer == []
    lin = guest(name="Lin")
    await put(shop, lin)
    unsent = Unsent()
    unsent.expect(names("Lin"), known)
    unsent.add(identity, known_by(lin, "lin@example.org"))
    with pytest.raises(Outdated):
        await send(shop, unsent)
    assert await shop.rows(identity) == []


@pytest.mark.parametrize(
    ("told", "stands"),
    [
        ([("Lin", 1), ("Bo", 1)], True),
        ([("Lin", 1)], False),
        ([("Lin", 1), ("Bo", 2)], False),
        ([("Lin", 1), ("Bo", 1), ("Mei", 1)], False),
        ([], False),
    ],
)
async def test_what_is_changed_must_be_exactly_what_was_said(
    shop: RunningShop, told: list[tuple[str, int]], *, stands: bool
) -> None:
    lin = guest(name="Lin")
    await put(shop, lin, guest(name="Bo"), guest(name="Mei", locale="de"))
    # The version of a row counts by itself: it is told as it is afterwards.
    rows = [{"name": name, "version": version + 1} for name, version in told]
    before = await shop.snapshot()
    unsent = Unsent()
    unsent.change(member, {"locale": "en", "time_zone": "UTC"}, known_by=("locale",), exactly=rows)
    unsent.add(identity, known_by(lin, "lin@example.org"))
    if stands:
        await send(shop, unsent)
        assert len(await shop.rows(identity)) == 1
        return
    with pytest.raises(Outdated):
        await send(shop, unsent)
    assert await shop.snapshot() == before


async def test_several_questions_make_one_thing(shop: RunningShop) -> None:
    await put(shop, guest(name="Lin"))
    asked = combine(
        lambda *found: found,
        (names("Lin"), Answered(2), sealed(names("Bo")), sealed(Answered("x")), Answered(None)),
    )
    async with shop.shop.database.reading() as db:
        answer = await asked.ask(db)
    assert answer == (["Lin"], 2, Known([], ()), Known("x", ()), None)


@pytest.mark.parametrize(
    "name", ["rates", "my-rules", "two words", 'a "b", (c)', "back\\slash", "茶", "it's", ""]
)
async def test_an_edition_is_expected_whatever_it_is_called(shop: RunningShop, name: str) -> None:
    @transaction
    async def change(ctx: Context) -> None:
        await count_up(ctx, name)

    @transaction
    async def store(ctx: Context, number: int) -> None:
        expect_editions(ctx, {name: number, "never set": None})
        ctx.unsent.add(member, guest())

    async with shop.shop.context(viewer=GUEST) as ctx:
        await change(ctx)
        await change(ctx)
        await store(ctx, 2)
        with pytest.raises(Outdated):
            await store(ctx, 1)
    assert len(await shop.rows(member)) == 1
