"""The implementations of one app, checked against the specs, in a fixed order per hook."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from graphlib import CycleError, TopologicalSorter
from types import ModuleType
from typing import Any, get_type_hints

import msgspec
import pluggy
from msgspec import Struct

from koipond.kernel.dispatch.answers import answers, describe
from koipond.kernel.dispatch.kinds import PROJECT, Declared, Kind, Marked

_WHERE = "The hooks and their arguments stand in koipond/hooks.py"


class HookMistake(Exception):
    """A plugin that cannot be used: names the plugin, the hook, the mistake and the fix."""


class Measure(Struct):
    """What calls of one implementation have cost in this process."""

    calls: int = 0
    failures: int = 0
    seconds: float = 0.0


class Implementation(Struct, frozen=True, kw_only=True):
    """One plugin's function for one hook.

    name: both of them, for people. call: takes all of the spec's arguments, in their order.
    answers: tells whether a value is what the hook returns; expected says so in words.
    """

    plugin: str
    hook: str
    name: str
    declared: Declared
    deadline_s: float
    call: Callable[..., Any]
    answers: Callable[[Any], bool]
    expected: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    key: str
    measure: Measure


class Spec(Struct, frozen=True, kw_only=True):
    """A hook: what is declared of it, its arguments in their order, what it returns."""

    name: str
    declared: Declared
    function: Callable[..., Any]
    arguments: tuple[str, ...]

    @property
    def waits(self) -> bool:
        """Tell whether it is `async def`."""
        return inspect.iscoroutinefunction(self.function)


class Registry:
    """All implementations of one app. plans: {hook: in the order in which they are called}."""

    def __init__(self, specs: ModuleType, plugins: Mapping[str, ModuleType]) -> None:
        """plugins: {name: the module that holds its implementations}. Raises HookMistake."""
        self.plugins = frozenset(plugins)
        self.specs = {spec.name: spec for spec in _find_specs(specs)}
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(specs)
        for name in sorted(plugins):
            _check_plugin(name, plugins[name], self.specs)
            manager.register(plugins[name], name=name)
        manager.check_pending()
        self.plans: Mapping[str, tuple[Implementation, ...]] = {
            name: _plan(spec, getattr(manager.hook, name).get_hookimpls())
            for name, spec in self.specs.items()
        }
        self.keys: Mapping[str, Mapping[str, Implementation]] = {
            name: _by_key(plan)
            for name, plan in self.plans.items()
            if self.specs[name].declared.kind is Kind.BY_KEY
        }

    def measures(self) -> Iterator[tuple[str, str, Measure]]:
        """Yield (plugin, hook, what its calls have cost) of every implementation."""
        for plan in self.plans.values():
            for one in plan:
                yield one.plugin, one.hook, one.measure


def _find_specs(module: ModuleType) -> Iterator[Spec]:
    for name, function in vars(module).items():
        declared = getattr(function, "koi_declared", None)
        if declared is not None:
            arguments = tuple(inspect.signature(function).parameters)
            yield Spec(name=name, declared=declared, function=function, arguments=arguments)


def _check_plugin(plugin: str, module: ModuleType, specs: Mapping[str, Spec]) -> None:
    for name, function in vars(module).items():
        if not inspect.isfunction(function):
            continue
        marked: Marked | None = getattr(function, "koi_marked", None)
        if marked is not None:
            problem = _problem(name, function, marked, specs)
        elif name in specs and function.__module__ == module.__name__:
            problem = "has the name of a hook, and is none. Mark it with @implement()"
        else:
            continue
        if problem:
            raise HookMistake(f"plugin {plugin}: {name} {problem}. {_WHERE}.")


def _problem(
    name: str, function: Callable[..., Any], marked: Marked, specs: Mapping[str, Spec]
) -> str | None:
    """Say what is wrong with one implementation."""
    spec = specs.get(name)
    if spec is None:
        return f"is no hook.{_meant(name, specs)} Rename it, or take the mark away"
    return _argument_problem(function, spec) or _way_problem(function, marked, spec)


def _argument_problem(function: Callable[..., Any], spec: Spec) -> str | None:
    known = ", ".join(spec.arguments) or "none"
    for given in inspect.signature(function).parameters.values():
        if given.kind in {given.VAR_POSITIONAL, given.VAR_KEYWORD}:
            return f"takes {given}: name the arguments that it needs, of {known}"
        if given.name not in spec.arguments:
            meant = _meant(given.name, spec.arguments)
            return f"takes an argument {given.name}, which there is not.{meant} There are: {known}"
    return None


def _way_problem(function: Callable[..., Any], marked: Marked, spec: Spec) -> str | None:
    """Say what is wrong with the way in which it is to be called."""
    if spec.waits and not inspect.iscoroutinefunction(function):
        return "is `def`, and must be `async def`"
    if not spec.waits and inspect.iscoroutinefunction(function):
        return "is `async def`, and must be `def`: it may not wait for anything"
    wants_key = spec.declared.kind is Kind.BY_KEY
    if wants_key and not marked.key:
        return 'is called by key: mark it with @implement(key="…")'
    if marked.key and not wants_key:
        return "is not called by key: leave `key` out"
    return None


def _meant(name: str, known: Mapping[str, Spec] | Sequence[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f" {close[0]} may be meant." if close else ""


def _plan(spec: Spec, found: Sequence[Any]) -> tuple[Implementation, ...]:
    """Order by the plugins' own wishes, ties by name; never by the order of installation."""
    by_name = {one.plugin_name: _implementation(spec, one) for one in found}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, one in sorted(by_name.items()):
        sorter.add(name, *(other for other in one.after if other in by_name))
        for other in one.before:
            if other in by_name:
                sorter.add(other, name)
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise HookMistake(
            f"plugin {error.args[1][0]}: {spec.name} is to be called before itself ({circle}). "
            "Take one `before` or `after` out"
        ) from error
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return tuple(by_name[name] for name in order)


def _implementation(spec: Spec, found: Any) -> Implementation:
    marked: Marked = found.function.koi_marked
    returned = _returned(spec.function)
    return Implementation(
        plugin=found.plugin_name,
        hook=spec.name,
        name=f"plugin {found.plugin_name}: {spec.name}",
        declared=spec.declared,
        deadline_s=spec.declared.deadline_s,
        call=_taking_all(found.function, found.argnames, spec.arguments),
        answers=answers(returned),
        expected=describe(returned),
        measure=Measure(),
        **msgspec.structs.asdict(marked),
    )


@cache
def _returned(function: Callable[..., Any]) -> Any:
    return get_type_hints(function)["return"]


def _taking_all(
    function: Callable[..., Any], takes: Sequence[str], arguments: tuple[str, ...]
) -> Callable[..., Any]:
    """Return `function` as one that takes all of the spec's arguments, in their order."""
    if tuple(takes) == arguments:
        return function
    places = [arguments.index(name) for name in takes]
    return lambda *given: function(*[given[place] for place in places])


def _by_key(plan: Sequence[Implementation]) -> dict[str, Implementation]:
    found: dict[str, Implementation] = {}
    for one in plan:
        other = found.setdefault(one.key, one)
        if other is not one:
            raise HookMistake(
                f"plugin {one.plugin}: {one.hook} answers for the key {one.key!r}, and so does "
                f"{other.plugin}. Disable one of them, or give yours another key."
            )
    return found
