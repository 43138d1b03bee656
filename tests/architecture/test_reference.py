"""Everything is documented with an example, the pages are fresh, and the examples hold."""

import importlib.util
import json
import re
import runpy
import shlex
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import msgspec
import pytest
from tests.architecture.workspace import ROOT

from koipond import hooks as specs
from koipond.cli import koi
from koipond.cli.schemas import event_schemas
from koipond.kernel.plugins import API, Manifest, Plugin
from koipond.settings import shape
from koipond_sdk import views
from koipond_sdk.testing.shop import RunningShop, running_shop

REFERENCE = ROOT / "docs" / "reference"
EXAMPLES = ROOT / "docs" / "examples"


def test_the_reference_is_what_the_code_says() -> None:
    generate = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    made = generate["pages"]()  # raises Undocumented, naming all that lack a word or an example
    stale = [path for path, text in made.items() if read(ROOT / path) != text]
    assert stale == [], "run `make docs`"
    there = [path for path in REFERENCE.rglob("*") if path.is_file()]
    told = sorted(path for path in made if path != "llms.txt")
    assert sorted(path.relative_to(ROOT).as_posix() for path in there) == told


def test_the_index_leads_to_pages_that_are_there() -> None:
    led = re.findall(r"^- \[.+?\]\((.+?)\): \S", read(ROOT / "llms.txt"), re.MULTILINE)
    assert len(led) > 50
    assert [path for path in led if not (ROOT / path).is_file()] == []


def test_every_event_has_an_example_that_its_schema_lets_through() -> None:
    text = read(REFERENCE / "events.md")
    names = re.findall(r"^### (\w+)$", text, re.MULTILINE)
    told = {one["type"]: one for one in map(json.loads, fenced(text, "json"))}
    assert sorted(told) == sorted(names)
    for name, schema in event_schemas(core_only=False).items():
        assert set(schema["required"]) == set(told[name])
        data = schema["properties"]["data"]
        assert set(data["required"]) <= set(told[name]["data"])
        for field, kind in data["properties"].items():
            pattern = kind.get("pattern", "")
            assert re.search(pattern, str(told[name]["data"].get(field))), (name, field)


def test_every_refusal_has_an_example_with_its_code_and_a_sentence() -> None:
    rows = cells("errors.md")
    assert len(rows) > 200
    for code, kind, *_, example in rows:
        told = json.loads(example.strip("`"))
        assert (f"`{told['code']}`", f"`{told['__typename']}`") == (code, kind)
        assert told["message"].endswith((".", "?", "!")), told


def test_every_setting_has_an_example_that_is_read() -> None:
    structs = {name: one for name, one in vars(shape).items() if isinstance(one, type)}
    sections = re.split(r"^## ", read(REFERENCE / "settings.md"), flags=re.MULTILINE)[1:]
    for section in sections:
        fields = {one.name: one for one in msgspec.structs.fields(structs[section.split()[0]])}
        lines = [row[-1].strip("`") for row in rows_of(section)]
        said = tomllib.loads("\n".join(lines))
        assert set(said) == {one.encode_name for one in fields.values()}
        for field in fields.values():
            msgspec.convert(said[field.encode_name], field.type, strict=False)


def test_every_command_has_an_example_that_can_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sections = re.split(r"^## ", read(REFERENCE / "cli.md"), flags=re.MULTILINE)[1:]
    assert len(sections) > 40
    for section in sections:
        path, *_ = section.splitlines()
        *_, example = fenced(section, "sh")
        assert example.startswith(path)
        words = shlex.split(example)[1:]
        for file in (word for word in words if word.endswith((".csv", ".graphql"))):
            Path(file).touch()
        assert parsed(words) == path


def test_every_hook_has_an_example_that_a_shop_runs_with() -> None:
    implemented = {name for name in vars(load("hooks")) if name in declared()}
    assert implemented == declared()
    text = read(REFERENCE / "hooks.md")
    shown = re.findall(r"^@implement\(.*\)\n(?:async )?def (\w+)", text, re.MULTILINE)
    assert set(shown) == declared()


async def test_a_shop_runs_with_the_examples_of_hooks(tea: RunningShop) -> None:
    made = await tea.make_product("TEA-1", price="10.00")
    answer = await tea.graphql(
        "{ products(first: 1, filter: {plugins: {teaTasted: false}}) { nodes { teaTastings } } }"
    )
    assert answer == {"data": {"products": {"nodes": [{"teaTastings": 0}]}}}, made


@pytest.mark.parametrize("name", views.__all__)
async def test_every_view_has_an_example_that_is_answered(shop: RunningShop, name: str) -> None:
    question = vars(load("views"))[f"ask_{name}"]()
    async with shop.shop.database.reading() as db:
        assert (await db.execute(question)).all() == []


@pytest.fixture
async def tea(own_database_url: str) -> AsyncIterator[RunningShop]:
    """A shop with the plugin of the examples, and its tables."""
    module = load("hooks")
    manifest = Manifest(
        name="tea",
        version="1",
        api=API,
        table_prefix="tea",
        fields=("Product.teaTastings",),
        permissions=("tea.read",),
    )
    plugin = Plugin(manifest=manifest, package="examples_of_hooks", folder=EXAMPLES, hooks=module)
    async with running_shop(own_database_url, plugins=[plugin]) as running:
        async with running.shop.database.writer.begin() as db:
            await db.run_sync(module.metadata.create_all)
        yield running


def load(name: str) -> ModuleType:
    """Import a file of examples, once, as the hooks and the tables of a package of its name."""
    package = f"examples_of_{name}"
    if package not in sys.modules:
        spec = importlib.util.spec_from_file_location(f"{package}.hooks", EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[package] = ModuleType(package)
        sys.modules[package].__path__ = []
        sys.modules[f"{package}.hooks"] = sys.modules[f"{package}.tables"] = module
        spec.loader.exec_module(module)
    return sys.modules[f"{package}.hooks"]


def declared() -> set[str]:
    return {name for name, spec in vars(specs).items() if hasattr(spec, "koi_declared")}


def parsed(words: list[str]) -> str:
    """Return which command words are, as click reads them; it refuses what cannot be typed."""
    command: click.Command = koi
    path = "koi"
    while isinstance(command, click.Group):
        name, *words = words
        command = command.commands[name]
        path = f"{path} {name}"
    with click.Context(koi) as parent:
        command.make_context(path.split()[-1], words, parent=parent)
    return path


def cells(page: str) -> list[list[str]]:
    return list(rows_of(read(REFERENCE / page)))


def rows_of(text: str) -> Iterator[list[str]]:
    """Return the cells of each row that begins with a name in backquotes."""
    for line in re.findall(r"^\| `.*\|$", text, re.MULTILINE):
        yield [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def fenced(text: str, language: str) -> list[Any]:
    return re.findall(rf"^```{language}\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
