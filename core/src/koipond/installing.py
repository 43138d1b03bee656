"""Which plugins a shop runs: those that are installed and that nobody has disabled."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from koipond import hooks as specs
from koipond.calling import Hooks
from koipond.extending import gather
from koipond.graphql.assembly import build_schemas
from koipond.kernel.context import Shop
from koipond.kernel.db import Database, metadata
from koipond.kernel.dispatch import HookMistake, Registry
from koipond.kernel.logs import log
from koipond.kernel.plugins import Installation, Plugin, PluginBroken, discover
from koipond.kernel.readiness import NotReady, answering, check_there
from koipond.kernel.revisions import find_left
from koipond.kernel.schema import SchemaConflict
from koipond.plugin.service import read_states
from koipond.plugin.types import States
from koipond.settings import Settings


def install(
    settings: Settings, plugins: Sequence[Plugin] | None = None, *, states: States | None = None
) -> Installation:
    """Return the plugins of a shop, as its database says which of them are disabled.

    plugins: None means all that are installed. states: if they were read already.
    What staff change later holds from the next start. Raises PluginBroken, NotReady.
    """
    if plugins is not None and not plugins:
        return Installation()
    states = states or find_states(settings)
    known = discover(disabled=states.everywhere) if plugins is None else plugins
    check_prefixes(known)
    running = [
        one
        for one in known
        if one.hooks and one.name not in states.everywhere and (one.manifest.required or _runs(one))
    ]
    packages = {one.name: one.package for one in running}
    off = {
        channel: {packages[name]: name for name in names if name in packages}
        for channel, names in states.in_channels.items()
    }
    return Installation(plugins=tuple(known), running=tuple(running), off=off)


def _runs(plugin: Plugin) -> bool:
    """Tell whether a plugin that need not run could start by itself; warn if it cannot."""
    try:
        hooks = Hooks(Registry(specs, {plugin.name: plugin.hooks} if plugin.hooks else {}))
        gather([plugin], hooks, core_jobs={})
        build_schemas([plugin], hooks)
    except (HookMistake, SchemaConflict) as error:
        log.warning("a plugin is left out", plugin=plugin.name, reason=str(error))
        return False
    return True


def check_prefixes(plugins: Sequence[Plugin]) -> None:
    """Raise PluginBroken for a plugin whose tables could be taken for core's."""
    for plugin in plugins:
        prefix = f"{plugin.manifest.table_prefix}_"
        taken = [table for table in sorted(metadata.tables) if table.startswith(prefix)]
        if taken:
            raise PluginBroken(
                f"plugin {plugin.name}: has the table_prefix {prefix[:-1]}, which core's table "
                f"{taken[0]} begins with. Give it another one in plugin.toml and its tables."
            )


def find_states(settings: Settings) -> States:
    """Ask the database which plugins are disabled; none if there is no database yet.

    Waits for it on a thread of its own: an app is wired by code that cannot wait, some of it inside
    an event loop. Raises NotReady.
    """
    try:
        check_there(settings.database_url)
    except NotReady:
        return States()
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _ask_states(settings)).result()


async def _ask_states(settings: Settings) -> States:
    database = Database(
        settings.database_url,
        pool_size=1,
        wait_s=settings.database_wait_s,
        answer_s=settings.database_answer_s,
    )
    try:
        async with answering(database):
            return await read_states(database)
    finally:
        await database.close()


async def warn_of_tables(shop: Shop) -> None:
    """Say whose tables are here without the plugin: nobody keeps them up to date."""
    for name in await find_left(shop.database, [one.name for one in shop.installation.plugins]):
        log.warning(
            "tables of a plugin that does not run",
            plugin=name,
            fix=f"install koipond-{name} again, or run: koi plugin purge {name}",
        )
