"""Tutorials, followed as a reader would: files written, diffs applied, the plugin installed."""

import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path

from click.testing import CliRunner
from tests.rig.pages import Block

from koipond.cli import koi

# The first line of a block that is a file.
NAMED = re.compile(r"# (?P<path>[\w./-]+\.(py|toml))\n")


def write_project(blocks: Sequence[Block], folder: Path) -> Path:
    """Write what the blocks of a page come to; returns the project's folder, below `folder`."""
    project = folder
    for block in blocks:
        if block.language == "sh":
            project = _type(block.text, project)
        elif block.language == "diff":
            _apply(block.text, project)
        elif named := NAMED.match(block.text):
            file = project / named["path"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text[named.end() :], encoding="utf-8")
    return project


def _type(lines: str, folder: Path) -> Path:
    """Do what `koi plugin new` and `cd` do; the rest is done by the tests' own means."""
    for line in lines.splitlines():
        words = line.split()
        if words[:3] == ["koi", "plugin", "new"]:
            with chdir(folder):
                done = CliRunner().invoke(koi, words[1:])
            assert done.exit_code == 0, done.output
        elif words[0] == "cd":
            folder /= words[1]
    return folder


def _apply(diff: str, project: Path) -> None:
    """Change files by a diff whose hunks say what stands there, and not where."""
    for change in re.split(r"^--- ", diff, flags=re.MULTILINE)[1:]:
        name, *hunks = re.split(r"\n@@\n|\n\Z", change)
        file = project / name
        text = file.read_text(encoding="utf-8")
        for hunk in filter(None, hunks):
            lines = hunk.split("\n")
            before = "\n".join(line[1:] for line in lines if line[:1] != "+")
            after = "\n".join(line[1:] for line in lines if line[:1] != "-")
            assert text.count(before) == 1, f"{name} has not one {before!r}"
            text = text.replace(before, after)
        file.write_text(text, encoding="utf-8")


@contextmanager
def installed(project: Path, folder: Path) -> Iterator[str]:
    """Let a plugin be found, as pip would, while the block runs; yields its name."""
    told = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    metadata = folder / f"{told['name'].replace('-', '_')}-{told['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {told['name']}\nVersion: {told['version']}\n"
    )
    ((name, module),) = told["entry-points"]["koipond.plugins"].items()
    (metadata / "entry_points.txt").write_text(f"[koipond.plugins]\n{name} = {module}\n")
    added = [str(folder), str(project / "src")]
    sys.path[:0] = added
    try:
        yield name
    finally:
        for path in added:
            sys.path.remove(path)
        package = module.partition(".")[0]
        for loaded in [one for one in sys.modules if f"{one}.".startswith(f"{package}.")]:
            del sys.modules[loaded]
