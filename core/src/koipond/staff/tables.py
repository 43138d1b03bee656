"""Tables of staff, their roles, and the tokens of programs."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    Uuid,
)

from koipond.kernel.db import Document, Instant, metadata

staff = Table(
    "staff",
    metadata,
    Column("id", Uuid, primary_key=True),
    # In lower case.
    Column("email", String(320), nullable=False),
    Column("name", String(200), nullable=False),
    # A StaffState.
    Column("state", String(20), nullable=False),
    # Counts the changes, so that nobody overwrites what they have not seen.
    Column("version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("email"),
    CheckConstraint("version >= 1", name="version"),
)

role = Table(
    "role",
    metadata,
    Column("key", String(40), primary_key=True),
    Column("name", String(120), nullable=False),
    # A list; `*` is all.
    Column("permissions", Document, nullable=False),
    Column("version", Integer, nullable=False),
    CheckConstraint("version >= 1", name="version"),
)

# Who has which role: a row means has it.
staff_role = Table(
    "staff_role",
    metadata,
    Column("staff_id", ForeignKey("staff.id"), primary_key=True),
    Column("role_key", ForeignKey("role.key"), primary_key=True),
    # A channel's code, or "" for all.
    Column("channel", String(40), primary_key=True),
    Index(None, "role_key"),
)

service_token = Table(
    "service_token",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(120), nullable=False),
    # SHA-256 of the token, which nobody can guess: 256 random bits.
    Column("hash", String(64), nullable=False),
    Column("permissions", Document, nullable=False),
    # Codes; none: all.
    Column("channels", Document, nullable=False),
    Column("created_at", Instant, nullable=False),
    # Of the staff, be it by another token of theirs; None: at the console.
    Column("created_by", Uuid, nullable=True),
    Column("expires_at", Instant, nullable=True),
    # To the minute.
    Column("last_used_at", Instant, nullable=True),
    Column("revoked_at", Instant, nullable=True),
    UniqueConstraint("hash"),
)
