"""What a spec says of itself, and how a plugin marks its implementation."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, ParamSpec, TypeVar, overload

import pluggy
from msgspec import Struct

from koipond.kernel.events import Event

F = TypeVar("F", bound=Callable[..., Any])
P = ParamSpec("P")
R = TypeVar("R")

PROJECT = "koipond"
_spec = pluggy.HookspecMarker(PROJECT)
_implementation = pluggy.HookimplMarker(PROJECT)

# What one implementation may take; a plugin that needs longer does it in a job.
_LOAD_S = 1.0
_VALIDATE_S = 1.0
_TAKE_PART_S = 3.0
_BY_KEY_S = 3.0
_EVENT_S = 5.0
# No deadline can be kept for code that never waits: past this it is named in the log.
CALCULATE_S = 0.5


class Kind(StrEnum):
    """How a hook is called, and what happens when an implementation raises."""

    # At start; refuses the start.
    CONTRIBUTE = "contribute"
    # Reads what a calculation needs; at checkout refuses, in a list is left out.
    LOAD = "load"
    # Pure; as `load`.
    CALCULATE = "calculate"
    # All of them are asked; one that raises counts as a refusal.
    VALIDATE = "validate"
    # Writes in core's transaction; rolls back what the caller asked for.
    TAKE_PART = "take_part"
    # After the commit, again until it is done.
    EVENT = "event"
    # The one implementation that declares the key; as its caller.
    BY_KEY = "by_key"


class Declared(Struct, frozen=True, kw_only=True):
    """What a spec says of itself. deadline_s: what one implementation may take.

    inputs: the hook that loads what this calculation is given as its last argument.
    hears: the event that this hook is called for.
    """

    kind: Kind
    since: str
    deadline_s: float
    inputs: str = ""
    hears: type[Event] | None = None


class Marked(Struct, frozen=True, kw_only=True):
    """What an implementation says of itself; see `implement`."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    key: str = ""


def contribute(*, since: str) -> Callable[[F], F]:
    """Declare a hook that is called once at start; one that raises refuses the start."""
    return _declared(Declared(kind=Kind.CONTRIBUTE, since=since, deadline_s=CALCULATE_S))


def load(*, since: str, deadline_s: float = _LOAD_S) -> Callable[[F], F]:
    """Declare a hook that reads, outside of transactions, what a calculation will need."""
    return _declared(Declared(kind=Kind.LOAD, since=since, deadline_s=deadline_s))


def calculate(*, since: str, inputs: str) -> Callable[[F], F]:
    """Declare a pure hook: no waiting, no clock, no I/O.

    inputs: the `load` hook whose result each plugin is given as the last argument, which is called
    `inputs`. A plugin whose load returned None is not asked; one that loads nothing is given None.
    """
    return _declared(
        Declared(kind=Kind.CALCULATE, since=since, deadline_s=CALCULATE_S, inputs=inputs)
    )


def validate(*, since: str, deadline_s: float = _VALIDATE_S) -> Callable[[F], F]:
    """Declare a hook that may refuse what a caller asks for; it returns refusals, none is well."""
    return _declared(Declared(kind=Kind.VALIDATE, since=since, deadline_s=deadline_s))


def take_part(*, since: str, deadline_s: float = _TAKE_PART_S) -> Callable[[F], F]:
    """Declare a hook that writes to its plugin's own tables in core's transaction."""
    return _declared(Declared(kind=Kind.TAKE_PART, since=since, deadline_s=deadline_s))


def event(hears: type[Event], *, since: str, deadline_s: float = _EVENT_S) -> Callable[[F], F]:
    """Declare a hook that is told of an event after its commit, in a transaction of its own."""
    return _declared(Declared(kind=Kind.EVENT, since=since, deadline_s=deadline_s, hears=hears))


def by_key(*, since: str, deadline_s: float = _BY_KEY_S) -> Callable[[F], F]:
    """Declare a hook of which one implementation is called: the one that declares the key."""
    return _declared(Declared(kind=Kind.BY_KEY, since=since, deadline_s=deadline_s))


@overload
def implement(
    spec: Callable[P, R],
    /,
    *,
    before: tuple[str, ...] = (),
    after: tuple[str, ...] = (),
    key: str = "",
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


@overload
def implement(
    *, before: tuple[str, ...] = (), after: tuple[str, ...] = (), key: str = ""
) -> Callable[[F], F]: ...


def implement(
    spec: Callable[..., Any] | None = None,
    /,
    *,
    before: tuple[str, ...] = (),
    after: tuple[str, ...] = (),
    key: str = "",
) -> Callable[[F], F]:
    """Mark a plugin's function as the implementation of the hook of its name.

    spec: the hook itself, such as `specs.order_confirmed`: type checkers and editors then hold the
    function to all of its arguments and to what it returns. Without, it takes those arguments that
    it needs, by their names, and is looked at when the shop starts.
    before, after: names of plugins that this one must precede or follow in this hook.
    key: what it answers for, for hooks that are called by key.
    Raises ValueError for a function that is not called as its hook.
    """

    def mark(function: F) -> F:
        if spec is not None and spec.__name__ != function.__name__:
            raise ValueError(
                f"{function.__name__} is marked as an implementation of {spec.__name__}, and hooks "
                f"go by their names. Call it {spec.__name__}."
            )
        marked = Marked(before=before, after=after, key=key)
        function.koi_marked = marked  # type: ignore[attr-defined]  # read by the registry
        return _implementation(function)

    return mark


def _declared(declared: Declared) -> Callable[[F], F]:
    def mark(function: F) -> F:
        function.koi_declared = declared  # type: ignore[attr-defined]  # read by the registry
        return _spec(function)

    return mark
