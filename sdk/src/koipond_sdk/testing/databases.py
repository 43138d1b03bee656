"""Databases for tests: each worker has its own of each kind, emptied before every test.

controller      starts one PostgreSQL, hands its folder to the workers
first worker    that wants a kind migrates that kind's template, once
every worker    copies the template, once
every test      gets the worker's copy without any row, or a new copy, or a blank database
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import sqlite3
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, assert_never

import asyncpg
from sqlalchemy.engine import make_url

from koipond_sdk.testing.postgres import PostgresUnavailable

if TYPE_CHECKING:
    from koipond_sdk.testing.kept import KeptDatabase

TEMPLATE = "koi_template"


class Kind(StrEnum):
    SQLITE = "sqlite"
    POSTGRES = "postgres"


@dataclass(frozen=True, kw_only=True)
class Databases:
    """The databases of one worker, below the folder of the run's PostgreSQL server.

    unavailable: why there is no server; empty when there is one.
    """

    home: Path
    worker: str
    unavailable: str = ""
    _kept: dict[asyncio.AbstractEventLoop, asyncpg.Connection] = field(default_factory=dict)
    _emptying: dict[str, sqlite3.Connection] = field(default_factory=dict)

    @classmethod
    def from_controller(cls, handed: Mapping[str, Any]) -> Self:
        """Read what `to_worker` made out of xdist's `workerinput`."""
        return cls(
            home=Path(handed["koi_home"]),
            worker=handed["workerid"],
            unavailable=handed["koi_unavailable"],
        )

    def to_worker(self) -> dict[str, str]:
        return {"koi_home": str(self.home), "koi_unavailable": self.unavailable}

    async def emptied(self, kind: Kind) -> str:
        """Return the URL of the worker's migrated database, with no row in any table."""
        url = self.url(kind, self.worker)
        made = self.home / f"{self.worker}.{kind}.made"
        if not made.exists():
            await self._make_template(kind)
            await self._create(kind, self.worker, template=TEMPLATE)
            made.touch()
        if kind is Kind.SQLITE:
            # Kept, because a new connection reads the schema of 80 tables again.
            if url not in self._emptying:
                self._emptying[url] = _connect_sqlite(url)
            _empty_sqlite(self._emptying[url])
        else:
            await _empty_postgres(await self._connection(url))
        self.kept(url)
        return url

    def kept(self, url: str) -> "KeptDatabase":
        """Return the database at `url` with the connections that earlier tests opened.

        For what lasts: an `emptied` one, not a `blank` one.
        """
        # Late, as in `migrate`.
        from koipond_sdk.testing.kept import keep

        return keep(url)

    async def close(self) -> None:
        """Close the connections that are kept; the databases go with the server's folder."""
        from koipond_sdk.testing.kept import end_all

        kept = self._kept.pop(asyncio.get_running_loop(), None)
        if kept is not None:
            await kept.close()
        while self._emptying:
            self._emptying.popitem()[1].close()
        await end_all()

    @contextlib.asynccontextmanager
    async def blank(self, kind: Kind) -> AsyncIterator[str]:
        """Lend the URL of a new database without any table; for tests of migrations (0.1 s)."""
        async with self._made(kind, template=None) as url:
            yield url

    @contextlib.asynccontextmanager
    async def own(self, kind: Kind) -> AsyncIterator[str]:
        """Lend the URL of a new migrated database; for tests that change its tables (0.1 s)."""
        await self._make_template(kind)
        async with self._made(kind, template=TEMPLATE) as url:
            yield url

    @contextlib.asynccontextmanager
    async def _made(self, kind: Kind, *, template: str | None) -> AsyncIterator[str]:
        name = f"lent_{uuid.uuid4().hex}"
        await self._create(kind, name, template=template)
        try:
            yield self.url(kind, name)
        finally:
            await self._drop(kind, name)

    def url(self, kind: Kind, name: str) -> str:
        """Return SQLAlchemy's URL of the database `name`, which need not exist yet.

        Raises PostgresUnavailable.
        """
        match kind:
            case Kind.SQLITE:
                return f"sqlite+aiosqlite:///{self._file(name)}"
            case Kind.POSTGRES:
                if self.unavailable:
                    raise PostgresUnavailable(self.unavailable)
                return f"postgresql+asyncpg://postgres@/{name}?host={self.home}"
        assert_never(kind)

    async def _make_template(self, kind: Kind) -> None:
        made = self.home / f"{TEMPLATE}.{kind}.made"
        with _lock(self.home / f"{TEMPLATE}.{kind}.lock"):
            if made.exists():
                return
            await self._drop(kind, TEMPLATE)  # left by an attempt that failed
            await self._create(kind, TEMPLATE, template=None)
            await migrate(self.url(kind, TEMPLATE))
            made.touch()

    async def _create(self, kind: Kind, name: str, *, template: str | None) -> None:
        if kind is Kind.SQLITE:
            if template is not None:
                _copy_sqlite(self._file(template), self._file(name))
            return
        # The default, WAL_LOG, is six times slower for a database of 80 tables.
        source = f"{template} STRATEGY FILE_COPY" if template else "template0"
        await self._administer(f"CREATE DATABASE {name} TEMPLATE {source}")

    async def _drop(self, kind: Kind, name: str) -> None:
        if kind is Kind.POSTGRES:
            await self._administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            return
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._file(name)}{suffix}").unlink(missing_ok=True)

    async def _administer(self, statement: str) -> None:
        connection = await _connect(self.url(Kind.POSTGRES, "postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def _connection(self, url: str) -> asyncpg.Connection:
        # Kept, because a new connection takes 20 ms to learn of 80 tables; this one then 2 ms.
        loop = asyncio.get_running_loop()
        kept = self._kept.get(loop)
        if kept is None or kept.is_closed():
            kept = self._kept[loop] = await _connect(url)
        return kept

    def _file(self, name: str) -> Path:
        return self.home / f"{name}.sqlite3"


async def migrate(url: str) -> None:
    """Bring the database at `url` to the newest schema of core and all installed plugins."""
    # Late, so that a broken migration fails the tests that want a database, and no others.
    from koipond.kernel.migrate import upgrade_all

    await upgrade_all(url)


async def empty(url: str) -> None:
    """Delete every row of every table, those that migrations wrote too.

    Alembic's version tables keep theirs. Fails after 5 s where an open transaction is in the way.
    """
    if make_url(url).get_backend_name() == Kind.SQLITE:
        with contextlib.closing(_connect_sqlite(url)) as opened:
            _empty_sqlite(opened)
        return
    connection = await _connect(url)
    try:
        await _empty_postgres(connection)
    finally:
        await connection.close()


def _connect_sqlite(url: str) -> sqlite3.Connection:
    file = make_url(url).database
    assert file is not None
    # Foreign keys are not enforced by a connection that does not ask for it.
    return sqlite3.connect(file, timeout=5, isolation_level=None)


def _empty_sqlite(connection: sqlite3.Connection) -> None:
    # Not the shadow tables of a full-text index: they follow by trigger.
    rows = connection.execute(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
        " AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name NOT LIKE '%alembic%'"
    )
    # A DELETE writes the pages of a table even when it has no row, and most have none.
    filled = [name for (name,) in rows.fetchall() if connection.execute(_first(name)).fetchone()]
    if filled:
        try:
            connection.executescript(
                "; ".join(["BEGIN IMMEDIATE", *map(_delete, filled), "COMMIT"])
            )
        finally:
            # Of what failed half-way nothing is in the way of the next test: it is kept.
            connection.rollback()


async def _empty_postgres(connection: asyncpg.Connection) -> None:
    rows = await connection.fetch(
        "SELECT tablename FROM pg_tables"
        " WHERE schemaname = 'public' AND tablename NOT LIKE '%alembic%'"
    )
    # DELETE, because TRUNCATE takes 1 ms a table. A replica runs no triggers and no foreign keys,
    # so the order of tables is free and append-only tables can be emptied.
    settings = ["SET session_replication_role = replica", "SET lock_timeout = '5s'"]
    await connection.execute("; ".join([*settings, *(_delete(row[0]) for row in rows)]))


def _delete(table: str) -> str:
    return f"DELETE FROM {_quoted(table)}"  # noqa: S608  names come from the database's catalogue


def _first(table: str) -> str:
    return f"SELECT 1 FROM {_quoted(table)} LIMIT 1"  # noqa: S608  as above


def _quoted(table: str) -> str:
    return '"' + table.replace('"', '""') + '"'


async def _connect(url: str) -> asyncpg.Connection:
    parts = make_url(url)
    return await asyncpg.connect(
        host=str(parts.query["host"]), user=parts.username, database=parts.database
    )


def _copy_sqlite(source: Path, target: Path) -> None:
    with contextlib.closing(sqlite3.connect(source)) as connection:
        # A copy of the file alone would lack what is still in the log.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(source, target)


@contextlib.contextmanager
def _lock(file: Path) -> Iterator[None]:
    """Hold `file` against all other processes; released by the system if this one is killed."""
    descriptor = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
