"""The table of channels."""

from sqlalchemy import Column, String, Table, UniqueConstraint, Uuid

from koipond.kernel.db import Document, metadata

channel = Table(
    "channel",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("code", String(40), nullable=False),
    Column("name", String(120), nullable=False),
    # Lists; the first is the default.
    Column("currencies", Document, nullable=False),
    Column("locales", Document, nullable=False),
    Column("time_zone", String(64), nullable=False),
    UniqueConstraint("code"),
)
