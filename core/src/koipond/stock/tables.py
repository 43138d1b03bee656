"""Tables of stock."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    UniqueConstraint,
    Uuid,
)

from koipond.kernel.db import Instant, metadata

stock_location = Table(
    "stock_location",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("code", String(40), nullable=False),
    Column("name", String(120), nullable=False),
    UniqueConstraint("code"),
)

stock_level = Table(
    "stock_level",
    metadata,
    Column("variant_id", ForeignKey("variant.id"), primary_key=True),
    Column("location_id", ForeignKey("stock_location.id"), primary_key=True),
    # Units in the house; always the sum of this level's movements.
    Column("on_hand", BigInteger, nullable=False),
    # Those of them that are promised to orders.
    Column("allocated", BigInteger, nullable=False),
    CheckConstraint("allocated >= 0 AND allocated <= on_hand", name="allocated"),
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

stock_allocation = Table(
    "stock_allocation",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("variant_id", Uuid, primary_key=True),
    Column("location_id", Uuid, primary_key=True),
    Column("quantity", BigInteger, nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
)
