"""Wheels of this checkout, and environments in which nothing else of it can be found."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = [
    ROOT / "core",
    ROOT / "sdk",
    *sorted(one.parent for one in ROOT.glob("plugins/*/pyproject.toml")),
]
UV = Path(sys.executable).with_name("uv")

# What uv says where its cache lacks a package.
NOT_CACHED = ("network was disabled", "network connectivity is disabled", "not found in the cache")


def build_wheels(folder: Path, packages: Iterable[Path] = PACKAGES) -> dict[str, Path]:
    """Return {name of the import package: its wheel}, built into `folder`."""
    for package in packages:
        run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=package)
    return {wheel.name.split("-")[0]: wheel for wheel in folder.glob("*.whl")}


def make_environment(home: Path, lock: Path, wheels: Iterable[Path]) -> Path:
    """Make an environment of what a lock names and of wheels; returns its folder of programs."""
    run([UV, "venv", "--quiet", "--python", sys.executable, home / "venv"], cwd=home)
    python = home / "venv" / "bin" / "python"
    # Not resolved again: uv's cache has the locked wheels, but not all that resolving asks for.
    install = [UV, "pip", "install", "--offline", "--no-deps", "--python", python]
    locked = subprocess.run(
        [*install, "--require-hashes", "-r", lock],
        cwd=home,
        check=False,
        capture_output=True,
        text=True,
    )
    if any(sign in locked.stderr.lower() for sign in NOT_CACHED):
        pytest.skip(f"uv's cache lacks a package, make .venv/.installed fills it: {locked.stderr}")
    assert locked.returncode == 0, locked.stderr
    run([*install, *wheels], cwd=home)
    run([UV, "pip", "check", "--python", python], cwd=home)  # nothing is missing
    return python.parent


def run(command: list[object], *, cwd: Path, **more: str) -> str:
    """Run a program that must end well, with these variables; returns what it printed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=outside(**more),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def outside(**more: str) -> dict[str, str]:
    """Return the environment without anything that would let this checkout be found."""
    hidden = ("PYTHONPATH", "VIRTUAL_ENV")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in hidden and not name.startswith(("KOI_", "PYTEST_"))
    }
    return {**kept, **more}
