"""What becomes of a message, step by step."""

from collections.abc import Mapping, Set
from datetime import datetime

from msgspec import structs

from koipond.notify.rules.deciding import remaining
from koipond.notify.rules.templates import Filled
from koipond.notify.types import (
    Medium,
    Message,
    MessageKind,
    MessageState,
    Sent,
    Suppression,
    Tried,
)

MESSAGE_MOVES: Mapping[MessageState, Set[MessageState]] = {
    MessageState.QUEUED: frozenset(
        {
            MessageState.SENDING,
            MessageState.SENT,
            MessageState.SUPPRESSED,
            MessageState.FAILED,
        }
    ),
    MessageState.SENDING: frozenset({MessageState.SENT, MessageState.QUEUED, MessageState.FAILED}),
    MessageState.SENT: frozenset(),
    MessageState.SUPPRESSED: frozenset(),
    # When staff have it sent again.
    MessageState.FAILED: frozenset({MessageState.QUEUED}),
}
# A sender is asked so often before the next medium has its turn.
ATTEMPTS_MAX = 6
_REFERENCE_MAX = 500
# So many attempts are kept, the last ones.
_TRIED_MAX = 20


def settle(message: Message, decision: Suppression) -> Message:
    """Return a message that is not sent. One whose sender never answered may have been."""
    if message.state is MessageState.SENDING:
        problem = f"the sender did not answer, and it is not sent again: {decision}"
        return structs.replace(message, state=MessageState.FAILED, problem=problem, doubtful=True)
    return structs.replace(message, state=MessageState.SUPPRESSED, suppression=decision)


def postpone(message: Message, until: datetime) -> Message:
    """Return a message that waits until then."""
    doubtful = message.doubtful or message.state is MessageState.SENDING
    return structs.replace(message, state=MessageState.QUEUED, due_at=until, doubtful=doubtful)


def admit(
    message: Message, medium: Medium, filled: Filled, version: int, *, now: datetime
) -> Message:
    """Return a message that goes out now; in the shop itself it has arrived by that."""
    arrived = medium is Medium.IN_APP
    return structs.replace(
        message,
        state=MessageState.SENT if arrived else MessageState.SENDING,
        medium=medium,
        attempts=message.attempts + 1,
        doubtful=message.doubtful or message.state is MessageState.SENDING,
        subject=filled.subject,
        body=filled.body,
        version=version,
        admitted_at=now,
        sent_at=now if arrived else None,
    )


def put(message: Message, place: int) -> Message:
    """Return a message at its place in the message centre."""
    return structs.replace(message, place=place)


def hand_to(message: Message, sender: str) -> Message:
    """Return a message that is handed to a sender."""
    return structs.replace(message, sender=sender)


def arrive(message: Message, sent: Sent, *, now: datetime) -> Message:
    """Return a message that its sender has taken."""
    return structs.replace(
        message,
        state=MessageState.SENT,
        reference=sent.reference[:_REFERENCE_MAX],
        doubtful=message.doubtful and not sent.once,
        sent_at=now,
    )


def come_back(
    message: Message, kind: MessageKind | None, reason: str, *, permanent: bool, now: datetime
) -> Message:
    """Return a message that surely was not sent: it waits for another try, or by its next medium.

    After the last of both it has failed.
    """
    problem = reason or "it was not sent"
    tried = (*message.tried, Tried(medium=message.medium, at=now, problem=problem))[-_TRIED_MAX:]
    known = structs.replace(message, tried=tried, admitted_at=None)
    if not permanent and message.attempts < ATTEMPTS_MAX:
        return structs.replace(known, state=MessageState.QUEUED)
    others = remaining(kind, message)[1:] if kind is not None else ()
    if not others:
        return structs.replace(known, state=MessageState.FAILED, problem=problem)
    return structs.replace(known, state=MessageState.QUEUED, medium=others[0], attempts=0)


def queued_again(message: Message, kind: MessageKind, *, now: datetime) -> Message:
    """Return a message that failed as one that waits: from its chain's start, kept anew."""
    chain = kind.ways[message.way] if message.way < len(kind.ways) else (message.medium,)
    return structs.replace(
        message,
        state=MessageState.QUEUED,
        medium=chain[0],
        problem="",
        attempts=0,
        due_at=now,
        expires_at=now + kind.keep,
    )


def fail(message: Message, problem: str) -> Message:
    """Return a message that cannot be sent."""
    return structs.replace(message, state=MessageState.FAILED, problem=problem)
