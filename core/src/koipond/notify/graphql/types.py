"""What everybody sees of a message that is theirs."""

from datetime import datetime

import strawberry

from koipond.kernel.ids import MessageId, encode
from koipond.notify import types


@strawberry.type(description="A message to a member, as seen by themselves.")
class Message:
    found: strawberry.Private[types.Message]
    id: strawberry.ID
    kind: str = strawberry.field(description="What it is about, such as order.shipped")
    subject: str
    body: str
    sent_at: datetime | None
    read_at: datetime | None

    @classmethod
    def of(cls, found: types.Message) -> "Message":
        """Wrap a message."""
        return cls(
            found=found,
            id=strawberry.ID(encode(MessageId, found.id)),
            kind=found.kind,
            subject=found.subject,
            body=found.body,
            sent_at=found.sent_at,
            read_at=found.read_at,
        )
