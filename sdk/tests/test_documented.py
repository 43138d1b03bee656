"""docs/testing.md: what it shows is a project of somebody else's, and is run as one."""

import re
from collections import defaultdict
from pathlib import Path

import pytest
from sdk.tests.outside import run_outside

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
BLOCK = re.compile(r"```(?:python|toml)\n# (\S+?)(?:: more of it)?\n(.*?)```", re.DOTALL)


@pytest.mark.slow
def test_what_the_page_shows_passes(tmp_path: Path) -> None:
    shown: defaultdict[str, str] = defaultdict(str)
    for name, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        shown[name] += text
    assert sorted(shown) == [
        "conftest.py",
        "pyproject.toml",
        "test_asking.py",
        "test_buying.py",
        "test_inside.py",
    ]
    said = run_outside(tmp_path, shown)
    assert "10 passed" in said, said
