import pytest


@pytest.fixture
def plugins() -> list[str]:
    return ["lottery", "points"]


@pytest.fixture
def audited(request: pytest.FixtureRequest) -> bool:
    """The workspace has audits off for its own tests; here they are on, as for any plugin."""
    return request.node.get_closest_marker("breaks_invariants") is None
