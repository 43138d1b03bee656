"""The test kit for every test of the workspace."""

import gc
from collections import Counter

import pytest
from hypothesis import settings

# The same examples in every run, so that what fails fails again; `make fuzz` looks for others.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("long", max_examples=2_000, deadline=None, print_blob=True)
settings.load_profile("same")

pytest_plugins = ["koipond_sdk.testing.plugin", "tests.rig.battery"]

# What starts programs: few tests, each of them long.
SLOW = ("tests/", "sdk/", "examples/", "core/tests/cli/", "core/tests/quota/test_races.py")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that the workers of a run end at about the same time."""
    tests = Counter(item.path for item in items)
    items.sort(
        key=lambda item: (not item.nodeid.startswith(SLOW), -tests[item.path], str(item.path))
    )


def pytest_collection_finish() -> None:
    """Leave what was imported and collected, a million objects, out of the search for garbage."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
