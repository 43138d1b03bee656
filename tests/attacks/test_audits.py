"""Row 34: what the product calls, what the repository says, and what it is built with."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from detect_secrets import SecretsCollection
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.settings import transient_settings
from packaging.requirements import Requirement
from tests.attacks.rows import ROOT

ACCEPTED = Path(__file__).with_name("accepted.toml")
LOCKS = sorted(ROOT.glob("requirements/*.txt"))
PRODUCT = [ROOT / "core/src", ROOT / "sdk/src", *sorted(ROOT.glob("plugins/*/src"))]
# Words for passwords stand wherever passwords are spoken of: ruff's S105 and S106 look at the
# product's, and what tests make up is no secret.
TALKATIVE = "KeywordDetector"
# An assert states what is our own bug when it breaks, and -O is never used; whoever starts a
# program imports what does it, and says at its call what program it is.
UNASKED = "B101,B404"


@pytest.mark.slow
def test_every_call_that_can_be_dangerous_says_why_it_is_not() -> None:
    """Bandit's findings are those that have `# noqa: S…  reason` or `# nosec B…  reason`."""
    command = [sys.executable, "-m", "bandit", "-q", "-r", "-f", "json", "--ignore-nosec"]
    done = subprocess.run(
        [*command, "-s", UNASKED, *map(str, PRODUCT)], capture_output=True, check=False
    )
    told = json.loads(done.stdout)
    assert told["errors"] == []
    found = told["results"]
    assert [_place(one) for one in found if not _is_explained(one)] == []
    assert len(found) > 10, "they were looked for"


def _place(found: dict[str, Any]) -> str:
    return f"{found['filename']}:{found['line_number']} {found['test_id']} {found['issue_text']}"


def _is_explained(found: dict[str, Any]) -> bool:
    lines = Path(found["filename"]).read_text(encoding="utf-8").splitlines()
    number = found["test_id"].removeprefix("B")
    reason = re.compile(rf"# (noqa: ([A-Z0-9]+, )*S{number}|nosec B{number})\b.*  (# )?\w")
    first, last = min(found["line_range"]), max(found["line_range"])
    # A string of many lines says it behind its end.
    return any(reason.search(line) for line in lines[first - 1 : last + 1])


@pytest.mark.long_attack
@pytest.mark.timeout(600)
def test_what_looks_like_a_secret_is_said_to_be_none() -> None:
    kinds = {one.__name__ for one in get_mapping_from_secret_type_to_class().values()}
    plugins = [{"name": name} for name in sorted(kinds - {TALKATIVE})]
    found = SecretsCollection(root=str(ROOT))
    with transient_settings({"plugins_used": plugins}):
        for file in _committed():
            found.scan_file(file)
    seen = Counter((str(Path(one.filename).relative_to(ROOT)), one.type) for _, one in found)
    assert seen == _accepted()


def _committed() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return sorted(one for one in listed.stdout.decode().split("\0") if one)


def _accepted() -> Counter[tuple[str, str]]:
    """Return how often what is in a file; each has its reason."""
    told = tomllib.loads(ACCEPTED.read_text(encoding="utf-8"))["secret"]
    assert all(one["why"] for one in told)
    return Counter({(one["file"], one["kind"]): one["times"] for one in told})


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_package_is_one_of_known_bytes(lock: Path) -> None:
    """Whatever a registry would answer tomorrow, another file is not installed."""
    for wanted, hashes in _locked(lock):
        assert re.fullmatch(r"==[^*,]+", str(wanted.specifier)), wanted
        assert wanted.url is None
        assert hashes, wanted
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes), wanted


def test_what_is_installed_is_what_is_locked() -> None:
    locked = {
        wanted.name: str(wanted.specifier).removeprefix("==")
        for lock in LOCKS
        for wanted, _ in _locked(lock)
        if wanted.marker is None or wanted.marker.evaluate()
    }
    installed = {name: importlib.metadata.version(name) for name in locked}
    assert installed == locked


def _locked(lock: Path) -> Iterator[tuple[Requirement, list[str]]]:
    """Yield (requirement, its hashes) of a file that uv compiled."""
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        told = line.partition("#")[0].strip()
        if told:
            requirement, *hashes = told.split("--hash=")
            yield Requirement(requirement.strip()), [one.strip() for one in hashes]
