"""The test kit: real servers, databases of one's own, a running shop."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from koipond_sdk.testing.shop import STAFF, FakeClock, RunningShop, connect, running_shop

__all__ = ["STAFF", "FakeClock", "RunningShop", "connect", "running_shop"]


def __getattr__(name: str) -> Any:
    """Import the shop when it is wanted: a core that cannot be imported breaks nothing else."""
    if name in __all__:
        from koipond_sdk.testing import shop

        return getattr(shop, name)
    raise AttributeError(name)
