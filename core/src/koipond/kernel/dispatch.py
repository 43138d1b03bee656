"""Hooks: pluggy checks and keeps implementations, plans fix their order once, and we call them."""

from __future__ import annotations

from collections.abc import Callable
from graphlib import CycleError, TopologicalSorter
from types import ModuleType
from typing import Any, TypeVar

import pluggy
from msgspec import Struct

F = TypeVar("F", bound=Callable[..., Any])

PROJECT = "koipond"
_spec = pluggy.HookspecMarker(PROJECT)
_implementation = pluggy.HookimplMarker(PROJECT)


class HookMistake(Exception):
    """A plugin that cannot be used: names the plugin, the hook, the mistake and the fix."""


class Declared(Struct, frozen=True, kw_only=True):
    """What a spec says of itself."""

    kind: str
    since: str


def contribute(*, since: str) -> Callable[[F], F]:
    """Declare a hook that is called once at start; one that raises refuses the start."""
    return _declare(Declared(kind="contribute", since=since))


def implement(*, before: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> Callable[[F], F]:
    """Mark a plugin's function as the implementation of the hook of its name.

    before, after: names of plugins that this one must precede or follow in this hook.
    """

    def mark(function: F) -> F:
        function.koi_order = (before, after)  # type: ignore[attr-defined]  # read by _plan
        return _implementation(function)

    return mark


class Registry:
    """All implementations of one app, in a fixed order per hook."""

    def __init__(self, specs: ModuleType, plugins: dict[str, ModuleType]) -> None:
        """plugins: {name: the module that holds its implementations}. Raises HookMistake."""
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(specs)
        for name in sorted(plugins):
            try:
                manager.register(plugins[name], name=name)
                manager.check_pending()
            except pluggy.PluginValidationError as error:
                raise HookMistake(
                    f"plugin {name}: {error}. "
                    "The hooks and their arguments stand in koipond/hooks.py."
                ) from error
        self._plans = {
            hook: _plan(hook, getattr(manager.hook, hook).get_hookimpls())
            for hook in vars(manager.hook)
            if not hook.startswith("_")
        }

    def contribute(self, hook: str, plugin: str, **arguments: Any) -> None:
        """Call one plugin's implementation of a hook of kind contribute, if it has one."""
        for implementation in self._plans[hook]:
            if implementation.plugin_name != plugin:
                continue
            try:
                implementation.function(*[arguments[name] for name in implementation.argnames])
            except Exception as error:
                raise HookMistake(f"plugin {plugin}: {hook} raised {error!r}") from error


def _declare(declared: Declared) -> Callable[[F], F]:
    def mark(function: F) -> F:
        function.koi_declared = declared  # type: ignore[attr-defined]  # read by the reference
        return _spec(function)

    return mark


def _plan(hook: str, implementations: list[Any]) -> tuple[Any, ...]:
    """Order by the plugins' own wishes, ties by name; never by the order of installation."""
    by_name = {implementation.plugin_name: implementation for implementation in implementations}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, implementation in sorted(by_name.items()):
        before, after = getattr(implementation.function, "koi_order", ((), ()))
        sorter.add(name, *(other for other in after if other in by_name))
        for other in before:
            if other in by_name:
                sorter.add(other, name)
    try:
        sorter.prepare()
    except CycleError as error:
        raise HookMistake(
            f"{hook}: these plugins want to precede each other: {error.args[1]}"
        ) from error
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return tuple(by_name[name] for name in order)
