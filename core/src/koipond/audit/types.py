"""The audit, seen from outside."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from koipond.kernel.audit import ActorKind, Outcome
from koipond.kernel.ids import AuditRecordId


class AuditRecord(Struct, frozen=True, kw_only=True):
    """What somebody who runs the shop did; the columns of kernel/audit.py."""

    id: AuditRecordId
    at: datetime
    actor_kind: ActorKind
    actor_id: UUID | None
    operation: str
    subject: str
    outcome: Outcome
    channel: str
    before: Any
    after: Any
    input: Any
    ip: str
    user_agent: str
    request_id: str


class AuditFilter(Struct, frozen=True, kw_only=True):
    """Which records are wanted; None: whichever. since: included, until: not."""

    actor_id: UUID | None = None
    subject: str | None = None
    operation: str | None = None
    since: datetime | None = None
    until: datetime | None = None
