"""Tables of points."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, String, Table, Text, Uuid

from koipond_sdk.db import Instant, ref, tables

metadata = tables("points")

# What was given and taken. Rows are added, never changed.
points_entry = Table(
    "points_entry",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("member_id", ref("member"), nullable=False),
    Column("points", BigInteger, nullable=False),
    # One reward per source, however often and by how many at once it is granted.
    Column("source", String(200), nullable=False, unique=True),
    Column("note", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("points <> 0", name="points"),
    # A member's entries, page by page. Ids grow with time.
    Index(None, "member_id", "id"),
)

# The sum of each member's entries, so that it can be locked, and held at 0 and above.
points_balance = Table(
    "points_balance",
    metadata,
    Column("member_id", ref("member"), primary_key=True),
    Column("balance", BigInteger, nullable=False),
    CheckConstraint("balance >= 0", name="balance"),
)
