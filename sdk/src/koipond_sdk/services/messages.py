"""Messages to members: asked for once for each act, sent if and when they may be.

Kinds are declared by the hook register_messages; a sender is the hook message_send, by its key.
"""

from koipond.kernel.ids import MessageId
from koipond.member.service import send_message
from koipond.member.types import MemberMessage
from koipond.notify.errors import (
    MessageActInvalid,
    MessageKindUnknown,
    MessageNotSent,
    MessageValueInvalid,
)
from koipond.notify.types import (
    Medium,
    Message,
    MessageKind,
    MessageText,
    OutgoingMessage,
    Purpose,
    Sent,
    Urgency,
    Variable,
    VariableKind,
)

__all__ = [
    "Medium",
    "MemberMessage",
    "Message",
    "MessageActInvalid",
    "MessageId",
    "MessageKind",
    "MessageKindUnknown",
    "MessageNotSent",
    "MessageText",
    "MessageValueInvalid",
    "OutgoingMessage",
    "Purpose",
    "Sent",
    "Urgency",
    "Variable",
    "VariableKind",
    "send_message",
]
