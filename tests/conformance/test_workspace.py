"""All plugins of the workspace keep to the rules of `pytest --koipond-conformance`."""

import pytest

from koipond_sdk.testing.conformance.suite import *  # noqa: F403  its tests, as they are

pytestmark = pytest.mark.story
