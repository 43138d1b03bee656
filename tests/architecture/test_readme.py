"""What the READMEs show works: Python runs, the demo shop answers GraphQL, commands exist."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt
from tests.architecture.workspace import ROOT, texts
from tests.rig.pages import all_blocks, ask_all, blocks, make_member

from koipond import settings
from koipond.cli import koi
from koipond.kernel.plugins import discover
from koipond.kernel.viewer import GUEST
from koipond_sdk.testing.shop import STAFF, running_shop

# Of plugins that the demo shop does not have; their own tests ask the same.
OUTSIDE = {"examples/custom_plugin/README.md", "examples/lottery/README.md"}
DEMO = ROOT / "examples" / "demo" / "koi.toml"
READMES = [path for path in texts() if path.endswith("README.md")]


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


@pytest.mark.parametrize("path", [one for one in with_blocks("graphql") if one not in OUTSIDE])
async def test_graphql_in_a_readme_is_answered_by_the_demo_shop(path: str, demo_url: str) -> None:
    """Blocks are asked one after the other; variables are taken from what was answered before."""
    loaded = settings.load(DEMO, database_url=demo_url)
    told = {name: getattr(loaded, name) for name in loaded.__struct_fields__}
    installed = [plugin.name for plugin in discover()]
    async with running_shop(told.pop("database_url"), plugins=installed, **told) as shop:
        viewers = {"guest": GUEST, "member": await make_member(shop), "staff": STAFF}
        await ask_all(shop, all_blocks(path), path, viewers)
