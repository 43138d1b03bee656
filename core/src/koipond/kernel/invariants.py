"""What must always hold, as code that tests and `koi doctor --audit` share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from msgspec import Struct

from koipond.kernel import extensions
from koipond.kernel.context import Context, Shop
from koipond.kernel.viewer import GUEST


class Finding(Struct, frozen=True, kw_only=True):
    """An invariant that does not hold. fix: what to do, or the command that does it."""

    # I1 to I14 are core's; a plugin's begin with its name.
    invariant: str
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.problem}. {self.fix}"


# Reads by `ctx.reading()`, and returns what it found wrong; nothing is well.
Audit = Callable[[Context], Awaitable[Sequence[Finding]]]
# Which is below, and names it in the type of an Invariant alone; see context.py.
vars(extensions)["Audit"] = Audit


async def run_audits(shop: Shop, audits: Iterable[Audit]) -> list[Finding]:
    """Return what `audits` find wrong, all of them looking at one and the same moment."""
    async with shop.database.snapshot() as connection:
        ctx = shop.context(viewer=GUEST).inside(connection)
        return [finding for audit in audits for finding in await audit(ctx)]
