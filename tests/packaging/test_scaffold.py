"""`koi plugin new` writes a plugin that works untouched, where nothing else of koipond is."""

import re
from pathlib import Path

import pytest
from tests.packaging.building import ROOT, UV, build_wheels, make_environment, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# A word of Python's; sdk/tests/test_scaffold.py has more of them.
NAMES = ["class"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment of a plugin's author: koipond, the sdk, tools."""
    wheels = build_wheels(tmp_path_factory.mktemp("wheels"), [ROOT / "core", ROOT / "sdk"])
    home = tmp_path_factory.mktemp("environment")
    lock = home / "tools.txt"
    pins = re.split(r"^(?=\w)", (ROOT / "requirements" / "dev.txt").read_text(), flags=re.MULTILINE)
    # What installs is not in its own cache, and is not what an author needs.
    lock.write_text("".join(pin for pin in pins if not pin.startswith("uv==")))
    return make_environment(home, lock, wheels.values())


@pytest.fixture(scope="module")
def written(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that has a plugin of each name, all of them installed."""
    home = tmp_path_factory.mktemp("plugins")
    # Before any of them is installed: a name may begin as another one does.
    for name in NAMES:
        run([environment / "koi", "plugin", "new", name], cwd=home)
    for name in NAMES:
        folder = project(home, name)
        install = [UV, "pip", "install", "--offline", "--no-build-isolation"]
        run([*install, "--python", environment / "python", "-e", ".[dev]"], cwd=folder)
    return home


def project(home: Path, name: str) -> Path:
    return home / f"koipond-{name.replace('_', '-')}"


@pytest.mark.parametrize("name", NAMES)
def test_what_it_writes_passes_untouched(environment: Path, written: Path, name: str) -> None:
    folder = project(written, name)
    run([environment / "ruff", "check"], cwd=folder)
    run([environment / "ruff", "format", "--check"], cwd=folder)
    # What is said of koipond itself is said once for all of them.
    run([environment / "mypy"], cwd=folder, MYPY_CACHE_DIR=str(written / "mypy"))
    for suite in ([], ["--koipond-conformance", "--koipond-plugin", name]):
        report = run([environment / "python", "-m", "pytest", "-q", *suite], cwd=folder)
        assert " passed" in report
        assert "skipped" not in report


def test_a_shop_has_all_of_them_at_once(environment: Path, written: Path, tmp_path: Path) -> None:
    told = {"KOI_DATABASE_URL": f"sqlite:///{tmp_path / 'koi.db'}"}
    assert "class 0001_first" in run([environment / "koi", "migrate"], cwd=tmp_path, **told)
    run([environment / "koi", "doctor"], cwd=tmp_path, **told)
    listed = run([environment / "koi", "plugin", "list"], cwd=tmp_path, **told)
    assert sorted(line.split()[0] for line in listed.splitlines()) == sorted(NAMES)
