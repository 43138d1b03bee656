"""Tables of tax."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Uuid,
)

from koipond.kernel.db import Document, Instant, metadata
from koipond.kernel.editing import version

tax_category = Table(
    "tax_category",
    metadata,
    Column("code", String(40), primary_key=True),
    Column("name", String(120), nullable=False),
    version(),
)

tax_rate = Table(
    "tax_rate",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("zone_code", ForeignKey("zone.code"), nullable=False),
    Column("category_code", ForeignKey("tax_category.code"), nullable=False),
    Column("rate_ppm", Integer, nullable=False),
    # {locale: text}
    Column("label", Document, nullable=False),
    # Half open; NULL: since ever, for ever.
    Column("starts_at", Instant, nullable=True),
    Column("ends_at", Instant, nullable=True),
    version(),
    CheckConstraint("0 <= rate_ppm AND rate_ppm <= 1000000", name="rate_ppm"),
    CheckConstraint("starts_at < ends_at", name="window"),
    Index(None, "zone_code", "category_code"),
)
