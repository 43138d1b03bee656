"""Use-cases about what plugins go by, and what core keeps of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import structlog

from koipond.channel import service as channels
from koipond.kernel.context import Context, transaction
from koipond.kernel.extensions import PluginSettings
from koipond.kernel.fresh import Fresh
from koipond.plugin import repository, rules
from koipond.plugin.errors import (
    PluginSettingsChanged,
    PluginUnknown,
    RewardKindUnknown,
)
from koipond.plugin.service.switching import check_channel, name_of
from koipond.plugin.types import (
    EVERYWHERE,
    READS_PLUGINS,
    WRITES_PLUGINS,
    KeptSettings,
    LostReward,
    Misfit,
    SeenSettings,
)

if TYPE_CHECKING:
    pass

log = structlog.get_logger("koipond.plugin")

S = TypeVar("S", bound=PluginSettings)


@transaction
async def note_tables(ctx: Context, prefixes: Mapping[str, str]) -> None:
    """Keep what plugins' tables are called: {plugin: prefix}; purging one needs it."""
    for plugin, prefix in (await _unknown_prefixes(ctx, prefixes)).items():
        await repository.save_prefix(ctx.db, plugin, prefix)


async def _unknown_prefixes(ctx: Context, prefixes: Mapping[str, str]) -> dict[str, str]:
    known = await repository.find_prefixes(ctx.db)
    return {name: prefix for name, prefix in prefixes.items() if known.get(name) != prefix}


async def find_prefixes(ctx: Context) -> dict[str, str]:
    """Return {plugin: its table prefix} of all whose tables were ever made here."""
    async with ctx.reading() as db:
        return await repository.find_prefixes(db)


@transaction
async def forget_plugin(ctx: Context, plugin: str, *, keep_state: bool) -> None:
    """Remove what core keeps about a plugin that was purged. keep_state: it stays disabled."""
    await repository.forget(ctx.db, plugin, keep_state=keep_state)


async def settings_of(ctx: Context, kind: type[S]) -> S:
    """Return a plugin's settings as they are in the request's channel, at most 1 s old.

    kind: the class that the plugin returns in register_settings. A value that no longer fits counts
    as not set, and values that no longer go together as none set: both are logged.
    """
    shelf = await _SHELF.find(ctx)
    return shelf.find(ctx.shop.extensions.owner(kind), kind, ctx.channel or EVERYWHERE)


async def see_settings(ctx: Context, plugin: str, channel: str = EVERYWHERE) -> SeenSettings:
    """Return what a plugin goes by in a channel.

    Raises PluginUnknown, ChannelUnknown, ChannelNotHeld.
    """
    channels.check_reach(ctx, READS_PLUGINS, channel)
    return await _see(ctx, plugin, channel)


async def _see(ctx: Context, plugin: str, channel: str) -> SeenSettings:
    kind = await _find_kind(ctx, plugin, channel)
    async with ctx.reading() as db:
        kept = {one.channel: one for one in await repository.find_settings(db, plugin)}
    own = kept.get(channel, _nothing(plugin, channel))
    return SeenSettings(
        plugin=plugin,
        channel=channel,
        values=rules.values(rules.settle(kind, _layers(kept, channel))),
        own=own.document,
        version=own.version,
        fields=rules.fields(kind),
    )


async def set_settings(
    ctx: Context,
    plugin: str,
    document: Mapping[str, Any],
    *,
    channel: str = EVERYWHERE,
    expected_version: int,
) -> SeenSettings:
    """Keep `document` as all that is set for a plugin in a channel, or everywhere.

    What it leaves out comes from what is set everywhere, then from the plugin's defaults.
    expected_version: as it was read, 0 if nothing was set. Raises PluginUnknown, ChannelUnknown,
    PluginSettingUnknown, PluginSettingInvalid, PluginSettingsRefused, RewardKindUnknown,
    PluginSettingsChanged, ChannelNotHeld.
    """
    channels.check_reach(ctx, WRITES_PLUGINS, channel)
    new = KeptSettings(
        plugin=plugin, channel=channel, document=document, version=expected_version + 1
    )
    await _keep(ctx, new)
    _SHELF.forget(ctx.shop)
    return await _see(ctx, plugin, channel)


