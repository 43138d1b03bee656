"""The audit: who changed what, from where. A record is written in the transaction that it tells of.

What opens an act is what lets somebody in: `mutation(...)` of kernel/schema for those who run the
shop, and the commands of `koi`. Every transaction of the act that names what it changed by
`ctx.audited` writes a record for each thing; the first one writes one even if it names nothing. So
nothing can be changed by staff without one. Records are only ever added; see kernel/chaining.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Column, Index, String, Table, Uuid

from koipond.kernel.callers import Caller
from koipond.kernel.db import AsyncConnection, Document, Instant, metadata
from koipond.kernel.ids import AuditRecordId, is_outside, new_id
from koipond.kernel.viewer import Viewer

SUBJECT_MAX = 80
OPERATION_MAX = 80
HIDDEN = "[hidden]"
# What stands under such a key opens something, or is a person's and must be erasable.
_SECRET = re.compile(r"password|secret|token|authorization|\bcode$|otp", re.IGNORECASE)
_PERSONAL = re.compile(
    r"^(email|phone|contact|recipient|(\w*_?)address|first_?name|last_?name|birth\w*)$",
    re.IGNORECASE,
)
# What people write there may tell of a person; it stays with what it was written of, erasable.
_WRITTEN = re.compile(r"^(reason|note|comment)$", re.IGNORECASE)
_TEXT_MAX = 300
_ITEMS_MAX = 50
_DEPTH_MAX = 8

audit_record = Table(
    "audit_record",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", Instant, nullable=False),
    # An ActorKind.
    Column("actor_kind", String(20), nullable=False),
    # Whose id it is, the kind says; None: at the console.
    Column("actor_id", Uuid, nullable=True),
    # The mutation's name in the schema, or the command's.
    Column("operation", String(OPERATION_MAX), nullable=False),
    # What was changed: its id as the API has it, or its name. "": the input says it.
    Column("subject", String(SUBJECT_MAX), nullable=False),
    # An Outcome.
    Column("outcome", String(20), nullable=False),
    # The code of the request's channel, or "".
    Column("channel", String(40), nullable=False),
    # {field: value} of what is another now; null: it was not there, or is not any more.
    Column("before", Document, nullable=False),
    Column("after", Document, nullable=False),
    # What was asked, without secrets and personal data; null: see before and after.
    Column("input", Document, nullable=False),
    Column("ip", String(64), nullable=False),
    Column("user_agent", String(200), nullable=False),
    Column("request_id", String(128), nullable=False),
    Index(None, "at", "id"),
    Index(None, "actor_id", "at", "id"),
    Index(None, "subject", "at", "id"),
    Index(None, "operation", "at", "id"),
)


class ActorKind(StrEnum):
    """Who acts: one of the staff, a program of theirs, or whoever is at the shop's console."""

    STAFF = "staff"
    SERVICE = "service"
    CONSOLE = "console"


class Outcome(StrEnum):
    """What became of it. REFUSED: who asked lacked a permission; nothing was changed."""

    DONE = "done"
    REFUSED = "refused"


class Entry(Struct, frozen=True, kw_only=True):
    """One thing that a transaction changed. None: it was not there, or is not any more."""

    subject: str
    before: Any = None
    after: Any = None


class Act:
    """What somebody who runs the shop has begun to do: one mutation, or one command."""

    def __init__(
        self,
        operation: str,
        *,
        given: Any = None,
        permission: str | None = None,
        is_approved: bool = False,
    ) -> None:
        """operation: the mutation's name. given: its input, as it was read.

        permission: what it asks for: it reaches as far as who asks has that.
        is_approved: a second one of the staff has agreed to it; see approval/.
        """
        self.operation = operation[:OPERATION_MAX]
        self.permission = permission
        self.is_approved = is_approved
        self._given = given
        # How many records of it are stored, or will be with the transaction that wrote them.
        self.records = 0

    def input(self) -> Any:
        """Return what was asked, as it may be kept."""
        return _plain(self._given)

    def refused_input(self) -> Any:
        """Return what was asked without any text: nothing was changed, so nothing erases it."""
        return _without_texts(self.input())


