"""Tables of stock. What can be sold of a level is a quota; see quota/tables.py.

on_hand counts units in the house, promised ones too. The quota's capacity counts what came in and
was corrected, and what may be sold ahead of it; shipping lowers on_hand and leaves capacity alone.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)

from koipond.kernel.db import Instant, metadata

stock_location = Table(
    "stock_location",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("code", String(40), nullable=False),
    Column("name", String(120), nullable=False),
    # Which is asked first; see the allocation strategies in rules.py.
    Column("priority", Integer, nullable=False),
    UniqueConstraint("code"),
)

stock_level = Table(
    "stock_level",
    metadata,
    Column("variant_id", ForeignKey("variant.id"), primary_key=True),
    Column("location_id", ForeignKey("stock_location.id"), primary_key=True),
    Column("quota_id", ForeignKey("quota.id"), nullable=False),
    # Units in the house; always the sum of this level's movements.
    Column("on_hand", BigInteger, nullable=False),
    # Units that may be sold ahead of those in the house.
    Column("back_order", BigInteger, nullable=False),
    # Units that a count found missing although they are promised; taken from the next ones free.
    Column("short", BigInteger, nullable=False),
    CheckConstraint("back_order >= 0", name="back_order"),
    CheckConstraint("short >= 0", name="short"),
    UniqueConstraint("quota_id"),
    Index(
        "ix_stock_level_short",
        "short",
        postgresql_where=text("short > 0"),
        sqlite_where=text("short > 0"),
    ),
)

stock_movement = Table(
    "stock_movement",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("variant_id", Uuid, nullable=False),
    Column("location_id", Uuid, nullable=False),
    Column("delta", BigInteger, nullable=False),
    # A MovementReason.
    Column("reason", String(20), nullable=False),
    # What it was about: a file, a delivery note, a person's words.
    Column("reference", String(200), nullable=False),
    Column("moved_at", Instant, nullable=False),
    CheckConstraint("delta <> 0", name="delta"),
    Index(None, "variant_id", "location_id"),
)
