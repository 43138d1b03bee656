import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCKS = ("uv", "run", "dev", "data")

# Spelt so that this file does not match.
ADDRESSES = re.compile(
    r"://[^\s\"'<>]*/simpl[e]\b|index[-_]ur[l]|find[-_]link[s]|(?<![\w.-])/(?:wor[k]|roo[t]|hom[e])/"
)


def name_of(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def wanted(file: str) -> set[str]:
    lines = (ROOT / "requirements" / file).read_text().splitlines()
    return {name_of(line) for line in lines if line and not line.startswith(("#", "-"))}


def pinned(file: str) -> dict[str, str]:
    text = (ROOT / "requirements" / file).read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", text, flags=re.MULTILINE))


def test_core_depends_on_what_run_in_names() -> None:
    project = tomllib.loads((ROOT / "core" / "pyproject.toml").read_text())["project"]
    assert {name_of(one) for one in project["dependencies"]} == wanted("run.in")


def test_every_wanted_package_is_pinned_with_hashes() -> None:
    for lock in LOCKS:
        pins = pinned(f"{lock}.txt")
        assert wanted(f"{lock}.in") <= pins.keys()
        text = (ROOT / "requirements" / f"{lock}.txt").read_text()
        for pin in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]:
            assert "--hash=sha256:" in pin, pin.splitlines()[0]


def test_development_runs_on_the_versions_that_are_shipped() -> None:
    development = pinned("dev.txt")
    for lock in ("run", "uv"):
        for name, version in pinned(f"{lock}.txt").items():
            assert development[name] == version, name


def test_no_file_names_an_index_or_a_place_of_one_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        file = ROOT / name
        if file.is_file():
            text = file.read_text(encoding="utf-8", errors="ignore")
            found += [(name, match[0]) for match in ADDRESSES.finditer(text)]
    assert found == []
