"""Runs tests as those of a project that knows nothing of this repository."""

import subprocess
import sys
from pathlib import Path


def run_outside(folder: Path, files: dict[str, str]) -> str:
    """Run pytest as somebody who has installed koipond-sdk[testing] does; returns what it says."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    ran = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    return ran.stdout
