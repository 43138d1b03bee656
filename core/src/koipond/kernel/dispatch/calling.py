"""Calls implementations: what each kind of hook does when one raises, is late or answers nonsense.

A refusal (DomainError) that a plugin raises is its answer and is passed on. Everything else is a
failure of the plugin: logged with its name, counted, and told the caller as PluginFailed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Set
from enum import Enum
from time import perf_counter
from typing import Any

from koipond.kernel.dispatch import guarding, tracing
from koipond.kernel.dispatch.errors import PluginFailed
from koipond.kernel.dispatch.registry import HookMistake, Implementation, Registry
from koipond.kernel.dispatch.tracing import Called
from koipond.kernel.dispatch.watching import Running, begin, end
from koipond.kernel.errors import DomainError
from koipond.kernel.logs import log
from koipond.kernel.troubles import Outdated

_NONE: Set[str] = frozenset()
# {plugin: what its `load` hook returned}; without those that returned None.
Inputs = Mapping[str, Any]


class Loaded(dict[str, Any]):
    """Inputs that also say which plugins are off where the request shops, and are not asked."""

    def __init__(self, off: Set[str]) -> None:
        self.off = off


class Mood(Enum):
    """What a failing plugin does to its caller."""

    # A purchase: it is refused, or it would be sold at a price that is not meant.
    REFUSE = "refuse"
    # A list: it is shown without what this plugin adds.
    SKIP = "skip"


class Dispatcher:
    """Calls the hooks of one app."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._plans = registry.plans

    def has(self, hook: str) -> bool:
        """Tell whether any plugin implements a hook."""
        return bool(self._plans[hook])

    def plugins(self, hook: str) -> list[str]:
        """Return the plugins that implement a hook, in the order in which they are called."""
        return [one.plugin for one in self._plans[hook]]

    def contribute(self, hook: str, plugin: str, *arguments: Any) -> Any:
        """Call one plugin's implementation at start; None if it has none. Raises HookMistake."""
        for one in self._plans[hook]:
            if one.plugin != plugin:
                continue
            running = begin(one)
            try:
                answer = one.call(*arguments)
            except Exception as error:
                what = f"raised {error!r}"
                raise HookMistake(f"plugin {plugin}: {hook} {what}. {_mend(plugin)}") from error
            finally:
                end(running)
            if not one.answers(answer):
                what = f"returned {_nonsense(one, answer)}"
                raise HookMistake(f"plugin {plugin}: {hook} {what}. {_mend(plugin)}")
            return answer
        return None

    async def load(self, hook: str, *arguments: Any, mood: Mood) -> dict[str, Any]:
        """Return {plugin: its inputs} of those plugins that have any, one after the other."""
        off = _off(arguments)
        found: dict[str, Any] = Loaded(off) if off else {}
        task = _current_task()
        for one in self._plans[hook]:
            if off and one.plugin in off:
                continue
            try:
                answer = await self._ask(one, arguments, task)
            except DomainError:
                if mood is Mood.REFUSE:
                    raise
                continue
            if answer is not None:
                found[one.plugin] = answer
        return found

    def calculate(
        self, hook: str, inputs: Inputs, *arguments: Any, mood: Mood
    ) -> list[tuple[str, Any]]:
        """Return [(plugin, answer)] of a calculation, in the plan's order.

        A plugin that loads inputs for it is asked only if it has some.
        """
        found: list[tuple[str, Any]] = []
        off = getattr(inputs, "off", _NONE)
        for one in self._plans[hook]:
            given = inputs.get(one.plugin)
            if one.plugin in off or (given is None and self._loads(one)):
                continue
            try:
                found.append((one.plugin, self._work_out(one, (*arguments, given))))
            except DomainError:
                if mood is Mood.REFUSE:
                    raise
        return found

    def calculate_of(self, hook: str, plugin: str, *arguments: Any) -> Any:
        """Return one plugin's answer to a calculation; None if it does not implement it.

        Raises PluginFailed.
        """
        one = self.implementation(hook, plugin)
        return None if one is None else self._work_out(one, arguments)

    async def validate(self, hook: str, *arguments: Any) -> list[DomainError]:
        """Return every plugin's refusals; all are asked, and one that fails is a refusal."""
        found: list[DomainError] = []
        off = _off(arguments)
        for one in self._plans[hook]:
            if one.plugin in off:
                continue
            try:
                found += await self._ask(one, arguments)
            except DomainError as refusal:
                found.append(refusal)
        return found

    async def take_part(self, hook: str, lend: Callable[[str], Any], *arguments: Any) -> None:
        """Let each plugin write in this transaction. lend: makes the plugin's own context.

        Raises PluginFailed and what plugins refuse by: the transaction is then to be rolled back.
        """
        for one in self._plans[hook]:
            await self.take_part_of(one, lend, *arguments)

    def implementation(self, hook: str, plugin: str) -> Implementation | None:
        """Return one plugin's implementation of a hook, if it has one."""
        return next((one for one in self._plans[hook] if one.plugin == plugin), None)

    def implementations(self, hook: str) -> tuple[Implementation, ...]:
        """Return all implementations of a hook, in the order in which they are called."""
        return self._plans[hook]

    async def take_part_of(
        self, one: Implementation, lend: Callable[[str], Any], *arguments: Any
    ) -> None:
        """Let one plugin write in this transaction; see `take_part`."""
        lent = lend(one.plugin)
        if one.plugin in _off((lent,)):
            return
        token = guarding.inside.set(one.name)
        try:
            await self._ask(one, (lent, *arguments))
        finally:
            guarding.inside.reset(token)

    async def ask_by_key(self, hook: str, key: str, *arguments: Any) -> Any:
        """Call the implementation that declares `key`; there must be one, see `keys`."""
        return await self._ask(self.registry.keys[hook][key], arguments)

    async def ask(self, hook: str, plugin: str, *arguments: Any) -> Any:
        """Ask one plugin; None if it does not implement the hook. Raises PluginFailed."""
        one = self.implementation(hook, plugin)
        return None if one is None else await self._ask(one, arguments)

    async def tell(self, hook: str, plugin: str, *arguments: Any) -> None:
        """Tell one plugin of an event. Raises PluginFailed, to be told again later."""
        one = self.implementation(hook, plugin)
        assert one is not None, f"{plugin} does not hear {hook}"
        await self._ask(one, arguments)

    async def _ask(
        self,
        one: Implementation,
        arguments: tuple[Any, ...],
        task: asyncio.Task[Any] | None = None,
    ) -> Any:
        """Call one implementation that may wait, for as long as its hook gives it."""
        if task is None:
            task = _current_task()
        cancelled = task.cancelling()
        running = begin(one, task)
        try:
            answer = await one.call(*arguments)
        except DomainError as refusal:
            self._note(one, running, refusal.code)
            raise
        except asyncio.CancelledError:
            # Cut by us, and by nobody else.
            if not running.late or task.uncancel() > cancelled:
                raise
            late = TimeoutError(f"it took longer than {one.deadline_s} s")
            raise self._failed(one, running, late) from None
        except Outdated:
            raise  # what core stored before the plugin's first statement
        except Exception as error:
            raise self._failed(one, running, error) from error
        finally:
            end(running)
        if not one.answers(answer):
            raise self._failed(one, running, _mistake(one, answer))
        # As `_note`, here and in `_work_out`, but without a call: nearly all of them end so.
        measure = one.measure
        measure.calls += 1
        measure.seconds += perf_counter() - running.began
        if tracing.calls.get() is not None:
            self._trace(one, running, "ok")
        return answer

    def _work_out(self, one: Implementation, arguments: tuple[Any, ...]) -> Any:
        """Call one implementation that may not wait."""
        token = guarding.inside.set(one.name)
        running = begin(one)
        try:
            answer = one.call(*arguments)
        except DomainError as refusal:
            self._note(one, running, refusal.code)
            raise
        except Exception as error:
            raise self._failed(one, running, error) from error
        finally:
            end(running)
            guarding.inside.reset(token)
        if not one.answers(answer):
            raise self._failed(one, running, _mistake(one, answer))
        measure = one.measure
        measure.calls += 1
        measure.seconds += perf_counter() - running.began
        if tracing.calls.get() is not None:
            self._trace(one, running, "ok")
        return answer

    def _failed(self, one: Implementation, running: Running, error: BaseException) -> PluginFailed:
        """Say in the log what went wrong; return what the caller is told."""
        one.measure.failures += 1
        self._note(one, running, f"failed: {error!r}")
        log.error("a plugin failed", plugin=one.plugin, hook=one.hook, exc_info=error)
        return PluginFailed(plugin=one.plugin, hook=one.hook)

    def _note(self, one: Implementation, running: Running, outcome: str) -> None:
        one.measure.calls += 1
        one.measure.seconds += perf_counter() - running.began
        self._trace(one, running, outcome)

    def _trace(self, one: Implementation, running: Running, outcome: str) -> None:
        made = tracing.calls.get()
        if made is not None:
            spent = perf_counter() - running.began
            made.append(Called(hook=one.hook, plugin=one.plugin, seconds=spent, outcome=outcome))

    def _loads(self, one: Implementation) -> bool:
        loading = one.declared.inputs
        return bool(loading) and self.implementation(loading, one.plugin) is not None


def _current_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None, "hooks are called from a task"
    return task


def _off(arguments: tuple[Any, ...]) -> Set[str]:
    """Return the plugins that are off where a request shops; hooks take its context first."""
    return getattr(arguments[0], "plugins_off", _NONE) if arguments else _NONE


def _mend(plugin: str) -> str:
    return f"Mend it, or run: koi plugin disable {plugin}."


def _mistake(one: Implementation, answer: Any) -> TypeError:
    return TypeError(f"returned {_nonsense(one, answer)}")


def _nonsense(one: Implementation, answer: Any) -> str:
    """Say what was returned in the place of what; its type, for its value may be people's."""
    return f"{type(answer).__name__} where {one.expected} is due"
