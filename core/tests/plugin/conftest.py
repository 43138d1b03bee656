from collections.abc import Iterator
from pathlib import Path

import pytest
from core.tests.plugin.workshop import Workshop


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    """Where plugins are made and installed for one test."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    # Files are rewritten within one second, and of one size: a kept bytecode would be taken as new.
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    made = Workshop(folder)
    yield made
    for package in list(folder.glob("koipond_*")):
        if package.is_dir() and "-" not in package.name:
            made.uninstall(package.name.removeprefix("koipond_"))
