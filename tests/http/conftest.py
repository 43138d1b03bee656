"""Programs of Node, where there are any."""

import pytest
from tests.http.judging import find_obstacle


@pytest.fixture(scope="session")
def node() -> None:
    """Skip, saying why, where no program of Node can be run."""
    obstacle = find_obstacle()
    if obstacle:
        pytest.skip(obstacle)
