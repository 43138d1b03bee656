"""Plugins of examples/ are tested as if they were installed, and are so for no other test."""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(autouse=True, scope="module")
def installed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Write the entry points of the package beside the test, as pip would."""
    project = request.path.parents[1]
    if not (project / "pyproject.toml").exists() or project.parent != HERE:
        yield
        return
    told = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    folder = tmp_path_factory.mktemp("site-packages")
    metadata = folder / f"{told['name'].replace('-', '_')}-{told['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {told['name']}\nVersion: {told['version']}\n"
    )
    points = told["entry-points"]["koipond.plugins"]
    written = [f"{name} = {module}\n" for name, module in points.items()]
    (metadata / "entry_points.txt").write_text("".join(["[koipond.plugins]\n", *written]))
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))
