"""Break the rules of money, payment and quota, one spot at a time: each break must fail a test.

    make mutants                            all of them, 10 minutes on a quiet machine
    tests/mutants/run.py 'koipond.quota*'   some of them

What survives is listed in survivors.toml with the reason why no test can tell it from the rule; an
entry that fits none any more counts as failed too. What is broken is in pyproject.toml.
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from mutmut.mutation.diff_apply import get_diff_for_mutant

ROOT = Path(__file__).parents[2]
# Made anew for each run: mutmut would keep verdicts although tests have changed.
FOLDER = ROOT / ".mutants" / "rules"
LISTED = Path(__file__).with_name("survivors.toml")
# That a test fails is all there is to know: the simplest example of it would take seconds to find.
# And a break is not found by a test that was slow.
# Its marks are those of tests/rig/battery.py, which would leave some of the tests out.
CONFTEST = """\
from hypothesis import Phase, settings


def pytest_configure(config):
    for mark in ("slow", "story"):
        config.addinivalue_line("markers", mark)


settings.register_profile(
    "mutants", phases=[Phase.explicit, Phase.generate], database=None, deadline=None
)
settings.load_profile("mutants")
"""
# A test failed, or pytest did; or there was no end to it.
KILLED = {1, 3, 24, -24, 36, 152, 255}


@dataclass(frozen=True)
class Change:
    """A mutant, named by what it does: numbers would shift with every line that is added."""

    function: str
    was: str
    now: str


def main() -> int:
    """Return the exit code: 1 if a mutant survives that is not listed."""
    chosen = sys.argv[1:]
    lay_out()
    mutmut = [sys.executable, "-c", "from mutmut.__main__ import cli; cli()", "run"]
    children = os.environ.get("KOI_MUTANTS_AT_ONCE", "2")
    done = subprocess.run([*mutmut, "--max-children", children, *chosen], cwd=FOLDER, check=False)
    if done.returncode:
        return done.returncode
    os.chdir(FOLDER)
    reasons = read_listed()
    passed = 0
    unknown = []
    found = set()
    for path, verdicts in read_verdicts(chosen):
        survived = [change_of(name, path) for name, killed in verdicts.items() if not killed]
        new = [change for change in survived if change not in reasons]
        found |= set(survived)
        unknown += new
        passed += len(verdicts) - len(new)
        killed = len(verdicts) - len(survived)
        print(f"{path:<50} killed {killed:4}  survived {len(survived):3}  total {len(verdicts):4}")
    for change in unknown:
        print(f"\n{change.function}\n- {change.was}\n+ {change.now}")
    stale = [] if chosen else [change for change in reasons if change not in found]
    for change in stale:
        print(f"\nlisted, but it does not survive: {change}")
    print(f"\n{passed} passed, {len(unknown) + len(stale)} failed")
    return 1 if unknown or stale else 0


def lay_out() -> None:
    """Make the folder that mutmut needs: it finds modules only below its own ./src."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "core").mkdir(parents=True)
    (FOLDER / "src").symlink_to(ROOT / "core" / "src")
    (FOLDER / "core" / "tests").symlink_to(ROOT / "core" / "tests")
    shutil.copy(ROOT / "pyproject.toml", FOLDER)
    (FOLDER / "conftest.py").write_text(CONFTEST, encoding="utf-8")


def read_verdicts(chosen: list[str]) -> Iterator[tuple[str, dict[str, bool]]]:
    """Return each file with {name of a mutant: whether it was killed}, of those that were run."""
    for file in sorted((FOLDER / "mutants").rglob("*.meta")):
        codes = json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"]
        verdicts = {
            name: code in KILLED
            for name, code in codes.items()
            if not chosen or any(fnmatch(name, pattern) for pattern in chosen)
        }
        if verdicts:
            yield str(file.relative_to(FOLDER / "mutants").with_suffix("")), verdicts


def change_of(name: str, path: str) -> Change:
    """Return what a mutant does, from mutmut's diff of it."""
    lines = get_diff_for_mutant(name, path=path).splitlines()

    def told(sign: str) -> str:
        return " ".join(line[1:].strip() for line in lines[3:] if line.startswith(sign))

    return Change(function=name.partition("__mutmut_")[0], was=told("-"), now=told("+"))


def read_listed() -> dict[Change, str]:
    """Return {mutant: why it may survive}."""
    listed = tomllib.loads(LISTED.read_text(encoding="utf-8")).get("survivor", [])
    return {Change(one["function"], one["was"], one["now"]): one["reason"] for one in listed}


if __name__ == "__main__":
    sys.exit(main())
