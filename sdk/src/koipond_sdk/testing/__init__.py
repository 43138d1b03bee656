"""The test kit: real servers, databases of one's own, a running shop and all that happens in it.

pytest loads it by itself where `koipond-sdk[testing]` is installed; docs/testing.md shows it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from koipond_sdk.testing.actors import GUEST, STAFF, service, staff
    from koipond_sdk.testing.clock import FakeClock
    from koipond_sdk.testing.crashing import Died, crash_at, dies_at, passing
    from koipond_sdk.testing.making import Factory, MadeOrder, Refusal
    from koipond_sdk.testing.racing import Raced, race
    from koipond_sdk.testing.senders import FakeSender
    from koipond_sdk.testing.shop import RunningShop, connect, running_shop

__all__ = [
    "GUEST",
    "STAFF",
    "Died",
    "Factory",
    "FakeClock",
    "FakeSender",
    "MadeOrder",
    "Raced",
    "Refusal",
    "RunningShop",
    "connect",
    "crash_at",
    "dies_at",
    "passing",
    "race",
    "running_shop",
    "service",
    "staff",
]

_MODULES = {
    "actors": ("GUEST", "STAFF", "service", "staff"),
    "clock": ("FakeClock",),
    "crashing": ("Died", "crash_at", "dies_at", "passing"),
    "making": ("Factory", "MadeOrder", "Refusal"),
    "racing": ("Raced", "race"),
    "senders": ("FakeSender",),
    "shop": ("RunningShop", "connect", "running_shop"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a part when it is wanted: a core that cannot be imported breaks nothing else."""
    if name in _HOMES:
        return getattr(import_module(f"koipond_sdk.testing.{_HOMES[name]}"), name)
    raise AttributeError(name)