class Actor(Struct, frozen=True, kw_only=True):
    """Who does something, where from and where to. channel: a code, or ""."""

    viewer: Viewer
    caller: Caller
    channel: str


async def write(
    db: AsyncConnection, act: Act, actor: Actor, entries: Sequence[Entry], *, now: datetime
) -> None:
    """Store what a transaction did for an act: a record for each entry, else one for the first."""
    if not entries and act.records:
        return
    told = entries or [Entry(subject="")]
    asked = None if entries else act.input()
    await db.execute(
        audit_record.insert(), [_row(act, actor, one, asked=asked, now=now) for one in told]
    )
    act.records += len(told)


async def write_refused(db: AsyncConnection, act: Act, actor: Actor, *, now: datetime) -> None:
    """Store that somebody asked for what they may not do."""
    row = _row(act, actor, Entry(subject=""), asked=act.refused_input(), now=now)
    await db.execute(audit_record.insert().values(row | {"outcome": Outcome.REFUSED.value}))


def _row(act: Act, actor: Actor, entry: Entry, *, asked: Any, now: datetime) -> dict[str, Any]:
    before, after = _differing(_plain(entry.before), _plain(entry.after))
    key = actor.viewer.id
    # The shop itself has no id: it acts for whoever runs its commands.
    kind = ActorKind.CONSOLE if key is None else ActorKind(actor.viewer.kind)
    return {
        "id": AuditRecordId(new_id()),
        "at": now,
        "actor_kind": kind.value,
        "actor_id": key,
        "operation": act.operation,
        "subject": entry.subject[:SUBJECT_MAX],
        "outcome": Outcome.DONE.value,
        "channel": actor.channel,
        "before": before,
        "after": after,
        "input": asked,
        "ip": actor.caller.address[:64],
        "user_agent": actor.caller.agent,
        "request_id": actor.caller.request_id[:128],
    }


def _differing(before: Any, after: Any) -> tuple[Any, Any]:
    """Return both without what is the same in both."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return before, after
    names = [
        name
        for name in {**before, **after}
        if (name in before, before.get(name)) != (name in after, after.get(name))
    ]
    return (
        {name: before[name] for name in names if name in before},
        {name: after[name] for name in names if name in after},
    )


def _plain(value: Any, *, depth: int = 0) -> Any:
    """Return a value as JSON has it: short, without floats, secrets and personal data."""
    if value is None or isinstance(value, bool) or type(value) is int:
        return value
    if depth > _DEPTH_MAX:
        return "…"
    named = _named(value)
    if named is not None:
        return {str(key): _shown(str(key), one, depth) for key, one in named.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else list(value)
        told = [_plain(one, depth=depth + 1) for one in items[:_ITEMS_MAX]]
        return told if len(items) <= _ITEMS_MAX else [*told, f"… {len(items)} in all"]
    text = _text(value)
    return text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}…"


def _without_texts(told: Any) -> Any:
    """Return what `_plain` gave with ids, numbers and names of fields alone."""
    if isinstance(told, dict):
        return {key: _without_texts(one) for key, one in told.items()}
    if isinstance(told, list):
        return [_without_texts(one) for one in told]
    if isinstance(told, str) and told and not is_outside(told):
        return HIDDEN
    return told


def _text(value: Any) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    return str(value.isoformat() if isinstance(value, datetime) else value)


def _named(value: Any) -> Mapping[Any, Any] | None:
    """Return the fields of a struct, an input or a mapping; None: it has none."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, Struct):
        return msgspec.structs.asdict(value)
    fields = getattr(value, "__dataclass_fields__", None)
    return None if fields is None else {name: getattr(value, name) for name in fields}


def _shown(key: str, value: Any, depth: int) -> Any:
    if value is not None and (_SECRET.search(key) or _PERSONAL.search(key)):
        return HIDDEN
    # A word of ours is no plain text, but of an Enum.
    if type(value) is str and value and _WRITTEN.search(key):
        return HIDDEN
    return _plain(value, depth=depth + 1)
