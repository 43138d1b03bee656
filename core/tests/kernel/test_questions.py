"""Questions that are asked together are answered as if each had been asked alone."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select

from koipond.channel.tables import channel
from koipond.kernel.context import Context, transaction
from koipond.kernel.prepared import Prepared
from koipond.kernel.questions import Answered, Question, ask_together
from koipond.kernel.viewer import GUEST
from koipond_sdk.testing import RunningShop

_c = channel.c
# Of the shop that tests run.
CURRENCIES = ["EUR", "CNY", "JPY"]
AMONG = Prepared(
    select(_c.code, _c.currencies).where(_c.code.in_(bindparam("codes", expanding=True)))
)
RENAME = Prepared(
    channel.update()
    .where(_c.code == bindparam("of_code"))
    .values(name=bindparam("named"))
    .returning(_c.code, _c.name, _c.country)
)
NAMES = Prepared(select(_c.name).where(_c.code == bindparam("of_code")).with_for_update())


def tuples(rows: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in rows]


def among(*codes: str) -> Question[list[tuple[Any, ...]]]:
    return Question(AMONG, {"codes": [*codes]}, tuples)


def rename(code: str, name: str) -> Question[list[tuple[Any, ...]]]:
    return Question(RENAME, {"of_code": code, "named": name}, tuples)


def name_of(code: str) -> Question[list[tuple[Any, ...]]]:
    return Question(NAMES, {"of_code": code}, tuples)


async def test_each_gets_its_own_rows_in_one_statement_where_it_can(shop: RunningShop) -> None:
    answers: list[Any] = []

    @transaction
    async def ask(ctx: Context) -> None:
        asked = (name_of("main"), among("main", "main", "none"), Answered("known"), among("none"))
        answers.append(await ask_together(ctx.db, *asked))

    async with shop.shop.context(viewer=GUEST) as ctx:
        with shop.count_statements() as sent:
            await ask(ctx)
    (main,) = await shop.rows(channel)
    assert answers == [([(main["name"],)], [("main", CURRENCIES)], "known", [])]
    assert len(sent) == (3 if shop.shop.database.is_sqlite else 1)


async def test_one_of_them_may_write(shop: RunningShop) -> None:
    answers: list[Any] = []

    @transaction
    async def ask(ctx: Context) -> None:
        answers.append(await ask_together(ctx.db, among("main"), rename("main", "Renamed")))

    async with shop.shop.context(viewer=GUEST) as ctx:
        await ask(ctx)
    (main,) = await shop.rows(channel)
    renamed = [("main", "Renamed", main["country"])]
    assert answers == [([("main", CURRENCIES)], renamed)]
    assert main["name"] == "Renamed"


async def test_what_is_known_is_not_asked(shop: RunningShop) -> None:
    async with shop.shop.database.reading() as db:
        with shop.count_statements() as sent:
            assert await ask_together(db, Answered(1), Answered(None)) == (1, None)
            assert await Answered("known").ask(db) == "known"
    assert sent == []
