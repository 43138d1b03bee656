"""Tables of check-ins."""

from sqlalchemy import CheckConstraint, Column, Date, Integer, String, Table, UniqueConstraint, Uuid

from koipond_sdk.db import Instant, ref, tables

metadata = tables("checkin")

# A member's calendar is that of the channel of the first check-in, for good: who could choose
# another zone with a header would have two days at one instant.
checkin_member = Table(
    "checkin_member",
    metadata,
    Column("member_id", ref("member"), primary_key=True),
    Column("time_zone", String(64), nullable=False),
    Column("enrolled_at", Instant, nullable=False),
)

checkin_day = Table(
    "checkin_day",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("member_id", ref("member"), nullable=False),
    Column("day", Date, nullable=False),
    Column("streak", Integer, nullable=False),
    Column("checked_in_at", Instant, nullable=False),
    # One check-in per member and day, however many requests arrive at once.
    UniqueConstraint("member_id", "day"),
    CheckConstraint("streak >= 1", name="streak"),
)
