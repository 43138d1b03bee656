"""Tables of what is asked about personal data."""

from sqlalchemy import Column, Index, String, Table, Text, Uuid

from koipond.kernel.db import Instant, metadata

privacy_request = Table(
    "privacy_request",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("member_id", Uuid, nullable=False),
    # A RequestKind, and a RequestState.
    Column("kind", String(10), nullable=False),
    Column("state", String(10), nullable=False),
    # Why it was refused.
    Column("problem", String(500), nullable=False),
    # What was exported, as JSON; it goes when the member is erased.
    Column("document", Text),
    Column("made_by", String(60), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("done_at", Instant),
    Index(None, "member_id", "id"),
)
