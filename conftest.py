"""The test kit for every test of the workspace."""

import gc

pytest_plugins = ["koipond_sdk.testing.plugin"]


def pytest_collection_finish() -> None:
    """Leave what was imported and collected, a million objects, out of the search for garbage."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