@transaction
async def _keep(ctx: Context, new: KeptSettings) -> None:
    kind = await _find_kind(ctx, new.plugin, new.channel)
    rules.check_values(new.plugin, kind, new.document)
    kept = {one.channel: one for one in await repository.lock_settings(ctx.db, new.plugin)}
    before = kept.get(new.channel, _nothing(new.plugin, new.channel))
    current = before.version
    kept[new.channel] = new
    # What is set everywhere reaches into every channel that has values of its own.
    for channel in sorted(kept):
        if new.channel in {channel, EVERYWHERE}:
            layers = _layers(kept, channel)
            rules.check_together(new.plugin, kind, channel, layers)
            for reward in rules.settle(kind, layers).rewards():
                _check_reward_kind(ctx, reward, channel)
    if current != new.version - 1 or not await repository.save_settings(
        ctx.db, new, now=ctx.clock.now()
    ):
        raise PluginSettingsChanged(
            plugin=new.plugin,
            channel=new.channel,
            expected_version=new.version - 1,
            current_version=current,
        )
    ctx.audited(
        name_of(new.plugin, new.channel),
        before=before.document,
        after=new.document,
    )


def check_reward_kind(ctx: Context, kind: str) -> None:
    """Raise RewardKindUnknown unless rewards of this kind can be given where this request shops."""
    _check_reward_kind(ctx, kind, ctx.channel or EVERYWHERE)


def _check_reward_kind(ctx: Context, kind: str, channel: str) -> None:
    known = _reward_kinds(ctx, channel)
    if kind not in known:
        raise RewardKindUnknown(kind=kind, known=", ".join(known) or "none")


def _reward_kinds(ctx: Context, channel: str) -> list[str]:
    return ctx.hooks.reward_kinds(ctx.shop.installation.off_in(channel))


async def find_misfits(ctx: Context) -> list[Misfit]:
    """Return what was set for the plugins of this shop and no longer fits."""
    async with ctx.reading() as db:
        kept = await repository.find_settings(db)
    kinds = ctx.shop.extensions.settings
    known = [(one, kinds[one.plugin]) for one in kept if one.plugin in kinds]
    return [
        misfit
        for one, kind in known
        for misfit in rules.misfits(one.plugin, kind, one.channel, one.document)
    ]


async def find_lost_rewards(ctx: Context) -> list[LostReward]:
    """Return the rewards that plugins promise and nobody gives any more."""
    async with ctx.reading() as db:
        found = await repository.find_settings(db)
    lost = []
    for plugin, kind in sorted(ctx.shop.extensions.settings.items()):
        kept = {one.channel: one for one in found if one.plugin == plugin}
        for channel in sorted({EVERYWHERE, *kept}):
            given = _reward_kinds(ctx, channel)
            promised = rules.settle(kind, _layers(kept, channel)).rewards()
            lost += [
                LostReward(plugin=plugin, channel=channel, kind=one)
                for one in promised
                if one not in given
            ]
    return lost


async def _find_kind(ctx: Context, plugin: str, channel: str) -> type[PluginSettings]:
    kinds = ctx.shop.extensions.settings
    if plugin not in kinds:
        raise PluginUnknown(plugin=plugin, known=", ".join(sorted(kinds))).located("plugin")
    await check_channel(ctx, channel)
    return kinds[plugin]


def _nothing(plugin: str, channel: str) -> KeptSettings:
    return KeptSettings(plugin=plugin, channel=channel, document={}, version=0)


def _layers(kept: Mapping[str, KeptSettings], channel: str) -> tuple[Mapping[str, Any], ...]:
    """Return what applies in a channel, what wins last."""
    places = dict.fromkeys((EVERYWHERE, channel))
    return tuple(kept[place].document for place in places if place in kept)


class _Shelf:
    """All settings as one process read them last; there are few, so all are read at once."""

    def __init__(self, found: Sequence[KeptSettings]) -> None:
        self.found = found
        self._kept: dict[str, dict[str, KeptSettings]] = {}
        for one in found:
            self._kept.setdefault(one.plugin, {})[one.channel] = one
        self._made: dict[tuple[str, str], PluginSettings] = {}

    def find(self, plugin: str, kind: type[S], channel: str) -> S:
        """Return a plugin's settings in a channel."""
        made = self._made.get((plugin, channel))
        if made is None:
            made = self._made[plugin, channel] = self._make(plugin, kind, channel)
        return cast(S, made)

    def _make(self, plugin: str, kind: type[S], channel: str) -> S:
        layers = _layers(self._kept.get(plugin, {}), channel)
        for layer in layers:
            for misfit in rules.misfits(plugin, kind, channel, layer):
                log.warning(
                    "a plugin's setting no longer fits",
                    plugin=plugin,
                    setting=misfit.setting,
                    reason=misfit.reason,
                )
        made = rules.settle(kind, layers)
        reason = made.check()
        if reason is None:
            return made
        log.warning("a plugin's settings no longer go together", plugin=plugin, reason=reason)
        return kind()


async def _read_shelf(ctx: Context, last: _Shelf) -> _Shelf:
    async with ctx.reading() as db:
        found = await repository.find_settings(db)
    return last if found == last.found else _Shelf(found)


_SHELF = Fresh(_read_shelf, first=_Shelf([]))
