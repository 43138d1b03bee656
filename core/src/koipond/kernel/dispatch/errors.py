"""What a caller is told when a plugin fails."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error


@domain_error
class PluginFailed(DomainError):
    """A plugin that could not do its part of what was asked for, so that nothing was done."""

    code: ClassVar[str] = "PLUGIN_ERROR"
    plugin: str
    hook: str

    def __str__(self) -> str:
        return (
            f"The part {self.plugin} of this shop could not do its work ({self.hook}), so nothing "
            "was changed. Try again; if it stays so, tell the shop."
        )
