"""SQL of messages, their templates, and the boxes that they come into."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select

from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.ids import MemberId, MessageId
from koipond.kernel.pages import Page, Slice, cut
from koipond.kernel.texts import Locale
from koipond.notify.tables import (
    admitted,
    in_centre,
    message,
    message_box,
    message_template,
    unread,
)
from koipond.notify.types import (
    Medium,
    Message,
    MessageFilter,
    MessageState,
    MessageText,
    Purpose,
    Recipient,
    StaffText,
    Suppression,
    Tried,
    Urgency,
)


async def add(db: AsyncConnection, new: Sequence[Message]) -> set[MessageId]:
    """Store messages; returns the ids of those whose act there was none for yet."""
    rows = [_row(one) for one in new]
    statement = insert(db, message).values(rows).on_conflict_do_nothing().returning(message.c.id)
    return {MessageId(key) for key in (await db.execute(statement)).scalars()}


async def find(db: AsyncConnection, key: MessageId) -> Message | None:
    """Return a message, or None."""
    row = (await db.execute(select(message).where(message.c.id == key))).one_or_none()
    return None if row is None else _message(row)


async def lock(db: AsyncConnection, key: MessageId) -> Message:
    """Lock and return a message that is known to be there."""
    statement = select(message).where(message.c.id == key).with_for_update(key_share=True)
    return _message((await db.execute(statement)).one())


async def find_member(db: AsyncConnection, key: MessageId) -> MemberId:
    """Return to whom a message is that is known to be there."""
    rows = await db.execute(select(message.c.member_id).where(message.c.id == key))
    return MemberId(rows.scalar_one())


async def save(db: AsyncConnection, changed: Message) -> None:
    """Store a message that is locked."""
    await db.execute(message.update().where(message.c.id == changed.id).values(_row(changed)))


async def lock_box(db: AsyncConnection, member_id: MemberId) -> int:
    """Lock a member's box, which is made if there is none; returns its number."""
    made = insert(db, message_box).values(member_id=member_id, number=0).on_conflict_do_nothing()
    await db.execute(made)
    box = select(message_box.c.number).where(message_box.c.member_id == member_id)
    number: int = (await db.execute(box.with_for_update(key_share=True))).scalar_one()
    return number


async def count_up(db: AsyncConnection, member_id: MemberId) -> int:
    """Count that something in a locked box is new; returns the new number."""
    changed = (
        message_box.update()
        .where(message_box.c.member_id == member_id)
        .values(number=message_box.c.number + 1)
        .returning(message_box.c.number)
    )
    number: int = (await db.execute(changed)).scalar_one()
    return number


async def find_numbers(db: AsyncConnection, members: Collection[MemberId]) -> dict[MemberId, int]:
    """Return {member: the number of their box} of those who have one."""
    rows = await db.execute(
        select(message_box.c.member_id, message_box.c.number).where(
            message_box.c.member_id.in_(sorted(members))
        )
    )
    return {MemberId(key): number for key, number in rows}


async def count_admitted(
    db: AsyncConnection, of: Message, medium: Medium, *, since: datetime
) -> int:
    """Return how many messages of the category of one its member has had since then, but for it."""
    counted = select(func.count()).where(
        admitted,
        message.c.member_id == of.member_id,
        message.c.category == of.category,
        message.c.admitted_at > since,
        message.c.medium == medium,
        message.c.id != of.id,
    )
    found: int = (await db.execute(counted)).scalar_one()
    return found


async def find_in_centre(
    db: AsyncConnection, member_id: MemberId, page: Page, *, unread_only: bool = False
) -> Slice[Message]:
    """Return one page of what a member can read in the shop, the newest first."""
    shown = unread if unread_only else in_centre
    statement = select(message).where(shown, message.c.member_id == member_id)
    if page.after is not None:
        statement = statement.where(message.c.place < page.after[0])
    rows = await db.execute(statement.order_by(message.c.place.desc()).limit(page.first + 1))
    found = [_message(row) for row in rows]
    return cut(found, [(one.place,) for one in found], page)


