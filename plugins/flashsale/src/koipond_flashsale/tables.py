"""Tables of flash sales."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    literal_column,
)

from koipond_sdk.db import Instant, ref, tables

metadata = tables("flashsale")

flashsale_round = Table(
    "flashsale_round",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("channel_id", ref("channel"), nullable=False),
    Column("variant_id", ref("variant"), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("unit_price_minor", BigInteger, nullable=False),
    # All that were ever set apart for it; how many are left the quota knows.
    Column("units", BigInteger, nullable=False),
    # None: any number, for guests too.
    Column("limit_per_member", BigInteger, nullable=True),
    # Half open: it sells at the one, and no more at the other.
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("payment_window_s", Integer, nullable=False),
    # A RoundState.
    Column("state", String(10), nullable=False),
    Column("quota_id", Uuid, nullable=False),
    Column("activity_id", Uuid, nullable=False),
    Column("created_at", Instant, nullable=False),
    # One more with every change.
    Column("version", Integer, nullable=False),
    UniqueConstraint("quota_id"),
    UniqueConstraint("activity_id"),
    CheckConstraint("unit_price_minor >= 0", name="unit_price_minor"),
    CheckConstraint("units > 0", name="units"),
    CheckConstraint("limit_per_member > 0", name="limit_per_member"),
    CheckConstraint("starts_at < ends_at", name="window"),
    CheckConstraint("payment_window_s > 0", name="payment_window_s"),
    CheckConstraint("state IN ('open', 'ended')", name="state"),
)
# Written out and not as a parameter: only then can a plan that is kept use the partial index.
is_open = flashsale_round.c.state == literal_column("'open'")
Index(
    "ix_flashsale_round_open",
    flashsale_round.c.variant_id,
    flashsale_round.c.ends_at,
    postgresql_where=is_open,
    sqlite_where=is_open,
)

# One row per variant and channel that had a round: whoever plans another locks it first, so that
# two who plan at once see each other's.
flashsale_timetable = Table(
    "flashsale_timetable",
    metadata,
    Column("channel_id", ref("channel"), primary_key=True),
    Column("variant_id", ref("variant"), primary_key=True),
)
