"""Every hook that a plugin may implement, in the order of a purchase: the contract on one page.

A spec is grown only together with a plugin that needs it. How they are called and what happens when
one raises is decided by their kind; see kernel/dispatch/kinds.py.
"""

from __future__ import annotations

from koipond.kernel.dispatch import Dispatcher, Registry, contribute
from koipond.kernel.schema import Api


@contribute(since="0.1")
def register_graphql(api: Api) -> None:
    """Add fields, queries and mutations to the schemas. Called once, at start.

    Every field added to a core type must be nullable; every root field says who may use it.
    Raising refuses the start, naming the plugin.
    """


class Hooks:
    """The specs above as methods, over a frozen registry of implementations."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._call = Dispatcher(registry)

    def register_graphql(self, plugin: str, api: Api) -> None:
        """Let one plugin add to the schemas; each gets an Api that carries its name."""
        self._call.contribute("register_graphql", plugin, api)