async def find_behind(
    db: AsyncConnection, member_id: MemberId, place: int, *, limit: int
) -> list[Message]:
    """Return what came into a member's message centre behind a place, in its order."""
    rows = await db.execute(
        select(message)
        .where(in_centre, message.c.member_id == member_id, message.c.place > place)
        .order_by(message.c.place)
        .limit(limit)
    )
    return [_message(row) for row in rows]


async def find_last_place(db: AsyncConnection, member_id: MemberId) -> int:
    """Return the place of what came last into a member's message centre, else 0."""
    last = select(func.max(message.c.place)).where(in_centre, message.c.member_id == member_id)
    return (await db.execute(last)).scalar_one() or 0


async def count_unread(db: AsyncConnection, members: Collection[MemberId]) -> dict[MemberId, int]:
    """Return {member: how many messages they have not read} of those who have some."""
    rows = await db.execute(
        select(message.c.member_id, func.count())
        .where(unread, message.c.member_id.in_(sorted(members)))
        .group_by(message.c.member_id)
    )
    return {MemberId(key): count for key, count in rows}


async def find_own(
    db: AsyncConnection, member_id: MemberId, keys: Collection[MessageId]
) -> set[MessageId]:
    """Return which of these messages are in a member's message centre."""
    rows = await db.execute(
        select(message.c.id).where(
            in_centre, message.c.member_id == member_id, message.c.id.in_(sorted(keys))
        )
    )
    return {MessageId(key) for key in rows.scalars()}


async def mark_read(
    db: AsyncConnection,
    member_id: MemberId,
    keys: Collection[MessageId] | None,
    *,
    now: datetime,
) -> int:
    """Store that a member has read messages, None: all; returns how many were unread."""
    statement = message.update().where(unread, message.c.member_id == member_id)
    if keys is not None:
        statement = statement.where(message.c.id.in_(sorted(keys)))
    return (await db.execute(statement.values(read_at=now))).rowcount


async def find_all(db: AsyncConnection, wanted: MessageFilter, page: Page) -> Slice[Message]:
    """Return one page of all messages that fit, the newest first."""
    statement = select(message)
    if wanted.member_id is not None:
        statement = statement.where(message.c.member_id == wanted.member_id)
    if wanted.kind is not None:
        statement = statement.where(message.c.kind == wanted.kind)
    if wanted.state is not None:
        statement = statement.where(message.c.state == wanted.state)
    if page.after is not None:
        statement = statement.where(message.c.id < msgspec.convert(page.after[0], UUID))
    rows = await db.execute(statement.order_by(message.c.id.desc()).limit(page.first + 1))
    found = [_message(row) for row in rows]
    return cut(found, [(one.id.hex,) for one in found], page)


async def find_staff_texts(db: AsyncConnection) -> tuple[StaffText, ...]:
    """Return all that staff wrote."""
    rows = await db.execute(
        select(message_template).order_by(
            message_template.c.kind, message_template.c.medium, message_template.c.locale
        )
    )
    return tuple(
        StaffText(
            kind=row.kind,
            medium=Medium(row.medium),
            locale=Locale(row.locale),
            text=MessageText(subject=row.subject, body=row.body, html=row.html),
            version=row.version,
            changed_at=row.changed_at,
        )
        for row in rows
    )


async def save_staff_text(db: AsyncConnection, new: StaffText) -> bool:
    """Store a template as its next version; False if somebody else was faster."""
    row: Mapping[str, Any] = {
        "kind": new.kind,
        "medium": new.medium,
        "locale": new.locale,
        "version": new.version,
        "changed_at": new.changed_at,
        **msgspec.structs.asdict(new.text),
    }
    if new.version == 1:
        made = insert(db, message_template).values(row).on_conflict_do_nothing()
        stored = await db.execute(made.returning(message_template.c.version))
        return stored.one_or_none() is not None
    changed = await db.execute(
        message_template.update()
        .where(
            message_template.c.kind == new.kind,
            message_template.c.medium == new.medium,
            message_template.c.locale == new.locale,
            message_template.c.version == new.version - 1,
        )
        .values(row)
    )
    return changed.rowcount == 1


