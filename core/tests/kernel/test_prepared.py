"""Statements that PostgreSQL's driver gets past SQLAlchemy: nobody can tell the difference."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import bindparam, func, literal, select, tuple_
from sqlalchemy.exc import DBAPIError, IntegrityError

from koipond.channel.tables import channel
from koipond.kernel.db import AsyncConnection, Instant
from koipond.kernel.dispatch.guarding import HookMisuse
from koipond.kernel.ids import new_id
from koipond.kernel.partaking import PluginConnection
from koipond.kernel.prepared import Prepared
from koipond_sdk.testing import RunningShop

NOW = datetime(2026, 11, 22, 8, 30, 0, 123456, tzinfo=UTC)
_c = channel.c
ADD = Prepared(channel.insert())
RENAME = Prepared(
    channel.update()
    .where(_c.code == bindparam("of_code"))
    .values(name=bindparam("name"))
    .returning(_c.code, _c.name)
)
AMONG = Prepared(
    select(_c.code, _c.currencies, literal(NOW, type_=Instant()).label("now"))
    .where(_c.code.in_(bindparam("codes", expanding=True)), _c.code.not_in(["never", "ever"]))
    .order_by(_c.code)
)
AMONG_MANY = Prepared(
    select(_c.code, _c.currencies, literal(NOW, type_=Instant()).label("now"))
    .where(_c.code.in_(bindparam("codes", expanding=True)), _c.code.not_in(["never", "ever"]))
    .order_by(_c.code),
    by_arrays=True,
)
PAIRS = Prepared(
    select(_c.code)
    .where(tuple_(_c.code, _c.name).in_(bindparam("pairs", expanding=True)))
    .order_by(_c.code)
)
SLEEP = Prepared(select(func.pg_sleep(bindparam("seconds"))))


def row(code: str) -> dict[str, Any]:
    return {
        "id": new_id(),
        "code": code,
        "name": code.upper(),
        "currencies": ["EUR", "USD"],
        "locales": ["en"],
        "time_zone": "UTC",
        "country": "DE",
        "region": "",
        "prices_include_tax": True,
        "rounding": {},
        "version": 1,
    }


async def add(shop: RunningShop, *codes: str) -> None:
    async def work(db: AsyncConnection) -> None:
        for code in codes:
            assert await ADD.rows(db, row(code)) == []

    await shop.shop.database.transact(work)


async def codes(shop: RunningShop) -> list[str]:
    return sorted(one["code"] for one in await shop.rows(channel))


@pytest.mark.parametrize("among", [AMONG, AMONG_MANY], ids=["parameters", "array"])
async def test_a_list_may_be_of_any_length_each_time(shop: RunningShop, among: Prepared) -> None:
    await add(shop, "a", "b")
    async with shop.shop.database.reading() as db:
        found = [
            [one.code for one in await among.rows(db, {"codes": wanted})]
            for wanted in (["a"], ["b", "a"], [], ["a", "never", "b"], ["b"])
        ]
        pairs = [
            [one.code for one in await PAIRS.rows(db, {"pairs": wanted})]
            for wanted in ([("a", "A")], [("a", "B"), ("b", "B")])
        ]
    assert found == [["a"], ["a", "b"], [], ["a", "b"], ["b"]]
    assert pairs == [["a"], ["b"]]


async def test_values_are_what_they_are_in_python(shop: RunningShop) -> None:
    await add(shop, "a")
    async with shop.shop.database.reading() as db:
        found = await AMONG.row(db, {"codes": ["a"]})
    assert found is not None
    assert tuple(found) == ("a", ["EUR", "USD"], NOW)


async def test_what_is_written_belongs_to_the_transaction(shop: RunningShop) -> None:
    async def work(db: AsyncConnection) -> None:
        await ADD.rows(db, row("a"))
        assert await RENAME.rows(db, {"of_code": "a", "name": "new"}) == [("a", "new")]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await shop.shop.database.transact(work)
    assert await codes(shop) == ["main"]


async def test_what_it_begins_is_committed_by_who_has_begun_nothing(shop: RunningShop) -> None:
    database = shop.shop.database
    await database.transact_apart(lambda connection: ADD.rows_here(connection, row("a")))
    with pytest.raises(IntegrityError):
        await database.transact_apart(lambda connection: ADD.rows_here(connection, row("a")))
    await database.transact_apart(
        lambda connection: ADD.rows_here(connection, row("b")), keep=lambda _: False
    )
    assert await codes(shop) == ["a", "main"]


async def test_a_snapshot_that_begins_with_it_sees_one_moment(shop: RunningShop) -> None:
    async with shop.shop.database.snapshot() as db:
        before = await AMONG.rows(db, {"codes": ["late", "main"]})
        await add(shop, "late")
        after = await AMONG.rows(db, {"codes": ["late", "main"]})
    assert [one.code for one in before] == [one.code for one in after] == ["main"]
    assert await codes(shop) == ["late", "main"]


async def test_it_takes_part_in_a_savepoint(shop: RunningShop) -> None:
    async def work(db: AsyncConnection) -> None:
        await ADD.rows(db, row("a"))
        point = await db.begin_nested()
        await ADD.rows(db, row("b"))
        with pytest.raises(IntegrityError):
            await ADD.rows(db, row("main"))
        await point.rollback()
        await ADD.rows(db, row("c"))

    await shop.shop.database.transact(work)
    assert await codes(shop) == ["a", "c", "main"]


async def test_an_error_is_raised_as_by_any_other_statement(shop: RunningShop) -> None:
    before = await shop.snapshot()
    with pytest.raises(IntegrityError) as prepared:
        await add(shop, "main")

    async def work(db: AsyncConnection) -> None:
        await db.execute(channel.insert().values(row("main")))

    with pytest.raises(IntegrityError) as executed:
        await shop.shop.database.transact(work)
    assert prepared.value.hide_parameters
    assert type(prepared.value.orig) is type(executed.value.orig)
    assert getattr(prepared.value.orig, "sqlstate", "") == getattr(
        executed.value.orig, "sqlstate", ""
    )
    assert await shop.snapshot() == before


async def test_its_statement_is_counted_as_any_other(shop: RunningShop) -> None:
    with shop.count_statements() as sent:
        await add(shop, "a", "b")
    assert [one.split()[:3] for one in sent] == [["INSERT", "INTO", "channel"]] * 2


async def test_one_who_is_cancelled_leaves_nothing_behind(shop: RunningShop) -> None:
    database = shop.shop.database
    if database.is_sqlite:
        pytest.skip("SQLite gets it as any other statement")
    begun = asyncio.Event()

    async def work(db: AsyncConnection) -> None:
        await ADD.rows(db, row("a"))
        begun.set()
        await SLEEP.rows(db, {"seconds": 60.0})

    task = asyncio.create_task(database.transact(work))
    await begun.wait()
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # Were its transaction still open, this one would wait for it.
    await add(shop, "a")
    assert await codes(shop) == ["a", "main"]


async def test_a_session_that_the_server_ends_is_given_up(shop: RunningShop) -> None:
    database = shop.shop.database
    if database.is_sqlite:
        pytest.skip("SQLite has no server")

    async def work(db: AsyncConnection) -> None:
        await ADD.rows(db, row("a"))
        own = (await db.execute(select(func.pg_backend_pid()))).scalar_one()
        async with database.writer.begin() as other:
            await other.execute(select(func.pg_terminate_backend(own)))
        await asyncio.sleep(0.05)
        await ADD.rows(db, row("b"))

    with pytest.raises(DBAPIError) as lost:
        await database.transact(work)
    assert lost.value.connection_invalidated
    await add(shop, "c")
    assert await codes(shop) == ["c", "main"]


async def nothing() -> None:
    pass


async def test_a_plugin_that_takes_part_is_looked_at_all_the_same(shop: RunningShop) -> None:
    async def work(db: AsyncConnection) -> None:
        await ADD.rows(PluginConnection(db, prefix="gifts", reach=nothing), row("a"))

    with pytest.raises(HookMisuse, match="writes to the table channel"):
        await shop.shop.database.transact(work)
    assert await codes(shop) == ["main"]
