from collections.abc import Callable
from pathlib import Path

import pytest
from core.tests.imports.loading import HEADER


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of products; rows are text, or bytes for the whole file."""

    def write_file(*rows: str, name: str = "tea.csv", header: str = HEADER) -> Path:
        file = tmp_path / name
        file.write_text("\n".join([header, *rows, ""]), encoding="utf-8", newline="")
        return file

    return write_file
