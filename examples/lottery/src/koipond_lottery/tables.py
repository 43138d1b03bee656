"""Tables of lotteries."""

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

from koipond_sdk.db import Instant, ref, tables

metadata = tables("lottery")

lottery = Table(
    "lottery_lottery",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("channel_id", ref("channel"), nullable=False),
    Column("name", String(120), nullable=False),
    # Fixed when it is made: else a day could begin twice.
    Column("time_zone", String(64), nullable=False),
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("seed", String(64), nullable=False),
    CheckConstraint("starts_at < ends_at", name="times"),
    Index("ix_lottery_lottery_channel_id", "channel_id", "id"),
)

prize = Table(
    "lottery_prize",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("lottery_id", ForeignKey("lottery_lottery.id", ondelete="RESTRICT"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", String(120), nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("given", BigInteger, nullable=False),
    Column("odds_ppm", Integer, nullable=False),
    Column("reward_kind", String(40), nullable=False),
    Column("reward_amount", BigInteger, nullable=False),
    UniqueConstraint("lottery_id", "position"),
    CheckConstraint("given BETWEEN 0 AND units", name="given"),
    CheckConstraint("odds_ppm BETWEEN 1 AND 1000000", name="odds_ppm"),
)

entry = Table(
    "lottery_entry",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("lottery_id", ForeignKey("lottery_lottery.id", ondelete="RESTRICT"), nullable=False),
    Column("member_id", ref("member"), nullable=False),
    Column("entrant", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("roll", Integer, nullable=False),
    Column("prize_id", ForeignKey("lottery_prize.id", ondelete="RESTRICT")),
    Column("state", String(20), nullable=False),
    Column("entered_at", Instant, nullable=False),
    Column("delivered_at", Instant),
    # Of the entrant and not of the member: two who are merged may both have entered that day.
    UniqueConstraint("lottery_id", "entrant", "number"),
    CheckConstraint("roll BETWEEN 0 AND 999999", name="roll"),
    CheckConstraint("(state = 'nothing') = (prize_id IS NULL)", name="prize"),
    CheckConstraint("(state = 'delivered') = (delivered_at IS NOT NULL)", name="delivered"),
    Index("ix_lottery_entry_lottery_id_state", "lottery_id", "state", "id"),
    Index("ix_lottery_entry_member_id", "member_id", "lottery_id", "number"),
    Index("ix_lottery_entry_prize_id", "prize_id"),
)
