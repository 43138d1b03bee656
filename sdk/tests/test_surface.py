"""What the sdk promises, as a snapshot. Run as a program, this file writes the snapshot anew."""

import inspect
import pkgutil
import pydoc
import re
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import Table
from sqlalchemy.types import TypeEngine

import koipond_sdk
from koipond_sdk import db, hooks, pricing, schema, services, specs, views
from koipond_sdk.services import (
    activities,
    approvals,
    catalog,
    channels,
    ledger,
    members,
    messages,
    orders,
    payments,
    quotas,
    rewards,
    stock,
    web,
)

SERVICES = (
    activities,
    approvals,
    catalog,
    channels,
    ledger,
    members,
    messages,
    orders,
    payments,
    quotas,
    rewards,
    stock,
    web,
)
MODULES = (koipond_sdk, db, schema, hooks, specs, pricing, views, *SERVICES)
README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SNAPSHOT = Path(__file__).parent / "surface.txt"
HOW_TO_RENEW = """
The sdk's surface differs from sdk/tests/surface.txt. Plugins stand on it: what is gone or has
changed breaks them, what is new has to be kept. Is it meant? Then run

    .venv/bin/python sdk/tests/test_surface.py

look at the difference, and say in CHANGELOG.md what plugins have to change.
"""


def surface() -> str:
    lines = [line for module in MODULES for line in describe_module(module)]
    # Of an object that has no name of its own, Python shows where it lies.
    return re.sub(r" object at 0x\w+", "", "".join(f"{line}\n" for line in lines))


def describe_module(module: ModuleType) -> Iterator[str]:
    for name in module.__all__:
        yield f"{module.__name__}.{name}{describe(getattr(module, name))}"
        if inspect.isclass(getattr(module, name)):
            yield from describe_members(getattr(module, name))


def describe_members(cls: type) -> Iterator[str]:
    """Say what koipond's own classes offer; those of other packages are theirs to promise."""
    for kind in reversed(cls.__mro__):
        if not kind.__module__.startswith("koipond"):
            continue
        fields = inspect.get_annotations(kind)
        members = {**fields, **vars(kind)}
        for name in sorted(members):
            if name.startswith("_"):
                continue
            if name in fields:
                yield f"    {name}: {plain(fields[name])}"
            else:
                yield f"    {name}{describe(members[name])}"


def describe(value: Any) -> str:
    value = getattr(value, "__func__", value)
    if isinstance(value, property):
        return f" -> {plain(inspect.signature(value.fget).return_annotation)}"
    if inspect.isclass(value):
        return f" class({', '.join(base.__name__ for base in value.__bases__)})"
    if inspect.isroutine(value):
        return plain(inspect.signature(value))
    if isinstance(value, Table):
        columns = ", ".join(f"{one.name}: {one.type!r}" for one in value.columns)
        return f" = {value.name}({columns})"
    supertype = getattr(value, "__supertype__", None)
    return f" = NewType of {supertype.__name__}" if supertype else f" = {plain(value)}"


def plain(value: object) -> str:
    """Write a type without the address that a few of them show."""
    if inspect.isclass(value):
        return value.__name__
    return re.sub(r" object at 0x[0-9a-f]+", "", str(value).replace("'", ""))


def test_the_surface_is_as_it_was() -> None:
    if surface() != SNAPSHOT.read_text(encoding="utf-8"):
        pytest.fail(f"{HOW_TO_RENEW}\n{difference()}", pytrace=False)


def difference() -> str:
    was, is_now = SNAPSHOT.read_text(encoding="utf-8").splitlines(), surface().splitlines()
    gone = [f"- {line}" for line in was if line not in is_now]
    return "\n".join(gone + [f"+ {line}" for line in is_now if line not in was])


def test_every_name_that_is_promised_is_listed_once_and_documented() -> None:
    for module in MODULES:
        assert module.__doc__
        assert len(set(module.__all__)) == len(module.__all__)
        for name in module.__all__:
            assert means(getattr(module, name), name), f"{module.__name__}.{name} is not documented"


def test_the_services_that_there_are_are_promised() -> None:
    named = {one.__name__.rpartition(".")[2] for one in SERVICES}
    assert named == {one.name for one in pkgutil.iter_modules(services.__path__)}


@pytest.mark.parametrize("module", MODULES, ids=lambda one: str(one.__name__))
def test_python_can_say_of_what_type_everything_is(module: ModuleType) -> None:
    for name in module.__all__:
        told = getattr(module, name)
        if inspect.isclass(told) or inspect.isroutine(told):
            assert pydoc.render_doc(told)
        # SQLAlchemy's own types name what they do not import.
        is_column = inspect.isclass(told) and issubclass(told, TypeEngine)
        if inspect.isroutine(told) or (inspect.isclass(told) and not is_column):
            typing.get_type_hints(told)


def test_every_method_that_is_promised_is_documented() -> None:
    promised = [getattr(module, name) for module in MODULES for name in module.__all__]
    kinds = [one for one in promised if inspect.isclass(one)]
    assert [name for kind in kinds for name in undocumented(kind)] == []


def means(value: Any, name: str) -> object:
    """Return where it stands what a name means; what is no function or class is in the README."""
    if inspect.isroutine(value) or inspect.isclass(value):
        return inspect.getdoc(value)
    if isinstance(value, Table):
        return value.comment and all(column.comment for column in value.columns)
    return f"`{name}`" in README


def undocumented(kind: type) -> Iterator[str]:
    """Return the methods without a docstring; fields of the schema have descriptions there."""
    for owner in kind.__mro__:
        if not owner.__module__.startswith("koipond") or ".graphql." in owner.__module__:
            continue
        if hasattr(owner, "__strawberry_definition__"):
            continue
        for name, member in vars(owner).items():
            function = getattr(member, "__func__", getattr(member, "fget", member))
            if not name.startswith("_") and inspect.isroutine(function) and not function.__doc__:
                yield f"{owner.__name__}.{name}"


if __name__ == "__main__":
    SNAPSHOT.write_text(surface(), encoding="utf-8")
    sys.stdout.write(f"written: {SNAPSHOT}\n")
