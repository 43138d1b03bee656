"""Use-cases about which plugins there are, and which of them are on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from koipond.channel import service as channels
from koipond.channel.errors import ChannelUnknown
from koipond.kernel.context import Context, transaction
from koipond.plugin import repository, rules
from koipond.plugin.errors import (
    PluginNeeded,
    PluginNotTried,
    PluginObligated,
    PluginUnknown,
)
from koipond.plugin.types import (
    EVERYWHERE,
    WRITES_PLUGINS,
    InstalledPlugin,
    PluginStanding,
    States,
)

if TYPE_CHECKING:
    from koipond.kernel.db import Database
    from koipond.kernel.plugins import Plugin


async def read_states(database: Database) -> States:
    """Return which plugins are disabled; none in a database without tables."""
    async with database.reading() as db:
        found = await repository.find_disabled(db)
    return rules.group(found)


async def disable(ctx: Context, plugin: str, channel: str = EVERYWHERE) -> bool:
    """Turn a plugin off, in one channel or everywhere, from the next start on; False if it was off.

    Its tables and what was set for it stay; its jobs and deliveries wait.
    Raises PluginNeeded, PluginObligated, PluginFailed, ChannelUnknown.
    """
    await check_channel(ctx, channel)
    needed_by = [] if channel else ctx.shop.installation.needing(plugin)
    if needed_by:
        raise PluginNeeded(plugin=plugin, needed_by=", ".join(needed_by))
    at = ctx
    if channel:
        at = ctx.at(await channels.choose_scope(ctx, code=channel))
    reasons = await ctx.hooks.disable_blockers(plugin, at)
    if reasons:
        raise PluginObligated(
            plugin=plugin, reasons="; ".join(reason.rstrip(".") for reason in reasons)
        )
    return await _store_disabled(ctx, plugin, channel)


@transaction
async def _store_disabled(ctx: Context, plugin: str, channel: str) -> bool:
    done = await repository.disable(ctx.db, plugin, channel, now=ctx.clock.now())
    _note_switched(ctx, plugin, channel, was_enabled=done, is_enabled=False)
    return done


@transaction
async def enable(ctx: Context, plugin: str, channel: str = EVERYWHERE) -> bool:
    """Turn a plugin on again, from the next start on; False if it was on. Raises ChannelUnknown."""
    await check_channel(ctx, channel)
    done = await repository.enable(ctx.db, plugin, channel)
    _note_switched(ctx, plugin, channel, was_enabled=not done, is_enabled=True)
    return done


def _note_switched(
    ctx: Context, plugin: str, channel: str, *, was_enabled: bool, is_enabled: bool
) -> None:
    ctx.audited(
        name_of(plugin, channel),
        before={"is_enabled": was_enabled},
        after={"is_enabled": is_enabled},
    )


def name_of(plugin: str, channel: str) -> str:
    """Return what the audit calls a plugin, in a channel or everywhere."""
    return f"plugin {plugin}{' in ' + channel if channel else ''}"


async def find_installed(ctx: Context) -> list[InstalledPlugin]:
    """Return the plugins that are installed, by name."""
    async with ctx.reading() as db:
        later = rules.group(await repository.find_disabled(db))
    hooks: dict[str, list[str]] = defaultdict(list)
    for plugin, hook, _ in ctx.hooks.registry.measures():
        hooks[plugin].append(hook)
    found = sorted(ctx.shop.installation.plugins, key=lambda one: one.name)
    return [_see(ctx, one, sorted(hooks[one.name]), later) for one in found]


def _see(ctx: Context, plugin: Plugin, hooks: Sequence[str], later: States) -> InstalledPlugin:
    about, installation = plugin.manifest, ctx.shop.installation
    is_running = any(one.name == plugin.name for one in installation.running)
    off = [code for code, found in installation.off.items() if plugin.name in found.values()]
    off_later = [code for code, found in later.in_channels.items() if plugin.name in found]
    return InstalledPlugin(
        name=plugin.name,
        version=about.version,
        summary=about.summary,
        requires=about.requires,
        permissions=about.permissions,
        hooks=tuple(hooks),
        has_settings=plugin.name in ctx.shop.extensions.settings,
        now=PluginStanding(is_enabled=is_running, disabled_in=tuple(sorted(off))),
        later=PluginStanding(
            is_enabled=plugin.name not in later.everywhere, disabled_in=tuple(sorted(off_later))
        ),
    )


async def turn_off(ctx: Context, plugin: str, channel: str = EVERYWHERE) -> InstalledPlugin:
    """Do what `disable` does, as staff, for a plugin that is installed; again, it changes nothing.

    Raises PluginUnknown, ChannelNotHeld, and what `disable` does.
    """
    await _check_installed(ctx, plugin)
    channels.check_reach(ctx, WRITES_PLUGINS, channel)
    await disable(ctx, plugin, channel)
    return await _find(ctx, plugin)


async def turn_on(ctx: Context, plugin: str, channel: str = EVERYWHERE) -> InstalledPlugin:
    """Do what `enable` does, as staff, for a plugin that runs, or is off in some channels alone.

    Raises PluginUnknown, ChannelNotHeld, PluginNotTried, ChannelUnknown.
    """
    await _check_installed(ctx, plugin)
    channels.check_reach(ctx, WRITES_PLUGINS, channel)
    running = {one.name for one in ctx.shop.installation.running}
    if not channel and plugin not in running:
        raise PluginNotTried(plugin=plugin)
    await enable(ctx, plugin, channel)
    return await _find(ctx, plugin)


async def _check_installed(ctx: Context, plugin: str) -> None:
    known = sorted(one.name for one in ctx.shop.installation.plugins)
    if plugin not in known:
        raise PluginUnknown(plugin=plugin, known=", ".join(known)).located("plugin")


async def _find(ctx: Context, plugin: str) -> InstalledPlugin:
    return next(one for one in await find_installed(ctx) if one.name == plugin)


async def check_channel(ctx: Context, channel: str) -> None:
    """Raise ChannelUnknown unless a channel is one, or EVERYWHERE."""
    if channel != EVERYWHERE:
        codes = [one.code for one in await channels.find_channels(ctx)]
        if channel not in codes:
            raise ChannelUnknown(channel=channel, known=", ".join(codes)).located("channel")
