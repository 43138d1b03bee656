"""Exports, seen from outside."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from msgspec import Struct

from koipond.kernel.ids import ExportRunId, StoredFileId
from koipond.kernel.jobs import Job

# Whose numbers of customers are told, unless it is said.
SOURCE = "import"
# {column: text or number as text}
Cells = Mapping[str, str]


class ExportKind(StrEnum):
    """What is written: each can be imported as the kind of the same name."""

    PRODUCTS = "products"
    ORDERS = "orders"
    MEMBERS = "members"
    PRICES = "prices"
    STOCK = "stock"


class ExportFormat(StrEnum):
    """How rows are written."""

    CSV = "csv"
    NDJSON = "ndjson"


class ExportOptions(Struct, frozen=True, kw_only=True):
    """What is to be written. channel, currency, locale: None is the shop's or channel's first.

    source: whose numbers customers are called by.
    """

    kind: ExportKind
    format: ExportFormat = ExportFormat.CSV
    channel: str | None = None
    currency: str | None = None
    locale: str | None = None
    source: str = SOURCE


class ExportState(StrEnum):
    """How far an export came."""

    WAITING = "waiting"
    FINISHED = "finished"
    FAILED = "failed"


class ExportRun(Struct, frozen=True, kw_only=True):
    """One export. rows: how many were written; problem: why it failed."""

    id: ExportRunId
    options: ExportOptions
    state: ExportState = ExportState.WAITING
    rows: int = 0
    file_id: StoredFileId | None = None
    problem: str = ""
    requested_by: UUID | None = None
    started_at: datetime
    finished_at: datetime | None = None


class RunExport(Job, frozen=True, kw_only=True):
    """Write a file that staff asked for; again, write it anew."""

    deadline_s: ClassVar[float] = 3_000
    run_id: ExportRunId
