"""`koi ask`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import rich_click as click

from koipond.cli.options import with_settings
from koipond.cli.problems import Problem

if TYPE_CHECKING:
    from graphql import OperationDefinitionNode

    from koipond.graphql.execute import Executor
    from koipond.kernel.context import Context
    from koipond.settings import Settings


class NotInSchema(Problem):
    """Operations that ask for what this shop has not, such as a plugin's that is disabled."""


@click.command
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--channel", help="Where. Default: the shop's first channel.")
@click.option("--currency", help="In which. Default: the channel's first.")
@click.option("--locale", help="In which language. Default: the channel's first.")
@with_settings
def ask(
    settings: Settings, *, file: Path, channel: str | None, currency: str | None, locale: str | None
) -> None:
    """Send the operations of FILE to the staff's schema, one after the other, all or none.

    A variable takes the value that the last answer which has a field of its name gave it: `$id` the
    id of what was just made. The same file again does nothing.
    """
    done = asyncio.run(send(settings, file, channel=channel, currency=currency, locale=locale))
    click.echo(f"{file.name}: {done}")


async def send(
    settings: Settings, file: Path, *, channel: str | None, currency: str | None, locale: str | None
) -> str:
    """Send a file as staff, once; returns what it came to. Raises Problem."""
    from koipond.app import make_executors
    from koipond.channel import service as channels
    from koipond.cli.opening import opened
    from koipond.kernel.idempotency import once
    from koipond.kernel.ids import new_id
    from koipond.kernel.viewer import SYSTEM

    text = _read(file)
    # Always the same one: it is by whom what was asked once is known.
    async with opened(settings) as outside, outside.shop.context(viewer=SYSTEM) as ctx:
        scope = await channels.choose_scope(ctx, code=channel, currency=currency, locale=locale)
        _, admin = make_executors(outside.shop.installation.running, production=False)
        count = 0

        async def act(ctx: Context, _: UUID) -> None:
            nonlocal count
            count = await _send_all(admin, text, ctx)

        key = sha256(text.encode()).hexdigest()
        given = {"operation": "koi ask", "key": key, "request": key}
        await once(ctx.at(scope), act, subject_id=new_id(), **given)
    return f"{count} operations" if count else "done before"


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"{file} cannot be read: {error}. Name a file of GraphQL.") from error


async def _send_all(admin: Executor, text: str, ctx: Context) -> int:
    from koipond.graphql.asking import GraphQLRequest, RequestRefused

    answers: list[Any] = []
    for operation in _operations(text):
        assert operation.name is not None, "_operations refuses those without one"
        name = operation.name.value
        variables = {
            one.variable.name.value: _look_up(one.variable.name.value, answers[::-1], name)
            for one in operation.variable_definitions or ()
        }
        request = GraphQLRequest(query=text, operation_name=name, variables=variables)
        try:
            prepared = admin.prepare(request)
        except RequestRefused as error:
            raise NotInSchema(f"{name} is not in the staff's schema: {error}. Mend it.") from error
        answer = await admin.run(prepared, request, ctx)
        refused = [*answer.errors, *(one for one in _values(answer.data, "userErrors") if one)]
        if refused:
            raise Problem(f"{name} was refused, and nothing was done: {refused}")
        answers.append(answer.data)
    return len(answers)


def _operations(text: str) -> list[OperationDefinitionNode]:
    from graphql import GraphQLError, OperationDefinitionNode, parse

    try:
        found = parse(text).definitions
    except GraphQLError as error:
        raise Problem(f"This is no GraphQL: {error}. Mend it.") from error
    operations = [one for one in found if isinstance(one, OperationDefinitionNode)]
    if not operations or any(one.name is None for one in operations):
        raise Problem("Each operation of the file needs a name: mutation CreateSale { … }.")
    return operations


def _look_up(name: str, answers: list[Any], operation: str) -> Any:
    for value in _values(answers, name):
        return value
    raise Problem(f"{operation} wants ${name}, which nothing before it has told. Ask for it there.")


def _values(answer: Any, name: str) -> Iterator[Any]:
    """Return every value that answers have under a name, wherever."""
    parts = answer.items() if isinstance(answer, dict) else []
    for key, value in parts:
        if key == name and value is not None:
            yield value
        yield from _values(value, name)
    for one in answer if isinstance(answer, list) else []:
        yield from _values(one, name)
