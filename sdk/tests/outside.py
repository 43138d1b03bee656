"""Runs tests as those of a project that knows nothing of this repository."""

import os
import subprocess
import sys
from pathlib import Path


def run_outside(folder: Path, files: dict[str, str], *options: str) -> str:
    """Run pytest as somebody who has installed koipond-sdk[testing] does; returns what it says."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        *options,
    ]
    # Before what is installed, if there is such a folder.
    environment = {**os.environ, "PYTHONPATH": str(folder / "site")}
    ran = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, env=environment
    )
    return ran.stdout