async def remove_staff_text(
    db: AsyncConnection, kind: str, medium: Medium, locale: Locale, version: int
) -> bool:
    """Remove a template of staff; False if it is not of this version, or there is none."""
    gone = await db.execute(
        message_template.delete().where(
            message_template.c.kind == kind,
            message_template.c.medium == medium,
            message_template.c.locale == locale,
            message_template.c.version == version,
        )
    )
    return gone.rowcount == 1


async def prune(db: AsyncConnection, before: datetime, *, most: int) -> int:
    """Drop messages from `before` that nothing is to come of; returns how many.

    The last one in each member's message centre stays, because the next is numbered by it.
    """
    later = message.alias()
    next_ones = select(later.c.id).where(
        later.c.member_id == message.c.member_id, later.c.place > message.c.place
    )
    over = (MessageState.SENT, MessageState.SUPPRESSED, MessageState.FAILED)
    old = (
        select(message.c.id)
        .where(message.c.created_at < before, message.c.state.in_(over))
        .where(message.c.due_at < before, message.c.place.is_(None) | next_ones.exists())
        .limit(most)
    )
    gone = await db.execute(message.delete().where(message.c.id.in_(old)))
    return gone.rowcount


def _row(one: Message) -> dict[str, Any]:
    row = msgspec.structs.asdict(one)
    row["recipient"] = msgspec.to_builtins(row.pop("to"))
    row["told"] = msgspec.to_builtins(row.pop("values"))
    row["tried"] = msgspec.to_builtins(one.tried)
    return row


def _message(row: Any) -> Message:
    told = dict(row._mapping)
    return Message(
        **{name: told[name] for name in _PLAIN},
        to=msgspec.convert(row.recipient, Recipient),
        values=row.told,
        tried=msgspec.convert(row.tried, tuple[Tried, ...]),
        purpose=Purpose(row.purpose),
        urgency=Urgency(row.urgency),
        medium=Medium(row.medium),
        state=MessageState(row.state),
        suppression=None if row.suppression is None else Suppression(row.suppression),
    )


_WRAPPED = {"to", "values", "tried", "purpose", "urgency", "medium", "state", "suppression"}
_PLAIN = [name for name in Message.__struct_fields__ if name not in _WRAPPED]


async def move_all(
    db: AsyncConnection, source: MemberId, target: MemberId, *, after: int
) -> tuple[dict[str, int | None], int]:
    """Let all messages of a locked box be in another, in the order in which they were sent.

    after: a number that is higher than any place in either box. Returns {message: its place before}
    of those that were moved, and the number of the last place.
    """
    rows = await db.execute(
        select(message.c.id, message.c.place).where(message.c.member_id == source)
    )
    places = {str(row.id): row.place for row in rows}
    centre = await db.execute(
        select(message.c.id)
        .where(in_centre, message.c.member_id.in_([source, target]))
        .order_by(message.c.sent_at, message.c.id)
    )
    keys = list(centre.scalars())
    for place, key in enumerate(keys, start=after + 1):
        await db.execute(
            message.update().where(message.c.id == key).values(member_id=target, place=place)
        )
    await db.execute(message.update().where(message.c.member_id == source).values(member_id=target))
    return places, after + len(keys)


async def move_back(
    db: AsyncConnection, source: MemberId, target: MemberId, places: Mapping[str, int | None]
) -> None:
    """Let these messages be in the box again in which they were, at their places."""
    for key, place in places.items():
        values: dict[str, Any] = {"member_id": target}
        if place is not None:
            values["place"] = place
        await db.execute(
            message.update()
            .where(message.c.id == UUID(key), message.c.member_id == source)
            .values(values)
        )


async def set_number(db: AsyncConnection, member_id: MemberId, number: int) -> None:
    """Store the number of a locked box."""
    await db.execute(
        message_box.update().where(message_box.c.member_id == member_id).values(number=number)
    )
