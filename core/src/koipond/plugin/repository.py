"""SQL about plugins."""

from datetime import datetime
from typing import Any

from sqlalchemy import inspect, select

from koipond.kernel.db import AsyncConnection, insert
from koipond.plugin.tables import plugin_setting, plugin_state, plugin_tables
from koipond.plugin.types import KeptSettings


async def find_disabled(db: AsyncConnection) -> list[tuple[str, str]]:
    """Return [(plugin, channel)] of what is off; none before core's tables are made."""
    made = await db.run_sync(lambda sync: inspect(sync).has_table(plugin_state.name))
    if not made:
        return []
    rows = await db.execute(select(plugin_state.c.plugin, plugin_state.c.channel))
    return [(row.plugin, row.channel) for row in rows]


async def disable(db: AsyncConnection, plugin: str, channel: str, *, now: datetime) -> bool:
    """Note that a plugin is off; False if it was."""
    row = {"plugin": plugin, "channel": channel, "disabled_at": now}
    made = insert(db, plugin_state).values(row).on_conflict_do_nothing()
    added = await db.execute(made.returning(plugin_state.c.plugin))
    return added.one_or_none() is not None


async def enable(db: AsyncConnection, plugin: str, channel: str) -> bool:
    """Note that a plugin is on; False if it was."""
    gone = await db.execute(
        plugin_state.delete()
        .where(plugin_state.c.plugin == plugin)
        .where(plugin_state.c.channel == channel)
    )
    return gone.rowcount == 1


async def find_prefixes(db: AsyncConnection) -> dict[str, str]:
    """Return {plugin: its table prefix} of all that ever made tables here."""
    made = await db.run_sync(lambda sync: inspect(sync).has_table(plugin_tables.name))
    if not made:
        return {}
    return {row.plugin: row.prefix for row in await db.execute(select(plugin_tables))}


async def save_prefix(db: AsyncConnection, plugin: str, prefix: str) -> None:
    """Note what a plugin's tables are called."""
    row = insert(db, plugin_tables).values(plugin=plugin, prefix=prefix)
    await db.execute(row.on_conflict_do_update(index_elements=["plugin"], set_={"prefix": prefix}))


async def forget(db: AsyncConnection, plugin: str, *, keep_state: bool) -> None:
    """Remove every row about a plugin, or all but those that say that it is disabled."""
    tables = [plugin_setting, plugin_tables, *([] if keep_state else [plugin_state])]
    for table in tables:
        await db.execute(table.delete().where(table.c.plugin == plugin))


async def find_settings(db: AsyncConnection, plugin: str | None = None) -> list[KeptSettings]:
    """Return what was set for one plugin, or for all of them, by channel."""
    wanted = select(plugin_setting).order_by(plugin_setting.c.plugin, plugin_setting.c.channel)
    if plugin is not None:
        wanted = wanted.where(plugin_setting.c.plugin == plugin)
    return [_kept(row) for row in await db.execute(wanted)]


async def lock_settings(db: AsyncConnection, plugin: str) -> list[KeptSettings]:
    """Return what was set for a plugin; the rows stay locked, in the order of their channels."""
    wanted = (
        select(plugin_setting)
        .where(plugin_setting.c.plugin == plugin)
        .order_by(plugin_setting.c.channel)
        .with_for_update(key_share=True)
    )
    return [_kept(row) for row in await db.execute(wanted)]


async def save_settings(db: AsyncConnection, kept: KeptSettings, *, now: datetime) -> bool:
    """Store settings as version `kept.version`; False if another request was there first."""
    values = {"document": dict(kept.document), "version": kept.version, "changed_at": now}
    if kept.version == 1:
        row = {"plugin": kept.plugin, "channel": kept.channel, **values}
        made = insert(db, plugin_setting).values(row).on_conflict_do_nothing()
        added = await db.execute(made.returning(plugin_setting.c.version))
        return added.one_or_none() is not None
    changed = await db.execute(
        plugin_setting.update()
        .where(plugin_setting.c.plugin == kept.plugin, plugin_setting.c.channel == kept.channel)
        .where(plugin_setting.c.version == kept.version - 1)
        .values(values)
    )
    return changed.rowcount == 1


def _kept(row: Any) -> KeptSettings:
    return KeptSettings(
        plugin=row.plugin, channel=row.channel, document=row.document, version=row.version
    )
