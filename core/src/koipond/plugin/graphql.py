"""Plugins in the staff's schema."""

from typing import Any

import strawberry
from strawberry.scalars import JSON

from koipond.kernel.schema import (
    Api,
    Info,
    Mutation,
    Query,
    UserError,
    mutation,
    needs,
    query,
)
from koipond.plugin import service, types
from koipond.plugin.errors import PluginSettingsRefused


@strawberry.type(description="One field of a plugin's settings.")
class PluginSetting:
    name: str
    expects: str = strawberry.field(description="Its type and range, in words")
    default: JSON | None = strawberry.field(description="What holds where nothing is set")


@strawberry.type(description="What a plugin goes by, in one channel or in all.")
class PluginSettings:
    plugin: str
    channel: str | None = strawberry.field(description="null: where a channel has no own value")
    values: JSON = strawberry.field(description="What holds there: every field with its value")
    own: JSON = strawberry.field(description="Only what was set right there")
    version: int = strawberry.field(description="What expectedVersion is to be; 0: nothing was set")
    fields: list[PluginSetting]

    @classmethod
    def of(cls, seen: types.SeenSettings) -> "PluginSettings":
        """Wrap what a plugin goes by."""
        return cls(
            plugin=seen.plugin,
            channel=seen.channel or None,
            values=JSON(dict(seen.values)),
            own=JSON(dict(seen.own)),
            version=seen.version,
            fields=[
                PluginSetting(name=one.name, expects=one.expects, default=one.default)
                for one in seen.fields
            ],
        )


@strawberry.input
class SetPluginSettingsInput:
    plugin: str
    channel: str | None = strawberry.field(
        default=None, description="A channel's code; null: wherever a channel has no own value"
    )
    values: JSON = strawberry.field(
        description="An object: all that is to be set there. What it leaves out is set no more"
    )
    expected_version: int = strawberry.field(description="As it was read")


@strawberry.type
class SetPluginSettingsPayload:
    settings: PluginSettings | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type(description="Whether a plugin is on.")
class PluginStanding:
    enabled: bool
    disabled_in: list[str] = strawberry.field(
        description="Codes of channels in which it is off all the same"
    )

    @classmethod
    def of(cls, found: types.PluginStanding) -> "PluginStanding":
        """Wrap whether it is on."""
        return cls(enabled=found.is_enabled, disabled_in=list(found.disabled_in))


@strawberry.type(description="A plugin that is installed.")
class InstalledPlugin:
    name: str
    version: str
    summary: str
    requires: list[str] = strawberry.field(description="Other plugins")
    permissions: list[str] = strawberry.field(description="The rights that its fields ask for")
    hooks: list[str] = strawberry.field(description="That it implements; none while it is off")
    has_settings: bool = strawberry.field(description="Whether `pluginSettings` tells of it")
    now: PluginStanding = strawberry.field(description="As it runs")
    from_next_start: PluginStanding = strawberry.field(
        description="As it will be once the shop's processes are started again"
    )

    @classmethod
    def of(cls, found: types.InstalledPlugin) -> "InstalledPlugin":
        """Wrap a plugin."""
        return cls(
            name=found.name,
            version=found.version,
            summary=found.summary,
            requires=list(found.requires),
            permissions=list(found.permissions),
            hooks=list(found.hooks),
            has_settings=found.has_settings,
            now=PluginStanding.of(found.now),
            from_next_start=PluginStanding.of(found.later),
        )


@strawberry.input
class SwitchPluginInput:
    plugin: str
    channel: str | None = strawberry.field(
        default=None, description="A channel's code; null: everywhere"
    )


@strawberry.type
class DisablePluginPayload:
    plugin: InstalledPlugin | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class EnablePluginPayload:
    plugin: InstalledPlugin | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class PluginQueries:
    @query(needs(types.READS_PLUGINS))
    async def plugins(self, info: Info) -> list[InstalledPlugin]:
        """The plugins that are installed, by name."""
        return [InstalledPlugin.of(one) for one in await service.find_installed(info.context)]

    @query(needs(types.READS_PLUGINS, by_channel=True))
    async def plugin_settings(
        self, info: Info, plugin: str, channel: str | None = None
    ) -> PluginSettings:
        """What a plugin goes by; PluginUnknown lists those that have settings."""
        seen = await service.see_settings(info.context, plugin, channel or types.EVERYWHERE)
        return PluginSettings.of(seen)


@strawberry.type
class PluginMutations:
    @mutation(needs(types.WRITES_PLUGINS, by_channel=True))
    async def disable_plugin(self, info: Info, input: SwitchPluginInput) -> DisablePluginPayload:
        """Turn a plugin off, from the next start on; refused while it owes something."""
        channel = input.channel or types.EVERYWHERE
        done = await service.turn_off(info.context, input.plugin, channel)
        return DisablePluginPayload(plugin=InstalledPlugin.of(done))

    @mutation(needs(types.WRITES_PLUGINS, by_channel=True))
    async def enable_plugin(self, info: Info, input: SwitchPluginInput) -> EnablePluginPayload:
        """Turn a plugin on again that runs here; one that does not, the console tries first."""
        channel = input.channel or types.EVERYWHERE
        done = await service.turn_on(info.context, input.plugin, channel)
        return EnablePluginPayload(plugin=InstalledPlugin.of(done))

    @mutation(needs(types.WRITES_PLUGINS, by_channel=True))
    async def set_plugin_settings(
        self, info: Info, input: SetPluginSettingsInput
    ) -> SetPluginSettingsPayload:
        """Set what a plugin goes by; every process follows within a second."""
        seen = await service.set_settings(
            info.context,
            input.plugin,
            _object(input),
            channel=input.channel or types.EVERYWHERE,
            expected_version=input.expected_version,
        )
        return SetPluginSettingsPayload(settings=PluginSettings.of(seen))


def _object(input: SetPluginSettingsInput) -> dict[str, Any]:
    given: Any = input.values
    if not isinstance(given, dict):
        raise PluginSettingsRefused(
            plugin=input.plugin,
            channel=input.channel or types.EVERYWHERE,
            reason="values must be an object such as {limit: 3}",
        ).located("values")
    return given


def register(api: Api) -> None:
    """Add plugins and their settings to the staff's schema."""
    api.admin(Query, PluginQueries)
    api.admin(Mutation, PluginMutations)
