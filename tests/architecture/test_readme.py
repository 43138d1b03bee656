"""What the READMEs show works: Python runs, the demo shop answers GraphQL, commands exist."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from graphql import OperationDefinitionNode, parse
from markdown_it import MarkdownIt
from tests.architecture.workspace import ROOT, texts

from koipond import settings
from koipond.cli import koi
from koipond.kernel import ids
from koipond.kernel.plugins import discover
from koipond.kernel.viewer import GUEST, Viewer, ViewerKind
from koipond.kernel.worker import Worker
from koipond.member import service as members
from koipond.member.types import Contact
from koipond_sdk.testing.shop import STAFF, RunningShop, running_shop

# Of a plugin that the demo shop does not have; its own tests ask the same.
OUTSIDE = "examples/custom_plugin/README.md"
DEMO = ROOT / "examples" / "demo" / "koi.toml"
READMES = [path for path in texts() if path.endswith("README.md")]
COMMENT = re.compile(r"<!-- (as|locale|answer)(?:: ([\w-]+))? -->")
TOLD = {"as": "viewer", "locale": "locale", "answer": "is_answer"}


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the line of its first line, who it is asked as and in
    which language; whether it is what the block before it is answered."""

    language: str
    text: str
    line: int
    viewer: str = "guest"
    locale: str | None = None
    is_answer: bool = False


def blocks(path: str, language: str) -> list[Block]:
    return [block for block in all_blocks(path) if block.language == language]


def all_blocks(path: str) -> list[Block]:
    found: list[Block] = []
    told: dict[str, Any] = {}
    for token in MarkdownIt().parse(texts()[path]):
        if token.type == "html_block":
            told |= {TOLD[name]: value or True for name, value in COMMENT.findall(token.content)}
        elif token.type == "fence" and token.map is not None:
            found.append(Block(token.info.strip(), token.content, token.map[0] + 2, **told))
            told = {}
    return found


def with_blocks(language: str) -> list[str]:
    return [path for path in READMES if blocks(path, language)]


