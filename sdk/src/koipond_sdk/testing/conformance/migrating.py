"""A rule of tables: installed, upgraded and purged, with core's as they were."""

from __future__ import annotations

from typing import Any

from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from koipond.kernel import purging
from koipond.kernel.db import Database
from koipond.kernel.drafting import find_drift
from koipond.kernel.migrate import MigrationRefused, move, upgrade
from koipond.kernel.revisions import Unit, find_metadata, unit_of, units
from koipond_sdk.testing.conformance.candidates import Candidate, tell_story
from koipond_sdk.testing.making import Factory
from koipond_sdk.testing.shop import running_shop
from koipond_sdk.testing.snapshots import read_all

# Of core, and purged too: what a plugin was told, and was to be told.
_ITS_DELIVERIES = ("delivery", "subscription")
_SQLITE = """SELECT type || ' ' || tbl_name || '.' || name, coalesce(sql, '') FROM sqlite_schema
    WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!'"""
_POSTGRES = """
    SELECT 'column ' || table_name || '.' || column_name,
           data_type || is_nullable || coalesce(column_default, '')
      FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT 'index ' || tablename || '.' || indexname, indexdef
      FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'constraint ' || conrelid::regclass || '.' || conname,
           pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid <> 0
    UNION ALL SELECT 'trigger ' || tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid)
      FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'function ' || proname, prosrc
      FROM pg_proc WHERE pronamespace = 'public'::regnamespace"""


async def find_bad_migrations(candidate: Candidate, blank_url: str) -> list[str]:
    """In a shop that has sold, it is installed step by step, used, purged and installed again."""
    unit = unit_of(candidate.plugin)
    if not unit.folder.is_dir():
        described = find_metadata(candidate.plugin)
        if described is None or not described.tables:
            return []
        return [
            "it has tables and no migrations, so that nobody has its tables. Draft the first: "
            f'koi plugin migration {candidate.name} "first"'
        ]
    needed = [one for one in candidate.alone if one.name != candidate.name]
    database = Database(blank_url)
    try:
        await upgrade(database, units(needed))
        async with running_shop(blank_url, plugins=needed) as shop:
            await tell_story(shop, Factory(shop))
        try:
            broken = await _install(candidate, database, unit)
            # What is left behind would be in its own way.
            broken = broken or await _purge(candidate, database, unit, blank_url)
        except MigrationRefused as error:
            return [str(error)]
    finally:
        await database.close()
    return broken


async def _install(candidate: Candidate, database: Database, unit: Unit) -> list[str]:
    """Run its revisions one by one; each leaves what is core's as it was."""
    kept, rows = await _schema(candidate, database), await _rows(candidate, database)
    broken = []
    for revision in _revisions(unit):
        await move(database, unit, revision)
        after = await _schema(candidate, database)
        changed = sorted(name for name in kept.keys() | after if kept.get(name) != after.get(name))
        broken += [
            f"its revision {revision} changes or leaves {name}, which is not the plugin's. Keep to "
            f"tables that begin with {unit.prefix}_; what core should have, ask for."
            for name in changed
        ]
        if await _rows(candidate, database) != rows:
            broken.append(
                f"its revision {revision} changes rows of core. Fill its own tables only."
            )
        kept = after
    described = find_metadata(candidate.plugin)
    if described is not None:
        broken += [
            f"its tables are not as tables.py says: {change}. What is missing is drafted by: "
            f"koi plugin migration {candidate.name} MESSAGE"
            for change in await find_drift(database, unit, described)
        ]
    return broken


async def _purge(candidate: Candidate, database: Database, unit: Unit, url: str) -> list[str]:
    async with running_shop(url, plugins=candidate.alone) as shop:
        if candidate.story is not None:
            await candidate.story(shop, Factory(shop))
            await shop.work()
    schema, rows = await _schema(candidate, database), await _rows(candidate, database)

    async def also(_: Any) -> None:
        return None

    await purging.purge(database, unit, also=also)
    broken = [
        f"purging it leaves {name} behind. Let its name begin with {unit.prefix}_, or drop it."
        for name in await _own(candidate, database)
    ]
    for name in _ITS_DELIVERIES:
        del rows[name]
    left = await _rows(candidate, database)
    if await _schema(candidate, database) != schema or any(
        left[name] != rows[name] for name in rows
    ):
        broken.append(
            "purging it changes tables or rows of core. A key must point from it to core."
        )
    await move(database, unit, "heads")
    return broken


def _revisions(unit: Unit) -> list[str]:
    """Return its revisions, the first one first."""
    script = ScriptDirectory(str(unit.folder), version_locations=[str(unit.folder / "versions")])
    return [one.revision for one in script.walk_revisions()][::-1]


async def _schema(candidate: Candidate, database: Database) -> dict[str, str]:
    """Return {what: how it is made} of all that is not the plugin's by its name."""
    found = await _all(database)
    return {name: made for name, made in found.items() if not _is_own(candidate, name)}


async def _own(candidate: Candidate, database: Database) -> list[str]:
    return sorted(name for name in await _all(database) if _is_own(candidate, name))


async def _all(database: Database) -> dict[str, str]:
    def look(connection: Connection) -> dict[str, str]:
        rows = connection.execute(text(_SQLITE if database.is_sqlite else _POSTGRES))
        return {str(name): str(made) for name, made in rows}

    async with database.reading() as connection:
        return await connection.run_sync(look)


def _is_own(candidate: Candidate, what: str) -> bool:
    """Tell whether a table, or what belongs to one of its tables, is the plugin's."""
    name = what.partition(" ")[2]
    own = f"{candidate.plugin.manifest.table_prefix}_"
    return name.startswith((own, unit_of(candidate.plugin).version_table))


async def _rows(candidate: Candidate, database: Database) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of all tables but the plugin's."""
    found = await read_all(database)
    return {name: rows for name, rows in found.items() if not _is_own(candidate, f"table {name}")}
