"""Plugins of the workspace are tested as those of others are: all that must hold, after each."""

import pytest


@pytest.fixture
def audited(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker("breaks_invariants") is None
