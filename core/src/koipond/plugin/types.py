"""Plugins of a shop, seen from outside."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct

# Kept in the place of a channel's code by what is for every channel.
READS_PLUGINS = "plugin.read"
WRITES_PLUGINS = "plugin.write"
EVERYWHERE = ""


class States(Struct, frozen=True, kw_only=True):
    """Which plugins are off. in_channels: {channel: plugins}, of those that run elsewhere."""

    everywhere: frozenset[str] = frozenset()
    in_channels: Mapping[str, frozenset[str]] = MappingProxyType({})


class SettingField(Struct, frozen=True, kw_only=True):
    """One field of a plugin's settings. expects: its type and range, in words."""

    name: str
    expects: str
    default: Any


class KeptSettings(Struct, frozen=True, kw_only=True):
    """What was set for one plugin in one channel, or everywhere. version: 0 if nothing was."""

    plugin: str
    channel: str = EVERYWHERE
    document: Mapping[str, Any]
    version: int


class SeenSettings(Struct, frozen=True, kw_only=True):
    """What a plugin goes by in a channel, and how it came to be. own: what was set right there."""

    plugin: str
    channel: str
    values: Mapping[str, Any]
    own: Mapping[str, Any]
    version: int
    fields: tuple[SettingField, ...]


class Misfit(Struct, frozen=True, kw_only=True):
    """A value that was set once and does not fit the plugin's settings any more."""

    plugin: str
    channel: str
    setting: str
    reason: str


class LostReward(Struct, frozen=True, kw_only=True):
    """A kind of reward that a plugin promises in a channel, and that nobody gives there."""

    plugin: str
    channel: str
    kind: str


class PluginStanding(Struct, frozen=True, kw_only=True):
    """Whether a plugin is on, and the channels in which it is off all the same."""

    is_enabled: bool
    disabled_in: tuple[str, ...] = ()


class InstalledPlugin(Struct, frozen=True, kw_only=True):
    """A plugin that is installed. hooks: of those that run. now: as this process runs it.

    later: as it will be from the next start on, see decision 0010.
    """

    name: str
    version: str
    summary: str
    requires: tuple[str, ...]
    permissions: tuple[str, ...]
    hooks: tuple[str, ...]
    has_settings: bool
    now: PluginStanding
    later: PluginStanding
