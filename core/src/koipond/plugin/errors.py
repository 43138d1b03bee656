"""Refusals about plugins."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error


@domain_error
class PluginUnknown(DomainError):
    """A plugin that this shop does not run."""

    code: ClassVar[str] = "PLUGIN_UNKNOWN"
    plugin: str
    known: str

    def __str__(self) -> str:
        return f"There is no plugin {self.plugin[:40]!r} here. There are: {self.known or 'none'}."


@domain_error
class PluginObligated(DomainError):
    """A plugin that owes something to somebody, and so must not be turned off now."""

    code: ClassVar[str] = "PLUGIN_OBLIGATED"
    plugin: str
    reasons: str

    def __str__(self) -> str:
        return f"{self.plugin} must not be disabled now: {self.reasons}."


@domain_error
class PluginNeeded(DomainError):
    """A plugin that others stand on."""

    code: ClassVar[str] = "PLUGIN_NEEDED"
    plugin: str
    needed_by: str

    def __str__(self) -> str:
        return (
            f"{self.plugin} must not be disabled: {self.needed_by} requires it. Disable that first."
        )


@domain_error
class PluginSettingUnknown(DomainError):
    """A setting that a plugin does not have."""

    code: ClassVar[str] = "PLUGIN_SETTING_UNKNOWN"
    plugin: str
    setting: str
    known: str

    def __str__(self) -> str:
        return (
            f"{self.plugin} has no setting {self.setting[:60]!r}. "
            f"It has: {self.known or 'none at all'}."
        )


@domain_error
class PluginSettingInvalid(DomainError):
    """A value that a plugin's setting cannot have."""

    code: ClassVar[str] = "PLUGIN_SETTING_INVALID"
    plugin: str
    setting: str
    # In words: a type, and its range.
    expects: str
    given: str

    def __str__(self) -> str:
        return f"{self.plugin}.{self.setting} must be {self.expects}, and is {self.given}."


@domain_error
class PluginSettingsRefused(DomainError):
    """Values each of which could be, and which do not go together."""

    code: ClassVar[str] = "PLUGIN_SETTINGS_REFUSED"
    plugin: str
    # Empty: everywhere.
    channel: str
    reason: str

    def __str__(self) -> str:
        where = f" in channel {self.channel}" if self.channel else ""
        return f"{self.plugin} cannot be set so{where}: {self.reason.rstrip('.')}."


@domain_error
class PluginSettingsChanged(DomainError):
    """Settings that somebody else has changed since they were read."""

    code: ClassVar[str] = "PLUGIN_SETTINGS_CHANGED"
    plugin: str
    # Empty: everywhere.
    channel: str
    expected_version: int
    current_version: int

    def __str__(self) -> str:
        return (
            f"The settings of {self.plugin} are at version {self.current_version}, not at "
            f"{self.expected_version}: somebody changed them meanwhile. Read them again, and send "
            f"expectedVersion {self.current_version} if you still want this."
        )


@domain_error
class RewardKindUnknown(DomainError):
    """A kind of reward that no plugin of this shop gives."""

    code: ClassVar[str] = "REWARD_KIND_UNKNOWN"
    kind: str
    known: str

    def __str__(self) -> str:
        return (
            f"Rewards of the kind {self.kind[:40]!r} cannot be given; there are: {self.known}. "
            "Take another kind, or install a plugin that gives them."
        )


@domain_error
class PluginNotTried(DomainError):
    """A plugin that does not run, so that nobody knows whether the shop starts with it."""

    code: ClassVar[str] = "PLUGIN_NOT_TRIED"
    plugin: str

    def __str__(self) -> str:
        return (
            f"{self.plugin} is off everywhere and not even imported: only the console can try "
            f"whether the shop starts with it: `koi plugin enable {self.plugin}`, run there, does."
        )
