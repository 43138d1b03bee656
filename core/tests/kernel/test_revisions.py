"""Revisions are read as text, as Alembic reads them by running them."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from koipond.kernel.plugins import discover
from koipond.kernel.revisions import Unit, head, units

INSTALLED = units(discover())


_FILE = """
revision = "{revision}"
down_revision = {behind}


def upgrade():
    raise AssertionError("nobody runs it to read it")
"""


def write(unit: Unit, revision: str, behind: str) -> None:
    folder = unit.folder / "versions"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{revision}.py"
    file.write_text(_FILE.format(revision=revision, behind=behind))


@pytest.mark.parametrize("unit", INSTALLED, ids=[one.name for one in INSTALLED])
def test_the_newest_revision_is_the_one_that_alembic_finds(unit: Unit) -> None:
    script = ScriptDirectory(str(unit.folder), version_locations=[str(unit.folder / "versions")])
    assert head(unit) == script.get_current_head()


def test_a_unit_may_have_no_revision_yet(tmp_path: Path) -> None:
    assert head(Unit(name="new", folder=tmp_path)) is None


def test_a_revision_may_come_after_several(tmp_path: Path) -> None:
    unit = Unit(name="merged", folder=tmp_path)
    write(unit, "a", "None")
    write(unit, "b", '"a"')
    write(unit, "c", '"a"')
    write(unit, "d", '(\n    "b",\n    "c",\n)')
    assert head(unit) == "d"


def test_a_revision_may_begin_with_a_decorated_function(tmp_path: Path) -> None:
    unit = Unit(name="adorned", folder=tmp_path)
    write(unit, "a", "None\n\n\n@print\ndef helper():\n    pass")
    write(unit, "b", '"a"\n\n\nasync def helper():\n    pass')
    assert head(unit) == "b"


def test_two_newest_revisions_are_named(tmp_path: Path) -> None:
    unit = Unit(name="torn", folder=tmp_path)
    write(unit, "a", "None")
    write(unit, "b", "None")
    with pytest.raises(AssertionError, match="torn has several newest revisions: a, b"):
        head(unit)


@pytest.mark.slow
def test_a_process_that_serves_does_not_load_what_only_migrating_needs() -> None:
    program = (
        "import sys, koipond.app; print({'alembic', 'mako', 'prometheus_client'} & {*sys.modules})"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "set()"
