from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from core.tests.plugin.workshop import Workshop


@contextmanager
def opened(folder: Path) -> Iterator[Workshop]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        # Files are rewritten within one second, and of one size: a kept bytecode would be taken as
        # new.
        patch.setattr("sys.dont_write_bytecode", True)
        made = Workshop(folder)
        yield made
        for package in list(folder.glob("koipond_*")):
            if package.is_dir() and "-" not in package.name:
                made.uninstall(package.name.removeprefix("koipond_"))


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """Where plugins are made and installed for one test."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    with opened(folder) as made:
        yield made


@pytest.fixture(scope="module")
def ponds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The plugin `ponds`, installed once for a file: for each that is new, schemas are built."""
    with opened(tmp_path_factory.mktemp("site-packages")) as made:
        made.install(revisions={})
        yield
