"""The table of approvals."""

from sqlalchemy import BigInteger, Column, Index, String, Table, Uuid, text

from koipond.kernel.db import Document, Instant, metadata

_PENDING = text("state = 'pending'")

approval = Table(
    "approval",
    metadata,
    Column("id", Uuid, primary_key=True),
    # An ApprovalState; never EXPIRED, which is what is pending past its time.
    Column("state", String(20), nullable=False),
    Column("operation", String(80), nullable=False),
    # The input, as the mutation read it.
    Column("document", Document, nullable=False),
    # SHA-256 of who asked for what.
    Column("fingerprint", String(64), nullable=False),
    Column("act", String(40), nullable=False),
    Column("unit", String(40), nullable=False),
    Column("asked_units", BigInteger, nullable=False),
    Column("requester_kind", String(20), nullable=False),
    Column("requester_id", Uuid, nullable=False),
    # Who of the staff that is, also by a token that they made.
    Column("person_id", Uuid, nullable=True),
    Column("requested_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("channel", String(40), nullable=False),
    Column("decided_by", Uuid, nullable=True),
    Column("decided_at", Instant, nullable=True),
    Column("note", String(200), nullable=False),
    # Who asks again for the very same has the same approval.
    Index(
        "uq_approval_pending",
        "fingerprint",
        unique=True,
        postgresql_where=_PENDING,
        sqlite_where=_PENDING,
    ),
    Index(None, "state", "id"),
)
