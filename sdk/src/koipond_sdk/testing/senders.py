"""A sender of messages that tests read, stop and lose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from koipond.notify.errors import MessageNotSent
from koipond.notify.service import RESERVED
from koipond.notify.types import OutgoingMessage, Sender, Sent

if TYPE_CHECKING:
    from koipond_sdk.testing.shop import RunningShop


class FakeSender:
    """Keeps what it is given to send. It knows messages by their id, as a good one does.

    messages: each message that it took, in order; what came twice is there once.
    """

    def __init__(self) -> None:
        self.messages: list[OutgoingMessage] = []
        self._refusing: MessageNotSent | None = None
        self._losing = 0

    @property
    def bodies(self) -> list[str]:
        """The texts of all that it took, in order."""
        return [one.body for one in self.messages]

    def refuse(self, reason: str = "the line is down", *, permanent: bool = False) -> None:
        """From now on take nothing. permanent: it would be of no use to try again."""
        self._refusing = MessageNotSent(reason=reason, permanent=permanent)

    def recover(self) -> None:
        """Take messages again."""
        self._refusing = None

    def lose_answers(self, count: int = 1) -> None:
        """Take the next messages, but let the answer get lost: nobody knows whether it did."""
        self._losing = count

    async def send(self, message: OutgoingMessage) -> Sent:
        """Keep a message. Raises MessageNotSent, TimeoutError, as it was told to."""
        if self._refusing is not None:
            raise self._refusing
        if message.id not in {one.id for one in self.messages}:
            self.messages.append(message)
        if self._losing:
            self._losing -= 1
            raise TimeoutError("the sender was told to lose its answer")
        return Sent(reference=f"fake-{message.id}", once=True)


def lend_sender(shop: RunningShop) -> FakeSender:
    """Let one take the place of core's own senders; those of plugins stay."""
    made = FakeSender()
    senders: Any = shop.shop.providers[Sender]
    for key in RESERVED:
        senders[key] = made
    return made
