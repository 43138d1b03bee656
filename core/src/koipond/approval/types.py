"""Approvals, seen from outside."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import Struct

from koipond.kernel.ids import ApprovalId

WRITES_APPROVALS = "approval.write"


class ApprovalState(StrEnum):
    """APPROVED: somebody agreed, and it is being done. DONE: it is; REFUSED: it could not be."""

    PENDING = "pending"
    APPROVED = "approved"
    DONE = "done"
    REFUSED = "refused"
    DECLINED = "declined"
    EXPIRED = "expired"


class Approval(Struct, frozen=True, kw_only=True):
    """An act that waits for a second one of the staff, or waited.

    person_id: who of the staff asked, also by a program; None: a program of the console's.
    operation: the mutation. document: its input. asked_units: the smallest ones of `unit`.
    """

    id: ApprovalId
    state: ApprovalState
    operation: str
    document: Any
    act: str
    unit: str
    asked_units: int
    requester_kind: str
    requester_id: UUID
    person_id: UUID | None
    requested_at: datetime
    expires_at: datetime
    channel: str = ""
    decided_by: UUID | None = None
    decided_at: datetime | None = None
    note: str = ""
