"""Tables of shipping methods."""

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
)

from koipond.kernel.db import Document, metadata

shipping_method = Table(
    "shipping_method",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("channel_id", ForeignKey("channel.id"), nullable=False),
    Column("code", String(40), nullable=False),
    Column("position", Integer, nullable=False),
    # {locale: text}
    Column("name", Document, nullable=False),
    UniqueConstraint("channel_id", "code"),
)

shipping_rate = Table(
    "shipping_rate",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("method_id", ForeignKey("shipping_method.id"), nullable=False),
    Column("currency", String(3), nullable=False),
    # NULL: everywhere.
    Column("zone_code", ForeignKey("zone.code"), nullable=True),
    # The heaviest parcel; NULL: any.
    Column("grams_max", Integer, nullable=True),
    # What the goods come to at least.
    Column("total_from_minor", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    # From which total of the goods it costs nothing; NULL: from none.
    Column("free_from_minor", BigInteger, nullable=True),
    CheckConstraint("grams_max > 0", name="grams_max"),
    CheckConstraint("total_from_minor >= 0", name="total_from_minor"),
    CheckConstraint("amount_minor >= 0", name="amount_minor"),
    CheckConstraint("free_from_minor >= 0", name="free_from_minor"),
    Index(None, "method_id"),
)
