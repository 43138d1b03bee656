"""docs/imports.md shows what there is."""

import re
import shlex
from pathlib import Path

import click
import pytest
from graphql import parse, validate

from koipond.app import make_schemas
from koipond.cli import koi
from koipond.imports import rules

TEXT = (Path(__file__).parents[3] / "docs" / "imports.md").read_text(encoding="utf-8")
COMMANDS = "".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)).splitlines()
REQUESTS = re.findall(r"```graphql\n(.*?)```", TEXT, re.DOTALL)
COLUMNS = {
    "orders": rules.ORDER_COLUMNS,
    "members": rules.MEMBER_COLUMNS,
    "prices": rules.PRICE_COLUMNS,
    "stock": rules.STOCK_COLUMNS,
}


@pytest.mark.parametrize("block", REQUESTS)
def test_every_request_that_is_shown_can_be_sent(block: str) -> None:
    assert validate(make_schemas(()).admin._schema, parse(block)) == []


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_that_is_shown_is_understood(line: str) -> None:
    _, *arguments = shlex.split(line)
    command: click.Command = koi
    context = click.Context(koi)
    while isinstance(command, click.Group):
        found = command.get_command(context, arguments.pop(0))
        assert found is not None, line
        command = found
    command.make_context("koi", list(arguments), resilient_parsing=False)


@pytest.mark.parametrize("kind", COLUMNS)
def test_every_column_that_is_read_is_named(kind: str) -> None:
    (row,) = re.findall(rf"^\| `{kind}` \|.*$", TEXT, re.MULTILINE)
    told = set(re.findall(r"`(\w+)`", row)) - {kind}
    assert told == set(COLUMNS[kind].known)
