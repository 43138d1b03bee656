"""Every hook, event, error code, setting and command is documented, and the pages are fresh."""

import runpy
from pathlib import Path

from tests.architecture.workspace import ROOT


def test_the_reference_is_what_the_code_says() -> None:
    generate = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    made = generate["pages"]()  # raises Undocumented, naming all that lack a word
    folder = ROOT / "docs" / "reference"
    stale = [name for name, text in made.items() if read(folder / name) != text]
    assert stale == [], "run `make docs`"
    there = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    assert sorted(path.as_posix() for path in there) == sorted(made)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
