from collections.abc import Awaitable, Callable

import pytest

from koipond.member import service as members
from koipond.member.types import Contact
from koipond_sdk import Viewer, ViewerKind
from koipond_sdk.testing.shop import RunningShop


@pytest.fixture
def plugins() -> list[str]:
    return ["points"]


@pytest.fixture
async def lin(shop: RunningShop) -> Viewer:
    """A member of the shop."""
    return await make_member(shop, "lin@example.org")


async def make_member(shop: RunningShop, email: str) -> Viewer:
    async with shop.context() as ctx:
        key = await members.ensure_buyer(ctx, Contact(email=email))
    return Viewer(kind=ViewerKind.MEMBER, id=key)


MakeMember = Callable[[RunningShop, str], Awaitable[Viewer]]


@pytest.fixture
def new_member() -> MakeMember:
    """For shops of a test's own making."""
    return make_member
