"""Whether what a plugin returned is what its hook returns: looked at, not trusted."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any, NewType, Union, get_args, get_origin

Check = Callable[[Any], bool]


def answers(annotation: Any) -> Check:
    """Return what tells whether a value has the type of a hook's return annotation.

    Known are classes, None, unions, list[X], Mapping[X, Y] and type[X].
    """
    if annotation is Any:
        return lambda value: True
    if isinstance(annotation, NewType):
        return answers(annotation.__supertype__)
    if get_args(annotation):
        return _answers_parts(get_origin(annotation), get_args(annotation))
    assert isinstance(annotation, type), f"a hook cannot return {annotation}"
    return lambda value: isinstance(value, annotation)


def _answers_parts(origin: Any, parts: tuple[Any, ...]) -> Check:
    """Return what tells whether a value has a type that is made of others."""
    if origin is type:
        return lambda value: isinstance(value, type) and issubclass(value, parts[0])
    is_union = origin in {Union, types.UnionType}
    if is_union and all(isinstance(part, type) and not get_args(part) for part in parts):
        return lambda value: isinstance(value, parts)
    checks = [answers(part) for part in parts]
    if is_union:
        return lambda value: any(check(value) for check in checks)
    if origin is list:
        return lambda value: isinstance(value, list) and all(map(checks[0], value))
    assert issubclass(origin, Mapping), f"a hook cannot return {origin}"
    name, item = checks
    return lambda value: (
        isinstance(value, Mapping) and all(name(key) and item(held) for key, held in value.items())
    )


def describe(annotation: Any) -> str:
    """Return an annotation as it is written."""
    if annotation is type(None):
        return "None"
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in {Union, types.UnionType}:
        return " | ".join(map(describe, parts))
    name = getattr(origin or annotation, "__name__", str(annotation))
    return f"{name}[{', '.join(map(describe, parts))}]" if parts else name
