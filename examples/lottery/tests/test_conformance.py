"""The lottery keeps to what every plugin keeps to, while somebody enters it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_it_keeps_to_what_every_plugin_keeps_to() -> None:
    asked = ["-n0", "-p", "no:cacheprovider", "--koipond-conformance", "--koipond-plugin=lottery"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *asked],
        cwd=PROJECT,
        # Where this test's own process finds the package and its entry points.
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout
