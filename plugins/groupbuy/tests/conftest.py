import pytest
from plugins.groupbuy.tests.stall import Stall

from koipond_sdk.testing import RunningShop


@pytest.fixture
def plugins() -> list[str]:
    return ["groupbuy"]


@pytest.fixture
async def stall(shop: RunningShop) -> Stall:
    """A shop with a group buy of tea: teams of 3, 7.00 instead of 10.00."""
    made = Stall(shop)
    await made.open()
    return made
