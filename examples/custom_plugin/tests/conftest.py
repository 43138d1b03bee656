import pytest


@pytest.fixture
def plugins() -> list[str]:
    return ["giftnote"]
