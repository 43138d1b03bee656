"""The table of shipping methods."""

from sqlalchemy import Column, ForeignKey, Integer, String, Table, UniqueConstraint, Uuid

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
    # {currency: minor units}; a currency that is missing is one in which it is not offered.
    Column("prices", Document, nullable=False),
    UniqueConstraint("channel_id", "code"),
)
