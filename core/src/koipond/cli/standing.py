"""How each plugin stands in a shop, and what is done to its tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from koipond.cli.problems import Problem
from koipond.installing import find_states
from koipond.kernel import purging
from koipond.kernel.db import Database
from koipond.kernel.drafting import draft
from koipond.kernel.plugins import Broken, Plugin, survey
from koipond.kernel.purging import Owned
from koipond.kernel.readiness import NotReady, check_ready, check_there, find_waiting
from koipond.kernel.revisions import Unit, find_left, find_metadata, unit_of, units
from koipond.kernel.viewer import GUEST
from koipond.plugin.service import find_prefixes, forget_plugin
from koipond.plugin.types import States

if TYPE_CHECKING:
    from koipond.settings import Settings


class Standing(Struct, frozen=True, kw_only=True):
    """A plugin, and how it is: running, disabled, disabled in …, broken, missing."""

    name: str
    version: str
    state: str
    about: str


async def find_standings(settings: Settings) -> list[Standing]:
    """Return every plugin that is installed or has tables here, by name."""
    states = find_states(settings)
    plugins, broken = survey(disabled=states.everywhere)
    found = [*_installed(plugins, states), *map(_broken, broken)]
    for name in await _left(settings, [one.name for one in found]):
        about = f"its tables are here. Install it, or run: koi plugin purge {name}"
        found.append(Standing(name=name, version="", state="missing", about=about))
    return sorted(found, key=lambda one: one.name)


def _installed(plugins: list[Plugin], states: States) -> Iterator[Standing]:
    for one in plugins:
        channels = sorted(code for code, names in states.in_channels.items() if one.name in names)
        state = f"disabled in {', '.join(channels)}" if channels else "running"
        yield Standing(
            name=one.name,
            version=one.manifest.version,
            state="disabled" if one.name in states.everywhere else state,
            about="  ".join(filter(None, (one.package, one.manifest.summary))),
        )


def _broken(one: Broken) -> Standing:
    state = "broken" if one.required else "broken, left out"
    return Standing(name=one.name, version="", state=state, about=one.reason)


async def _left(settings: Settings, known: list[str]) -> list[str]:
    try:
        check_there(settings.database_url)
    except NotReady:
        return []
    database = _open(settings)
    try:
        return await find_left(database, known)
    finally:
        await database.close()


async def describe(settings: Settings, name: str) -> list[str]:
    """Return what there is to say about one plugin, line by line."""
    standing = next((one for one in await find_standings(settings) if one.name == name), None)
    if standing is None:
        raise Problem(f"There is no plugin {name!r}. `koi plugin list` shows all of them.")
    lines = [f"{name}  {standing.version}".rstrip(), f"state: {standing.state}"]
    states = find_states(settings)
    plugins, _ = survey(disabled=states.everywhere)
    plugin = next((one for one in plugins if one.name == name), None)
    if plugin is None:
        lines.append(standing.about)
    else:
        lines += _manifest_lines(plugin)
    return [*lines, *await _table_lines(settings, name)]


def _manifest_lines(plugin: Plugin) -> Iterator[str]:
    about = plugin.manifest
    yield f"package: {plugin.package}, at {plugin.folder}"
    yield f"made for API: {about.api}"
    for words, names in (
        ("requires", about.requires),
        ("conflicts with", about.conflicts),
        ("queries", about.queries),
        ("mutations", about.mutations),
        ("permissions", about.permissions),
        ("hooks", _hooks(plugin)),
    ):
        if names:
            yield f"{words}: {', '.join(names)}"
    if not about.required:
        yield "the shop starts without it if it is broken"


def _hooks(plugin: Plugin) -> tuple[str, ...]:
    from koipond.app import make_hooks

    measured = make_hooks([plugin]).registry.measures()
    return tuple(sorted(hook for _, hook, _ in measured))


async def _table_lines(settings: Settings, name: str) -> list[str]:
    try:
        check_there(settings.database_url)
    except NotReady:
        return []
    unit, others, database = await _unit(settings, name)
    try:
        owned = await purging.find_owned(database, unit, others=others) if unit.prefix else []
    finally:
        await database.close()
    return [f"table {one.table}: {one.rows:,} rows" for one in owned]


async def purge_tables(
    settings: Settings, name: str, *, export: Path | None, sure: bool
) -> list[Owned]:
    """Drop what a plugin keeps in the database; returns what was dropped.

    Raises Problem if it runs, has no tables here, or nobody said that they are sure.
    """
    from koipond.app import open_shop

    check_there(settings.database_url)
    states = find_states(settings)
    plugins, _ = survey(disabled=states.everywhere)
    installed = any(one.name == name for one in plugins)
    if installed and name not in states.everywhere:
        raise Problem(f"{name} runs. First: koi plugin disable {name}, or uninstall its package.")
    unit, others, database = await _unit(settings, name)
    try:
        if not unit.prefix or name not in await find_left(database, []):
            raise Problem(f"There is no table of a plugin {name!r} here.")
        if not sure:
            raise Problem(_warning(name, await purging.find_owned(database, unit, others=others)))
        async with open_shop(settings, []) as shop, shop.context(viewer=GUEST) as ctx:
            return await purging.purge(
                database,
                unit,
                others=others,
                export=export,
                also=lambda db: forget_plugin(ctx.inside(db), name, keep_state=installed),
            )
    except OSError as error:
        reason = (error.strerror or "the system refuses").lower()
        raise Problem(
            f"{export} cannot be written: {reason}. Nothing was dropped. Name another file."
        ) from error
    finally:
        await database.close()


def _warning(name: str, owned: list[Owned]) -> str:
    rows = ", ".join(f"{one.table} ({one.rows:,} rows)" for one in owned) or "no table with rows"
    return (
        f"This would drop {rows}, for ever. If that is meant: koi plugin purge {name} --yes; "
        f"with --export {name}.ndjson the rows are written down first."
    )


async def draft_revision(settings: Settings, name: str, message: str) -> Path | None:
    """Write the revision that a plugin lacks; None if it lacks none. Raises Problem, NotReady."""
    plugins, _ = survey()
    plugin = next((one for one in plugins if one.name == name), None)
    if plugin is None:
        raise Problem(f"There is no plugin {name!r} that can be imported. See: koi plugin list")
    described = find_metadata(plugin)
    if described is None:
        raise Problem(f"{plugin.package} has no tables.py with a `metadata`: it keeps no tables.")
    check_there(settings.database_url)
    database = _open(settings)
    try:
        await check_ready(database, units([]))
        unit = unit_of(plugin)
        waiting = await find_waiting(database, units([plugin])) if unit.folder.is_dir() else ""
        if waiting:
            raise Problem(f"The database is behind: {waiting}. First: koi migrate")
        return await draft(database, unit, described, message)
    except OSError as error:
        raise Problem(f"{plugin.folder} cannot be written to: {error.strerror}.") from error
    finally:
        await database.close()


async def _unit(settings: Settings, name: str) -> tuple[Unit, list[str], Database]:
    """Return what is known of a plugin's tables, the other plugins' prefixes, and the database."""
    from koipond.app import open_shop

    async with open_shop(settings, []) as shop, shop.context(viewer=GUEST) as ctx:
        await check_ready(shop.database, units([]))
        prefixes = await find_prefixes(ctx)
    prefix = prefixes.pop(name, "")
    unit = Unit(name=name, folder=Path(), prefix=prefix)
    return unit, list(prefixes.values()), _open(settings)


def _open(settings: Settings) -> Database:
    return Database(settings.database_url, pool_size=1, wait_s=settings.database_wait_s)
