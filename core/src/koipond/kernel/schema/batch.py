"""Relations as batch resolvers: one call for all parents of a level, so that N+1 cannot be written.

Until the compiled executor walks a level at a time, graphql-core calls a field once per parent; the
calls of one level arrive in one turn of the event loop, are collected here, and answered together.
"""

import asyncio
import functools
import inspect
import typing
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import strawberry
from graphql.pyutils import Path

from koipond.kernel.context import Context
from koipond.kernel.schema.fields import Access, check_access, is_open

_running: set[asyncio.Task[None]] = set()
BatchResolver = Callable[..., Awaitable[Sequence[Any]]]


@typing.overload
def batch(given: Access) -> Callable[[Any], Any]: ...
@typing.overload
def batch(given: Callable[..., Any]) -> Any: ...
def batch(given: Any) -> Any:
    """Declare a field by a function that answers for all parents of a level at once.

    given: a static method `async (parents: list[P], info: Info, **arguments) -> list[T]`, whose
    result has one T per parent, in their order; the field's GraphQL type is T. Or, as
    `@batch(needs("stock.read"))`, who may see the field, of those who see its parent.
    """
    if isinstance(given, Access):
        return lambda resolver: _declare(resolver, {"access": given})
    return _declare(given, {})


def _declare(resolver: Any, metadata: dict[str, Any]) -> Any:
    function: BatchResolver = getattr(resolver, "__func__", resolver)
    answer_all = _guarded(function, metadata["access"]) if metadata else function

    async def answer_one(self: Any, info: strawberry.Info[Context, None], **arguments: Any) -> Any:
        return await _join(answer_all, self, info, arguments)

    signature = inspect.signature(answer_all)
    parents, given_info, *arguments = signature.parameters.values()
    (returned,) = typing.get_args(signature.return_annotation)
    itself = parents.replace(name="self", annotation=inspect.Parameter.empty)
    info = given_info.replace(name="info", annotation=strawberry.Info[Context, None])
    # strawberry reads the field's type and arguments from what it is given: show it one parent's.
    answer_one.__signature__ = signature.replace(  # type: ignore[attr-defined]  # inspect's own hook
        parameters=[itself, info, *arguments], return_annotation=returned
    )
    answer_one.__annotations__ = {a.name: a.annotation for a in arguments} | {"return": returned}
    answer_one.__name__ = answer_all.__name__
    answer_one.__module__ = answer_all.__module__
    return strawberry.field(
        resolver=answer_one,
        description=inspect.getdoc(answer_all),
        metadata={"batch": answer_all, **metadata},
    )


def _guarded(answer_all: BatchResolver, access: Access) -> BatchResolver:
    @functools.wraps(answer_all)
    async def answer(parents: Any, info: Any, **arguments: Any) -> Sequence[Any]:
        check_access(access, info.context)
        return await answer_all(parents, info, **arguments)

    return answer


class _Level:
    """The parents of one field at one depth that wait for their answer."""

    def __init__(self) -> None:
        self.parents: list[Any] = []
        self.answers: list[asyncio.Future[Any]] = []


def _join(
    answer_all: BatchResolver, parent: Any, info: strawberry.Info[Context, None], arguments: Any
) -> Awaitable[Any]:
    levels = info.context.batches
    place = _place(info.path)
    level = levels.get(place)
    if level is None:
        level = levels[place] = _Level()
        loop = asyncio.get_running_loop()
        # Two turns: a parent's answer wakes its children's resolvers one turn later.
        loop.call_soon(loop.call_soon, _start, answer_all, levels, place, info, arguments)
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    level.parents.append(parent)
    level.answers.append(answer)
    return answer


def _place(path: Path) -> tuple[str | int, ...]:
    """The path without list indexes: equal for all parents of a level."""
    return tuple(key for key in path.as_list() if isinstance(key, str))


def _start(
    answer_all: BatchResolver,
    levels: dict[Any, Any],
    place: tuple[str | int, ...],
    info: strawberry.Info[Context, None],
    arguments: Any,
) -> None:
    level = levels.pop(place)
    task = asyncio.ensure_future(_answer(answer_all, level, info, arguments))
    # The loop holds its tasks weakly.
    _running.add(task)
    task.add_done_callback(_running.discard)


async def _answer(
    answer_all: BatchResolver, level: _Level, info: strawberry.Info[Context, None], arguments: Any
) -> None:
    try:
        if is_open(info.context, answer_all):
            results = await answer_all(level.parents, info, **arguments)
        else:
            # Of a plugin that is off in this channel; what plugins add is nullable.
            results = [None] * len(level.parents)
        assert len(results) == len(level.parents), (
            f"{answer_all.__qualname__} answered {len(results)} for {len(level.parents)} parents"
        )
    except Exception as error:  # handed to each field that waits, which reports it
        for answer in level.answers:
            if not answer.done():
                answer.set_exception(error)
        return
    for answer, result in zip(level.answers, results, strict=True):
        if not answer.done():
            answer.set_result(result)
