"""Tables of channels and of the zones that they sell to."""

from sqlalchemy import Boolean, Column, ForeignKey, String, Table, UniqueConstraint, Uuid

from koipond.kernel.db import Document, metadata
from koipond.kernel.editing import version

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
    # Its home, in capitals; "" is none.
    Column("country", String(2), nullable=False),
    Column("region", String(200), nullable=False),
    Column("prices_include_tax", Boolean, nullable=False),
    # {currency: RoundingPolicy}, of those that are rounded otherwise than usual.
    Column("rounding", Document, nullable=False),
    version(),
    UniqueConstraint("code"),
)

zone = Table(
    "zone",
    metadata,
    Column("code", String(40), primary_key=True),
    Column("name", String(120), nullable=False),
    version(),
)

zone_place = Table(
    "zone_place",
    metadata,
    Column("zone_code", ForeignKey("zone.code"), primary_key=True),
    Column("country", String(2), primary_key=True),
    # "": all of the country.
    Column("region", String(200), primary_key=True),
)
