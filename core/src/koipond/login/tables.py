"""Tables of logins. What they hold lets nobody in: codes and tokens are made of the shop's secret.

They hold ids of members and of staff, `principal_kind` says which, without foreign keys.
"""

from sqlalchemy import CheckConstraint, Column, Index, Integer, String, Table, Uuid

from koipond.kernel.db import Instant, metadata

password = Table(
    "password",
    metadata,
    # A ViewerKind: member or staff.
    Column("principal_kind", String(10), primary_key=True),
    Column("principal_id", Uuid, primary_key=True),
    # argon2id, in its own format with its costs and its salt.
    Column("hash", String(200), nullable=False),
    Column("changed_at", Instant, nullable=False),
)

# A login on one device: a family of refresh tokens, of which the last one holds.
login_session = Table(
    "login_session",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("principal_kind", String(10), nullable=False),
    Column("principal_id", Uuid, nullable=False),
    # Random; a token is made of it, the generation and the shop's secret.
    Column("seed", String(64), nullable=False),
    Column("generation", Integer, nullable=False),
    # What the program said that it is, and from where it came last.
    Column("device", String(200), nullable=False),
    Column("address", String(45), nullable=False),
    Column("created_at", Instant, nullable=False),
    # When its token was last changed.
    Column("used_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
    # A SessionEnd.
    Column("end_reason", String(20), nullable=True),
    CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="ended"),
    CheckConstraint("generation >= 0", name="generation"),
    Index(None, "principal_id", "id"),
    Index(None, "ended_at"),
    Index(None, "expires_at"),
)

# The one code that holds for an address: a new one takes the place of the old.
login_code = Table(
    "login_code",
    metadata,
    # `email` or `phone`.
    Column("kind", String(10), primary_key=True),
    Column("address", String(320), primary_key=True),
    # The code is made of it and the shop's secret.
    Column("id", Uuid, nullable=False),
    # Whose it is, or will be once it is used.
    Column("member_id", Uuid, nullable=False),
    # Of a registration; "" if there is none, or the address is somebody's already.
    Column("password_hash", String(200), nullable=False),
    Column("name", String(200), nullable=False),
    # From where a registration came, as a member keeps it.
    Column("source_class", String(20), nullable=True),
    Column("source_entry", String(60), nullable=True),
    Column("source_campaign", String(120), nullable=True),
    Column("attempts", Integer, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant, nullable=True),
    Index(None, "id"),
    Index(None, "expires_at"),
)

# Tokens for one purpose each: the token is made of the row and the shop's secret.
purpose_token = Table(
    "purpose_token",
    metadata,
    Column("id", Uuid, primary_key=True),
    # A TokenPurpose.
    Column("purpose", String(20), nullable=False),
    Column("principal_kind", String(10), nullable=False),
    Column("principal_id", Uuid, nullable=False),
    # To where it was sent.
    Column("kind", String(10), nullable=False),
    Column("address", String(320), nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant, nullable=True),
    Index(None, "principal_id", "purpose"),
    Index(None, "expires_at"),
)

# How often a password was tried for an address, whether it is an account's or nobody's.
login_attempts = Table(
    "login_attempts",
    metadata,
    # SHA-256 of the address.
    Column("key", String(64), primary_key=True),
    Column("times", Integer, nullable=False),
    Column("since", Instant, nullable=False),
    Index(None, "since"),
)
