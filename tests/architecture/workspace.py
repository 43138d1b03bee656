"""What the architecture tests look at: every file that is committed or would be."""

import ast
import os
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EXCEPTIONS = ROOT / "tests" / "architecture" / "exceptions.toml"


@dataclass(frozen=True)
class Source:
    """A Python file: its path from the root, its text, its tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def is_product(self) -> bool:
        """Whether it is shipped: not a test, an example or a tool."""
        return "/src/" in self.path


@cache
def files() -> tuple[str, ...]:
    """Return the path of every file that git tracks or would add, sorted."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):  # a copy without git, or somebody else's
        return tuple(sorted(walk()))
    return tuple(sorted({path for path in listed.stdout.split("\0") if (ROOT / path).is_file()}))


def walk() -> Iterator[str]:
    """Return the path of every file that was not made by a tool."""
    for folder, below, names in os.walk(ROOT):
        below[:] = [
            name
            for name in below
            if name == ".ci" or (name not in {"dist", "node_modules"} and name[0] not in "._")
        ]
        for name in names:
            yield (Path(folder) / name).relative_to(ROOT).as_posix()


@cache
def texts() -> dict[str, str]:
    """Return {path: text} of every file that is text."""
    found = {}
    for path in files():
        raw = (ROOT / path).read_bytes()
        if b"\0" not in raw:
            found[path] = raw.decode("utf-8", errors="replace")
    return found


@cache
def sources() -> tuple[Source, ...]:
    """Return every Python file, parsed."""
    return tuple(
        Source(path, text, ast.parse(text, path))
        for path, text in texts().items()
        if path.endswith(".py")
    )


@cache
def exceptions() -> dict[str, dict[str, Any]]:
    """Return the exceptions to the rules that these tests hold, by rule."""
    return tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8"))
