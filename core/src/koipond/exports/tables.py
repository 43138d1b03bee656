"""Tables of exports."""

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, Text, Uuid

from koipond.kernel.db import Document, Instant, metadata
from koipond.kernel.filing import stored_file

export_run = Table(
    "export_run",
    metadata,
    Column("id", Uuid, primary_key=True),
    # An ExportKind.
    Column("kind", String(20), nullable=False),
    # ExportOptions
    Column("options", Document, nullable=False),
    # An ExportState.
    Column("state", String(20), nullable=False),
    Column("rows", BigInteger, nullable=False),
    # NULL: not there yet, or no more.
    Column("file_id", ForeignKey(stored_file.c.id, ondelete="SET NULL"), nullable=True),
    Column("problem", Text, nullable=False),
    Column("requested_by", Uuid, nullable=True),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant, nullable=True),
)
