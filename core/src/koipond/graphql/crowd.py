"""The open sockets of one process: how many there may be, and whose, and how all are closed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Hashable

from koipond.graphql.protocol import GOING_AWAY, TRY_LATER, Conversation, Ending
from koipond.kernel.readiness import NotReady
from koipond.kernel.viewer import Viewer
from koipond.settings import Settings


class Crowd:
    """Who is connected to this process, by any of its schemas."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # {who or where from: how many they are}, and {each: what it is counted under}.
        self._counts: Counter[Hashable] = Counter()
        self._present: dict[Conversation, list[Hashable]] = {}
        self._nobody = asyncio.Event()
        self._nobody.set()
        self.is_leaving = False

    def __len__(self) -> int:
        """Tell how many are connected."""
        return len(self._present)

    def check_stays(self) -> None:
        """Raise NotReady once everybody is sent away."""
        if self.is_leaving:
            raise NotReady("it is about to end")

    def enter(self, one: Conversation, *, address: str | None) -> None:
        """Count one more from an address; None: nobody knows it. Raises Ending."""
        if self.is_leaving:
            raise Ending(GOING_AWAY, "This server goes away. Connect again.")
        self._present[one] = []
        self._nobody.clear()
        self._count(one, None, self._settings.sockets_max, "sockets_max")
        if address is not None:
            most = self._settings.sockets_per_address_max
            self._count(one, address, most, "sockets_per_address_max")

    def recognise(self, one: Conversation, viewer: Viewer) -> None:
        """Count one more of a member, or of staff. Raises Ending."""
        if viewer.id is not None:
            most = self._settings.sockets_per_member_max
            self._count(one, (viewer.kind, viewer.id), most, "sockets_per_member_max")

    def leave(self, one: Conversation) -> None:
        """Count one less."""
        for key in self._present.pop(one, ()):
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]
        if not self._present:
            self._nobody.set()

    async def is_empty(self) -> None:
        """Wait until nobody is connected."""
        await self._nobody.wait()

    async def disperse(self, *, within_s: float) -> None:
        """Let nobody in any more, answer what was asked, close every socket with 1001."""
        self.is_leaving = True
        async with asyncio.timeout(within_s):
            # Half of the time to answer, half to see them go.
            leaving = (one.leave(within_s=within_s / 2) for one in list(self._present))
            await asyncio.gather(*leaving)
            await self.is_empty()

    def _count(self, one: Conversation, key: Hashable, most: int, setting: str) -> None:
        if self._counts[key] >= most:
            raise Ending(TRY_LATER, f"There are {most} sockets already ({setting}).")
        self._counts[key] += 1
        self._present[one].append(key)
