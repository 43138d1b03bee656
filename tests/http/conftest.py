"""Programs of Node, where there are any, and a shop that takes its time."""

import asyncio
from pathlib import Path

import pytest
from core.tests.cli.folder import write_shop
from core.tests.plugin.workshop import Workshop
from tests.http.judging import find_obstacle
from tests.http.slowly import MANIFEST, SLOW

from koipond.app import set_up
from koipond.settings import load


@pytest.fixture(scope="session")
def node() -> None:
    """Skip, saying why, where no program of Node can be run."""
    obstacle = find_obstacle()
    if obstacle:
        pytest.skip(obstacle)


@pytest.fixture
def slow_shop(tmp_path: Path) -> Path:
    """The folder of a shop with the plugin of slowly.py, whose database is ready."""
    write_shop(tmp_path)
    asyncio.run(set_up(load(tmp_path / "koi.toml")))
    Workshop(tmp_path).install_small("slow", manifest=MANIFEST, hooks=SLOW)
    return tmp_path
