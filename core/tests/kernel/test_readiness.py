from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from koipond.kernel.db import Database
from koipond.kernel.readiness import (
    NotReady,
    check_ready,
    find_version,
    find_waiting,
    migrate_safely,
)
from koipond.kernel.revisions import Unit, pending, units

pytestmark = pytest.mark.story

CORE = units([])


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


async def tables(database: Database) -> set[str]:
    async with database.reading() as db:
        return set(await db.run_sync(lambda sync: inspect(sync).get_table_names()))


async def execute(database: Database, statement: str) -> None:
    async with database.writer.begin() as db:
        await db.execute(text(statement))


async def test_a_migrated_database_is_ready(database_url: str) -> None:
    async with opened(database_url) as database:
        await check_ready(database, CORE)


async def test_an_empty_database_is_not_ready_and_the_command_is_named(
    blank_database_url: str,
) -> None:
    async with opened(blank_database_url) as database:
        await execute(database, "SELECT 1")  # makes the file
        with pytest.raises(NotReady, match=r"core is at nothing.*Run: koi migrate"):
            await check_ready(database, CORE)


@pytest.mark.slow
async def test_migrating_makes_it_ready_and_a_second_time_does_nothing(
    blank_database_url: str,
) -> None:
    async with opened(blank_database_url) as database:
        assert (await migrate_safely(database, CORE))[0].startswith("core 0001")
        assert await pending(database, CORE) == []
        assert await migrate_safely(database, CORE) == []


async def test_a_folder_without_a_revision_is_behind_nothing(
    database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "versions").mkdir()
    new = Unit(name="wish", folder=tmp_path)
    async with opened(database_url) as database:
        assert await pending(database, [new]) == []


async def test_the_tables_of_another_program_are_left_alone(blank_database_url: str) -> None:
    async with opened(blank_database_url) as database:
        await execute(database, "CREATE TABLE ledger (id INTEGER)")
        with pytest.raises(NotReady, match=r"tables of another program: ledger\. Nothing was ch"):
            await migrate_safely(database, CORE)
        assert await tables(database) == {"ledger"}


async def test_a_database_of_newer_code_is_left_alone(blank_database_url: str) -> None:
    async with opened(blank_database_url) as database:
        await migrate_safely(database, CORE)
        await execute(database, "UPDATE alembic_version_core SET version_num = '9999_later'")
        with pytest.raises(NotReady, match=r"core is at 9999_later\. Install the version"):
            await check_ready(database, CORE)
        with pytest.raises(NotReady, match="by another version of the code"):
            await migrate_safely(database, CORE)


async def test_a_file_that_is_no_database_is_named_with_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    file.write_text("hello, I am a letter" * 100)
    async with opened(f"sqlite:///{file}") as database:
        for act in (check_ready, migrate_safely):
            with pytest.raises(NotReady, match=f"not a database.\n.*mv {file} {file}.broken"):
                await act(database, CORE)
    assert file.read_text().startswith("hello")


async def test_a_damaged_database_is_named_with_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    async with opened(f"sqlite:///{file}") as database:
        await migrate_safely(database, CORE)
    content = bytearray(file.read_bytes())
    content[100:4096] = b"\xff" * 3996  # the first page, but for the header
    file.write_bytes(content)
    async with opened(f"sqlite:///{file}") as database:
        with pytest.raises(NotReady, match=f"malformed.*\n.*mv {file} {file}.broken"):
            await check_ready(database, CORE)


async def test_a_folder_in_the_place_of_the_database_is_named(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path}") as database:
        with pytest.raises(NotReady, match=r"it is a folder\.\nName a file in it"):
            await check_ready(database, CORE)


async def test_looking_makes_no_database(tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    async with opened(f"sqlite:///{file}") as database:
        for look in (find_version(database), find_waiting(database, CORE)):
            with pytest.raises(NotReady, match=f"There is no database at {file}. Run: koi migr"):
                await look
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url", ["postgresql://nobody:abc@127.0.0.1:1/shop", "postgresql://nobody@/shop?host=/nowhere"]
)
async def test_a_server_that_does_not_answer_is_named_without_its_password(url: str) -> None:
    async with opened(url) as database:
        with pytest.raises(NotReady, match="The server must run") as refused:
            await check_ready(database, CORE)
        assert "abc" not in str(refused.value)


async def test_a_database_that_is_missing_on_the_server_is_named(database_url: str) -> None:
    async with opened(database_url) as known:
        if known.is_sqlite:
            pytest.skip("a file is made")
        url = known.url.set(database="no_such_shop").render_as_string()
    async with opened(url) as database:
        with pytest.raises(NotReady, match="no_such_shop"):
            await check_ready(database, CORE)


async def test_a_folder_that_cannot_be_made_is_told_in_words() -> None:
    async with opened("sqlite:////proc/nowhere/shop.db") as database:
        with pytest.raises(NotReady, match="Its folder must be there, and be open to writing"):
            await migrate_safely(database, CORE)