@pytest.mark.slow
@pytest.mark.parametrize("path", with_blocks("python"))
def test_python_in_a_readme_runs(path: str, tmp_path: Path) -> None:
    """All blocks of a README are one module, with the line numbers that they have there."""
    lines: list[str] = []
    for block in blocks(path, "python"):
        lines += [""] * (block.line - 1 - len(lines)) + block.text.splitlines()
    (tmp_path / "readme.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import readme"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert ran.returncode == 0, f"{path}:\n{ran.stderr}"


def test_the_shop_of_the_readme_is_the_example() -> None:
    shown = [block.text for block in blocks("README.md", "python")]
    assert shown == [texts()["examples/minimal_shop.py"]]


@pytest.mark.parametrize("path", READMES)
def test_commands_in_a_readme_exist(path: str) -> None:
    assert [line for line in commands(path) if not command_exists(line)] == []


def test_a_command_that_does_not_exist_is_found() -> None:
    assert command_exists("make demo PORT=8001")
    assert command_exists("KOI_SECRET=x .venv/bin/koi migrate  # once")
    assert command_exists("koi --help")
    assert not command_exists("make tea")
    assert not command_exists("koi tea")
    assert not command_exists("koi token tea")
    assert not command_exists("koi migrate --tea")


def commands(path: str) -> Iterator[str]:
    """Return the lines of sh blocks, and what stands between backquotes in the text."""
    for token in MarkdownIt().enable("table").parse(texts()[path]):
        if token.type == "fence" and token.info.strip() == "sh":
            yield from token.content.splitlines()
        for child in token.children or ():
            if child.type == "code_inline":
                yield child.content


def command_exists(line: str) -> bool:
    """Tell whether a line of `make` or `koi` can be typed; other programs are taken on trust."""
    if not re.match(r"([A-Z_]+=\S+ )*([^ ]*/)?(make|koi) ", line):
        return True
    words = [word for word in shlex.split(line, comments=True) if not re.match(r"[A-Z_]+=", word)]
    if words[0] == "make":
        return all(f"\n{target}: " in texts()["Makefile"] for target in words[1:])
    return koi_knows(words[1:])


def koi_knows(words: list[str]) -> bool:
    command: click.Command = koi
    while isinstance(command, click.Group) and words != ["--help"]:
        named = [word for word in words if word in command.commands]
        if not named:
            return False
        words = words[words.index(named[0]) + 1 :]
        command = command.commands[named[0]]
    options = {name for parameter in command.params for name in parameter.opts}
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    return given <= options | {"--help"}


@pytest.fixture
def demo_url(demo_file: Path, tmp_path: Path) -> str:
    """A demo shop's database, as nobody has used it yet."""
    return f"sqlite:///{shutil.copy(demo_file, tmp_path)}"


@pytest.fixture(scope="module")
def demo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo shop's database, made by the commands that a user would type."""
    file = tmp_path_factory.mktemp("demo") / "koi.db"
    url = f"sqlite:///{file}"
    commands = [["migrate"]]
    for seed in settings.load(DEMO).seeds:
        told = ("--channel", seed.channel, "--currency", seed.currency, "--locale", seed.locale)
        if seed.file.endswith(".graphql"):
            commands.append(["ask", seed.file, *told])
        else:
            told = (*told, "--asset-base", seed.asset_base)
            commands.append(["import", "catalog", seed.file, *told])
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KOI_DATABASE_URL", url)
        for command in commands:
            done = CliRunner().invoke(koi, [*command, "--settings", str(DEMO)])
            assert done.exit_code == 0, done.output
    return file


@pytest.mark.parametrize("path", [one for one in with_blocks("graphql") if one != OUTSIDE])
async def test_graphql_in_a_readme_is_answered_by_the_demo_shop(path: str, demo_url: str) -> None:
    """Blocks are asked one after the other; variables are taken from what was answered before."""
    loaded = settings.load(DEMO, database_url=demo_url)
    told = {name: getattr(loaded, name) for name in loaded.__struct_fields__}
    installed = [plugin.name for plugin in discover()]
    async with running_shop(told.pop("database_url"), plugins=installed, **told) as shop:
        viewers = {"guest": GUEST, "member": await make_member(shop), "staff": STAFF}
        answers: list[Any] = []
        worker = Worker(shop.shop)
        for block in all_blocks(path):
            if block.is_answer:
                (answered,) = answers[-1]["data"].values()
                assert narrowed(answered, json.loads(block.text)) == json.loads(block.text)
            if block.language != "graphql":
                continue
            answer = await shop.graphql(
                block.text,
                variables(block.text, answers),
                viewer=viewers[block.viewer],
                admin=block.viewer == "staff",
                headers={"Koi-Locale": block.locale} if block.locale else None,
            )
            assert "errors" not in answer, f"{path}:{block.line}: {answer['errors']}"
            refused = [one for one in values(answer, "userErrors") if one]
            assert refused == [], f"{path}:{block.line}"
            # As in a shop: what follows an answer has happened when the next one is asked for.
            await worker.run_once()
            answers.append(answer)


async def make_member(shop: RunningShop) -> Viewer:
    async with shop.context() as ctx:
        key = await members.ensure_buyer(ctx, Contact(email="reader@example.org"))
    return Viewer(kind=ViewerKind.MEMBER, id=key)


def narrowed(answer: Any, shown: Any) -> Any:
    """Return what of an answer is shown: a README leaves out what differs each time.

    A space that no line breaks at is written as one that it may.
    """
    if isinstance(shown, dict) and isinstance(answer, dict):
        return {name: narrowed(answer.get(name), part) for name, part in shown.items()}
    if isinstance(shown, list) and isinstance(answer, list) and len(shown) == len(answer):
        return [narrowed(*both) for both in zip(answer, shown, strict=True)]
    return answer.replace("\xa0", " ") if isinstance(answer, str) else answer


def variables(document: str, answers: list[Any]) -> dict[str, Any]:
    """Return {variable: value}: a new key, or what the last answer that has it calls so.

    `variantId` is the first id of a variant in it.
    """
    found: dict[str, Any] = {}
    for operation in parse(document).definitions:
        assert isinstance(operation, OperationDefinitionNode)
        for definition in operation.variable_definitions or ():
            name = definition.variable.name.value
            known = {"key": str(uuid.uuid4())}.get(name) or next(look_up(name, answers[::-1]))
            found[name] = known
    return found


def look_up(name: str, answers: list[Any]) -> Iterator[Any]:
    if name.endswith("Id"):
        prefix = ids.PREFIXES[getattr(ids, name[0].upper() + name[1:])]
        yield from (key for key in values(answers, "id") if key.startswith(f"{prefix}_"))
    yield from values(answers, name)


def values(answer: Any, name: str) -> Iterator[Any]:
    """Return every value that an answer has under `name`, wherever."""
    if isinstance(answer, dict):
        for key, value in answer.items():
            if key == name and value is not None:
                yield value
            yield from values(value, name)
    elif isinstance(answer, list):
        for value in answer:
            yield from values(value, name)
