"""What no committed file may say, and what a suppressed finding must."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.workspace import ROOT, texts

# Brackets around one letter, so that this file does not say them itself.
REGISTRIES = (
    r"://[^\s'\"]*/[s]imple\b",
    r"[i]ndex[-_]url",
    r"[e]xtra-index",
    r"[f]ind-links",
    r"[p]ypi\.org",
    r"[p]ythonhosted\.org",
    r"[r]egistry\.npmjs\.org",
)
MACHINES = (r"/[h]ome/\w", r"/[U]sers/\w", r"/[r]oot/", r"/[w]orkspace/", r"/[w]ork/")
IGNORE = re.compile(r"#\s*type:\s*ignore(?P<rest>.*)")
# Its code, and behind it why.
REASONED = re.compile(r"\[[a-z-]+(, ?[a-z-]+)*\]\s+# \S.{8,}")


def test_no_file_names_a_package_registry() -> None:
    assert list(found("|".join(REGISTRIES))) == []


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    here = [re.escape(str(place)) + r"\b" for place in {ROOT, Path.home()} if len(str(place)) > 1]
    assert list(found("|".join([*MACHINES, *here]))) == []


def test_every_ignored_type_error_says_which_and_why() -> None:
    bare = [
        f"{path}:{number}"
        for path, number, line in lines()
        if path.endswith(".py")
        for match in [IGNORE.search(line)]
        if match and not REASONED.match(match["rest"])
    ]
    assert bare == []


def test_nothing_is_left_to_be_done() -> None:
    unfinished = r"\b([T]ODO|[F]IXME|[X]XX)\b"
    assert [one for one in found(unfinished) if not one.startswith("requirements/")] == []


def found(pattern: str) -> Iterator[str]:
    wanted = re.compile(pattern)
    for path, number, line in lines():
        match = wanted.search(line)
        if match:
            yield f"{path}:{number}: {match[0]}"


def lines() -> Iterator[tuple[str, int, str]]:
    for path, text in texts().items():
        for number, line in enumerate(text.splitlines(), 1):
            yield path, number, line
