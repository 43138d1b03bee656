"""Waits for what is to be waited for among the values that resolvers gave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection
from inspect import isawaitable
from types import GeneratorType
from typing import Any

from graphql.pyutils import Undefined


def may_wait(values: Collection[Any]) -> bool:
    """Tell whether something among values may be awaitable, by their few classes."""
    return any(
        hasattr(cls, "__await__") or issubclass(cls, GeneratorType)
        for cls in set(map(type, values))
    )


def may_have_raised(values: Collection[Any]) -> bool:
    """Tell whether an exception, or what stands for no value, is among values."""
    odd = (Exception, type(Undefined))
    return any(issubclass(cls, odd) for cls in set(map(type, values)))


async def settle(values: list[Any]) -> None:
    """Wait for everything that is to be waited for, all at the same time.

    An exception takes the place of a value that raised it.
    """
    if not may_wait(values):
        return
    waiting = [index for index, value in enumerate(values) if isawaitable(value)]
    if len(waiting) == 1:
        (index,) = waiting
        values[index] = await _outcome(values[index])
        return
    made = await asyncio.gather(*(_outcome(values[index]) for index in waiting))
    for index, one in zip(waiting, made, strict=True):
        values[index] = one


async def _outcome(awaited: Awaitable[Any]) -> Any:
    try:
        return await awaited
    except Exception as error:
        return error
