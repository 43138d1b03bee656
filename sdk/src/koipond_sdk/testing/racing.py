"""Many who begin at one instant, and what became of each."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar

from msgspec import Struct

from koipond.kernel.errors import DomainError
from koipond_sdk.testing.making import Refusal

T = TypeVar("T")


class Raced(Struct, Generic[T], frozen=True, kw_only=True):
    """What became of a race. results: of those who got through, in the order of their numbers.

    refused: {code: how many were refused so}; a code is a DomainError's, or one of `userErrors`.
    """

    results: list[T]
    refused: Mapping[str, int]


async def race(count: int, run: Callable[[int], Awaitable[T]]) -> Raced[T]:
    """Let `run(0)` to `run(count - 1)` begin at one instant; returns when all of them have ended.

    A DomainError, a Refusal of the factory, and an answer of GraphQL that carries `userErrors` are
    refusals and are counted. Anything else that is raised is raised here, once all have ended.
    """
    gate = asyncio.Barrier(count)

    async def begin(number: int) -> T:
        await gate.wait()
        return await run(number)

    ended = await asyncio.gather(*map(begin, range(count)), return_exceptions=True)
    refused: Counter[str] = Counter()
    results: list[T] = []
    for one in ended:
        codes = _codes(one)
        if codes:
            refused[codes[0]] += 1
        elif isinstance(one, BaseException):
            raise one
        else:
            results.append(one)
    return Raced(results=results, refused=dict(refused))


def _codes(ended: object) -> list[str]:
    """Return by which refusals something ended; none: it got through, or it failed."""
    match ended:
        case Refusal():
            return ended.codes
        case DomainError():
            return [ended.code]
        case {"data": {} as data}:
            return [code for done in data.values() for code in _told(done)]
        case _:
            return _told(ended)


def _told(payload: Any) -> list[str]:
    errors = payload.get("userErrors") if isinstance(payload, dict) else None
    return [one["code"] for one in errors or ()]
