"""What pytest finds wherever koipond-sdk is installed: the test kit, if its extra is there too."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

# Of the extra `testing`: without it somebody else's pytest must run as if we were not there.
_NEEDED = ("pytest_asyncio", "httpx2")


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Load the kit by the its own name, by which a conftest.py may ask for it too."""
    if all(map(find_spec, _NEEDED)):
        pluginmanager.import_plugin("koipond_sdk.testing.plugin")
