"""What a plugin's migrations come to, for the tests of its tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, column, inspect, select, table

from koipond.kernel.db import Database
from koipond.kernel.ids import MemberId, new_id
from koipond.kernel.migrate import upgrade
from koipond.kernel.plugins import discover
from koipond.kernel.revisions import Unit, units
from koipond.member.tables import member
from koipond_sdk.testing.shop import START

T = TypeVar("T")


def unit_of(name: str) -> Unit:
    """Return where the migrations of an installed plugin stand."""
    return next(one for one in units(discover()) if one.name == name)


class Migrations:
    """The migrations of core and of one plugin, run on a blank database."""

    def __init__(self, database: Database, name: str, metadata: MetaData) -> None:
        """name: the plugin's. metadata: its tables, as its code says them."""
        self._database = database
        self._all = units(discover())
        self._metadata = metadata
        self.unit = unit_of(name)

    async def run_core(self) -> list[str]:
        """Bring core's tables up to date; returns what was run."""
        return await upgrade(self._database, self._all[:1])

    async def run(self) -> list[str]:
        """Bring core's tables and the plugin's up to date; returns what was run."""
        return await upgrade(self._database, [self._all[0], self.unit])

    async def run_all(self) -> list[str]:
        """Bring the tables of everything that is installed up to date; returns what was run."""
        return await upgrade(self._database, self._all)

    async def tables(self) -> set[str]:
        """Return the tables that there are."""
        return await self._look(lambda connection: set(inspect(connection).get_table_names()))

    async def checks(self) -> set[str | None]:
        """Return the names of the check constraints of the plugin's tables."""
        return await self._look(
            lambda connection: {
                one["name"]
                for name in self._metadata.tables
                for one in inspect(connection).get_check_constraints(name)
            }
        )

    async def differences(self) -> list[Any]:
        """Return what autogenerate would put into the plugin's next migration."""
        return await self._look(self._compare)

    async def revision(self) -> str:
        """Return the revision at which the plugin's own table of versions is."""
        async with self._database.reading() as db:
            kept = table(self.unit.version_table, column("version_num"))
            return str((await db.execute(select(kept.c.version_num))).scalar_one())

    async def add_member(self) -> dict[str, Any]:
        """Store a member by SQL, as a shop has them before the plugin comes; returns the row."""
        row: dict[str, Any] = {one.name: None for one in member.columns} | {
            "id": MemberId(new_id()),
            "state": "registered",
            "name": "Lin",
            "locale": "en",
            "created_at": START,
            "version": 1,
        }
        async with self._database.writer.begin() as db:
            await db.execute(member.insert().values(row))
        return row

    async def members(self) -> list[dict[str, Any]]:
        """Return the rows of all members."""
        async with self._database.reading() as db:
            return [dict(found._mapping) for found in await db.execute(member.select())]

    async def _look(self, see: Callable[[Connection], T]) -> T:
        async with self._database.reading() as db:
            return await db.run_sync(see)

    def _compare(self, connection: Connection) -> list[Any]:
        def is_own(name: str | None, kind: str, parents: Any) -> bool:
            return kind != "table" or str(name).startswith(f"{self.unit.prefix}_")

        context = MigrationContext.configure(
            connection, opts={"include_name": is_own, "version_table": self.unit.version_table}
        )
        return list(compare_metadata(context, self._metadata))


@asynccontextmanager
async def migrating(url: str, name: str, metadata: MetaData) -> AsyncIterator[Migrations]:
    """Lend the migrations of a plugin on the blank database at `url`."""
    database = Database(url)
    try:
        yield Migrations(database, name, metadata)
    finally:
        await database.close()
