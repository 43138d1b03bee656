"""llms.txt: every page of documentation with a line about it, as programs that read look for it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

HEAD = "# koipond\n\n> {said}\n\nEvery page says only what tests hold it to.\n"
# {heading: what its pages' paths match}, in the order in which somebody new would read.
SECTIONS = {
    "Begin": ["README.md", "examples/*/README.md"],
    "Write a plugin": [
        "docs/tutorials/*.md",
        "sdk/README.md",
        "docs/testing.md",
        "docs/upgrading.md",
    ],
    "Guides": ["docs/*.md"],
    "Reference": ["docs/reference/*.md", "docs/examples/*.py", "core/*.graphql"],
    "Plugins": ["plugins/*/README.md"],
    "Why it is so": ["core/decisions/*.md", "tests/*/README.md", "CHANGELOG.md"],
}


class LineMissing(Exception):
    """A page that begins without a sentence."""


def index(root: Path, made: Mapping[str, str]) -> str:
    """Return the index. made: {path: text} of pages that are not written yet."""
    said = _sentence("README.md", (root / "README.md").read_text(encoding="utf-8"))
    return HEAD.format(said=said) + "".join(_sections(root, made))


def _sections(root: Path, made: Mapping[str, str]) -> Iterator[str]:
    seen: set[str] = set()
    for heading, patterns in SECTIONS.items():
        yield f"\n## {heading}\n\n"
        for pattern in patterns:
            there = {path.relative_to(root).as_posix() for path in root.glob(pattern)}
            for path in sorted(there - seen):
                text = made.get(path) or (root / path).read_text(encoding="utf-8")
                yield f"- [{_title(path, text)}]({path}): {_sentence(path, text)}\n"
            seen |= there


def _title(path: str, text: str) -> str:
    found = re.match(r"# (.+)\n", text)
    return found[1] if found else path


def _sentence(path: str, text: str) -> str:
    """Return the first sentence of a page, or of a file's docstring, as plain text."""
    if path.endswith(".graphql"):
        return "The schema of core, as it is committed."
    if path == "CHANGELOG.md":
        return "What changed, version by version."
    text = text.replace("Written by `make docs` from the code; do not edit.\n", "")
    body = text.lstrip('"') if path.endswith(".py") else re.sub(r"\A\s*# .+\n", "", text)
    for paragraph in re.split(r"\n\s*\n", body):
        plain = re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", " ".join(paragraph.split()))
        plain = plain.replace("**", "").replace('"""', "")
        # A decision begins by saying that it is one.
        plain = plain.removeprefix("Decided.").lstrip()
        if re.match(r"[\w`*]", plain):
            return re.split(r"(?<=\.)\s", plain)[0].rstrip(":")
    raise LineMissing(f"{path}: begin it with a sentence that says what it is")
