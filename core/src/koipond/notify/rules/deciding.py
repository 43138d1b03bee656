"""Whether a message goes out now, later or not at all."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from koipond.kernel.ids import MessageId
from koipond.notify.types import (
    Medium,
    Message,
    MessageKind,
    MessageState,
    MessageWish,
    Preferences,
    Purpose,
    Suppression,
    Urgency,
)

# Jobs are taken by the time at which they were due. One that was due before others is taken before
# them, and none waits for ever: after a day a campaign's message goes before a new notice.
_HEAD_START = {
    Urgency.URGENT: timedelta(days=1),
    Urgency.NORMAL: timedelta(hours=1),
    Urgency.LOW: timedelta(),
}

_MINUTE = timedelta(minutes=1)


class QuietHours(Struct, frozen=True, kw_only=True):
    """When nobody is disturbed, by the clock on their wall; from 22:00 until 08:00 is one night."""

    start: time
    end: time


class Cap(Struct, frozen=True, kw_only=True):
    """At most so many messages of a category by a medium within so long."""

    category: str
    medium: Medium
    messages: int
    window: timedelta


class Situation(Struct, frozen=True, kw_only=True):
    """What decides about a message beside itself.

    media: those of its chain that it could go by now, in their order. is_due: what it is about is
    still so. counts: {cap: how many messages of its window went out}.
    """

    now: datetime
    preferences: Preferences
    media: tuple[Medium, ...]
    is_due: bool
    quiet: QuietHours | None
    counts: Mapping[Cap, int]


class Wait(Struct, frozen=True):
    """Not before then."""

    until: datetime


class Go(Struct, frozen=True):
    """Now, by this medium."""

    medium: Medium


Decision = Go | Wait | Suppression


def plan(
    kind: MessageKind,
    wish: MessageWish,
    told: Mapping[str, object],
    ids: list[MessageId],
    now: datetime,
) -> list[Message]:
    """Return the messages that a wish comes to: one for each way of its kind."""
    due_at = max(wish.due_at or now, now)
    return [
        Message(
            id=ids[number],
            kind=kind.key,
            act=wish.act,
            way=number,
            member_id=wish.to.member_id,
            purpose=kind.purpose,
            category=kind.category,
            urgency=kind.urgency,
            medium=way[0],
            to=wish.to,
            values=told,
            about=wish.about,
            state=MessageState.QUEUED,
            due_at=due_at,
            expires_at=due_at + kind.keep,
            created_at=now,
        )
        for number, way in enumerate(kind.ways)
    ]


def run_at(message: Message, *, now: datetime) -> datetime:
    """Return from when on a worker may take a message: the urgent one before the other."""
    if message.due_at > now:
        return message.due_at
    return message.due_at - _HEAD_START[message.urgency]


def remaining(kind: MessageKind, message: Message) -> tuple[Medium, ...]:
    """Return the media of a message's chain from where it stands, to its end."""
    chain = kind.ways[message.way] if message.way < len(kind.ways) else ()
    return chain[chain.index(message.medium) :] if message.medium in chain else ()


def decide(message: Message, found: Situation) -> Decision:
    """Decide about a message that is due, right before it is sent."""
    if not found.is_due:
        return Suppression.STALE
    if found.now >= message.expires_at:
        return Suppression.EXPIRED
    if message.purpose is Purpose.MARKETING and message.purpose not in found.preferences.consents:
        return Suppression.NO_CONSENT
    if not found.media:
        return Suppression.NO_WAY
    medium = found.media[0]
    until = _quiet_until(message, medium, found)
    if until is not None:
        return Wait(until) if until < message.expires_at else Suppression.EXPIRED
    full = any(count >= cap.messages for cap, count in found.counts.items() if cap.medium is medium)
    return Suppression.CAPPED if full else Go(medium)


def _quiet_until(message: Message, medium: Medium, found: Situation) -> datetime | None:
    # What is read in the shop wakes nobody.
    if found.quiet is None or medium is Medium.IN_APP or message.urgency is Urgency.URGENT:
        return None
    zone = found.preferences.time_zone or message.to.time_zone
    return quiet_until(found.now, zone, found.quiet)


def quiet_until(now: datetime, time_zone: str, quiet: QuietHours) -> datetime | None:
    """Return when the quiet time is over that it is now somewhere; None if it is none.

    By the clock on the wall: where an hour is left out or comes twice, it is over the first time
    that the clock shows its end, or has gone past it.
    """
    zone = ZoneInfo(time_zone)
    here = now.astimezone(zone)
    if not _is_quiet(here.time(), quiet):
        return None
    days = (here.date() + timedelta(days=more) for more in range(3))
    ends = (
        datetime.combine(day, quiet.end, zone).replace(fold=fold).astimezone(now.tzinfo)
        for day in days
        for fold in (0, 1)
    )
    over = next(end for end in ends if end > now)
    # The end is in an hour that is left out: it is past as soon as that hour is.
    while over - _MINUTE > now and not _is_quiet((over - _MINUTE).astimezone(zone).time(), quiet):
        over -= _MINUTE
    return over


def _is_quiet(clock: time, quiet: QuietHours) -> bool:
    if quiet.start <= quiet.end:
        return quiet.start <= clock < quiet.end
    return clock >= quiet.start or clock < quiet.end
