"""Each tutorial is followed to its end: its files are written, its plugin runs, it is asked."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.architecture.workspace import ROOT, texts
from tests.examples.tutorials import installed, write_project
from tests.rig.pages import all_blocks, ask_all, make_member

from koipond.kernel.viewer import GUEST
from koipond_sdk.testing.databases import migrate
from koipond_sdk.testing.shop import STAFF, running_shop

PAGES = sorted(path for path in texts() if path.startswith("docs/tutorials/"))
NAMES = [Path(path).stem for path in PAGES]
# What a page says is in the shop as well.
BESIDE = {"docs/tutorials/reward-a-member.md": ["points"]}
PROGRAMS = Path(sys.executable).parent

pytestmark = pytest.mark.story


def test_there_are_those_that_the_index_names() -> None:
    assert NAMES == [
        "admin-page",
        "change-a-price",
        "first-plugin",
        "reward-a-member",
        "sell-something-scarce",
    ]


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """{page: the folder that a reader has in the end}."""
    return {path: write_project(all_blocks(path), tmp_path_factory.mktemp("at")) for path in PAGES}


@pytest.fixture(scope="module")
def names(
    projects: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """{page: the name of its plugin}, each installed once: classes of one name cannot be twice."""
    with ExitStack() as stack:
        yield {
            path: stack.enter_context(installed(project, tmp_path_factory.mktemp("site")))
            for path, project in projects.items()
        }


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
async def test_what_it_shows_is_answered(
    path: str, own_database_url: str, names: dict[str, str]
) -> None:
    await migrate(own_database_url)
    plugins = [names[path], *BESIDE.get(path, [])]
    async with running_shop(own_database_url, plugins=plugins) as shop:
        await shop.make_product("CUP-1", price="5.00", name="Cup", stock=100)
        await shop.make_product("TEA-1", price="10.00", stock=100)
        viewers = {"guest": GUEST, "member": await make_member(shop), "staff": STAFF}
        await ask_all(shop, all_blocks(path), path, viewers)


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_what_it_writes_is_formatted_and_without_a_finding(
    path: str, projects: dict[str, Path]
) -> None:
    project = projects[path]
    for check in (["check"], ["format", "--check"]):
        # Where a project says nothing else, by the settings of the workspace.
        settings = [] if "[tool.ruff]" in told(project) else ["--config", ROOT / "pyproject.toml"]
        done = run([PROGRAMS / "ruff", *check, "--no-cache", *settings], project)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_they_write_is_typed(projects: dict[str, Path]) -> None:
    sources = [project / "src" for project in projects.values()]
    # By the settings of the workspace, with what mypy knows of it from `make check`.
    done = run([PROGRAMS / "mypy", *sources], ROOT, MYPYPATH=os.pathsep.join(map(str, sources)))
    assert done.returncode == 0, done.stdout + done.stderr


def told(project: Path) -> str:
    return (project / "pyproject.toml").read_text(encoding="utf-8")


def run(command: list[object], folder: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, **more},
        check=False,
        capture_output=True,
        text=True,
    )
