"""Every hook that a plugin may implement, in the order of a purchase: the contract on one page.

A spec is grown only together with a plugin that needs it. How they are called and what happens when
one raises is decided by their kind; see kernel/dispatch/kinds.py.
"""

from __future__ import annotations

from koipond.kernel.context import Context
from koipond.kernel.dispatch import Dispatcher, Registry, contribute, load
from koipond.kernel.extensions import Invariant, Permission, PluginJob, PluginSettings
from koipond.kernel.schema import Api

# At start.


@contribute(since="0.1")
def register_graphql(api: Api) -> None:
    """Add fields, queries and mutations to the schemas. Called once, at start.

    Every field added to a core type must be nullable; every root field says who may use it.
    Raising refuses the start, naming the plugin.
    """


@contribute(since="0.1")
def register_permissions() -> list[Permission]:
    """Return the rights that this plugin's fields ask for. Called once, at start.

    Each name begins with the plugin's name and a dot, and stands in plugin.toml as well, where it
    can be read without running the plugin. A field that asks for a right that neither core nor its
    own plugin has refuses the start.
    """
    return []


@contribute(since="0.1")
def register_settings() -> type[PluginSettings]:
    """Return the class of what staff may set for this plugin. Called once, at start.

    Every field has a default; a range stands in its type. Staff set values for all channels or for
    one, by the admin schema; `await settings_of(ctx, ThatClass)` reads them.
    """
    return PluginSettings


@contribute(since="0.1")
def register_jobs() -> list[PluginJob]:
    """Return the kinds of jobs that this plugin enqueues, and those that recur. Called at start.

    A kind is known by the name of its class in the whole shop, so the class carries the plugin's
    name; two of one name refuse the start. While the plugin is off its jobs wait.
    """
    return []


@contribute(since="0.1")
def register_invariants() -> list[Invariant]:
    """Return what must always hold of this plugin's rows. Called once, at start.

    Tests and `koi doctor --audit` run the audits, all of them looking at one moment.
    """
    return []


@load(since="0.1", deadline_s=5.0)
async def disable_blockers(ctx: Context) -> list[str]:
    """Return why this plugin must not be disabled now, each reason with its way out.

    Such as teams that are open and paid for. Called by `koi plugin disable`, outside of any
    transaction; one reason refuses it, and so does raising.
    """
    return []


class Hooks:
    """The specs above as methods, over a frozen registry of implementations."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._call = Dispatcher(registry)

    def register_graphql(self, plugin: str, api: Api) -> None:
        """Let one plugin add to the schemas; each gets an Api that carries its name."""
        self._call.contribute("register_graphql", plugin, api)

    def register_permissions(self, plugin: str) -> list[Permission]:
        """Return one plugin's rights."""
        found: list[Permission] | None = self._call.contribute("register_permissions", plugin)
        return found or []

    def register_settings(self, plugin: str) -> type[PluginSettings] | None:
        """Return the class of one plugin's settings, or None if it has none."""
        found: type[PluginSettings] | None = self._call.contribute("register_settings", plugin)
        return found

    def register_jobs(self, plugin: str) -> list[PluginJob]:
        """Return one plugin's kinds of jobs."""
        found: list[PluginJob] | None = self._call.contribute("register_jobs", plugin)
        return found or []

    def register_invariants(self, plugin: str) -> list[Invariant]:
        """Return what must hold of one plugin's rows."""
        found: list[Invariant] | None = self._call.contribute("register_invariants", plugin)
        return found or []

    async def disable_blockers(self, plugin: str, ctx: Context) -> list[str]:
        """Return why one plugin must not be disabled now. Raises PluginFailed."""
        found: list[str] | None = await self._call.ask("disable_blockers", plugin, ctx)
        return found or []
