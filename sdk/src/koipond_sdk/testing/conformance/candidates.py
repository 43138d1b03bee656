"""A plugin that is examined, beside what else is installed, and what happens to it meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress

from msgspec import Struct

from koipond.kernel.plugins import Plugin, discover, split_wish
from koipond_sdk.testing.making import Factory, Refusal
from koipond_sdk.testing.shop import RunningShop

# What buyers and staff do in a shop while the plugin is watched; told by who knows the plugin.
Story = Callable[[RunningShop, Factory], Awaitable[object]]


class Candidate(Struct, frozen=True, kw_only=True):
    """A plugin that is examined. installed: it and all others, in the order of their start."""

    plugin: Plugin
    installed: tuple[Plugin, ...]
    story: Story | None = None

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.plugin.name

    @property
    def alone(self) -> tuple[Plugin, ...]:
        """It, and those without which it cannot run."""
        needed = set(_needed(self.plugin, self.installed))
        return tuple(one for one in self.installed if one.name in needed)

    @property
    def others(self) -> tuple[Plugin, ...]:
        """Those that can run without it."""
        return tuple(
            one for one in self.installed if self.name not in set(_needed(one, self.installed))
        )

    def owns(self, table: str) -> bool:
        """Tell whether a table carries its prefix."""
        return table.startswith(f"{self.plugin.manifest.table_prefix}_")

    async def tell(self, shop: RunningShop) -> None:
        """Let all of it happen: what the plugin is about, then a purchase of each end."""
        make = Factory(shop)
        if self.story is not None:
            await self.story(shop, make)
            await shop.work()
        await tell_story(shop, make)


def find_candidate(name: str, story: Story | None = None) -> Candidate:
    """Return an installed plugin to be examined. Raises LookupError."""
    installed = tuple(discover())
    for one in installed:
        if one.name == name:
            return Candidate(plugin=one, installed=installed, story=story)
    known = ", ".join(one.name for one in installed) or "none"
    raise LookupError(f"no plugin {name!r} is installed. There are: {known}")


def _needed(plugin: Plugin, installed: Sequence[Plugin]) -> Iterator[str]:
    yield plugin.name
    required = {split_wish(wish)[0] for wish in plugin.manifest.requires}
    for other in installed:
        if other.name in required:
            yield from _needed(other, installed)


async def tell_story(shop: RunningShop, make: Factory) -> None:
    """Buy as a member and as a guest: paid, cancelled, expired and refunded, each once.

    What the plugin refuses is left out; that it refuses it is its right.
    """
    lin = await make.member("lin@example.org", name="Lin")
    tea = await make.variant("STORY-TEA", price="10.00", stock=50, name="Story tea")
    for by in (lin, await make.member("wu@example.org", name="Wu")):
        with suppress(Refusal):
            refunded = await make.paid_order({tea: 2}, by=by)
            await make.paid_order({tea: 1}, by=by)
            await make.cancel(await make.order({tea: 1}, by=by))
            await make.refund(refunded)
            await shop.work()
    with suppress(Refusal):
        await make.order({tea: 1})
    # Longer than any order may wait for its money; what is let go by that follows soon after.
    await shop.pass_time(days=2)
    for _ in range(3):
        await shop.pass_time(minutes=1)
