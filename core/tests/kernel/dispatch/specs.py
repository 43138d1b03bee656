"""Hooks to try the dispatcher on: one of each kind."""

from msgspec import Struct

from koipond.kernel.dispatch import (
    by_key,
    calculate,
    contribute,
    event,
    load,
    take_part,
    validate,
)
from koipond.kernel.errors import DomainError
from koipond.kernel.events import Event


class Price(Struct):
    minor: int


class Ctx:
    """What hooks are given; `lent_to` is the plugin that may write."""

    def __init__(self, lent_to: str = "") -> None:
        self.lent_to = lent_to


class Rained(Event, frozen=True, kw_only=True):
    """It rained."""


@contribute(since="0.1")
def register_names(prefix: str) -> list[str]:
    """Add names."""
    raise NotImplementedError


@load(since="0.1", deadline_s=0.2)
async def fish_inputs(ctx: Ctx, pond: str) -> Price | None:
    """Load."""


@calculate(since="0.1", inputs="fish_inputs")
def fish_prices(pond: str, inputs: Price | None) -> list[Price]:
    """Calculate."""
    raise NotImplementedError


@validate(since="0.1", deadline_s=0.2)
async def pond_validate(ctx: Ctx, pond: str) -> list[DomainError]:
    """Refuse."""
    raise NotImplementedError


@take_part(since="0.1", deadline_s=0.2)
async def pond_filling(ctx: Ctx, pond: str) -> None:
    """Take part."""


@event(Rained, since="0.1", deadline_s=0.2)
async def rained(ctx: Ctx, event: Rained) -> None:
    """Hear."""


@by_key(since="0.1", deadline_s=0.2)
async def fish_fry(ctx: Ctx, pond: str) -> int:
    """Answer for a kind of fish."""
    raise NotImplementedError
