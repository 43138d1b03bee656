"""Tables of group buys. Seats are in none of them: they are reservations of a team's own quota."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Uuid,
    literal_column,
)

from koipond_sdk.db import Instant, ref, tables

metadata = tables("groupbuy")

groupbuy_activity = Table(
    "groupbuy_activity",
    metadata,
    # That of core's activity which carries the price, and of the quota by which nobody has a seat
    # in two open teams.
    Column("id", Uuid, primary_key=True),
    Column("channel_id", ref("channel"), nullable=False),
    Column("variant_id", ref("variant"), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),
    Column("lifetime_s", Integer, nullable=False),
    Column("starts_at", Instant, nullable=False),
    # No new team from then on; those that there are may still fill.
    Column("ends_at", Instant, nullable=False),
    CheckConstraint("price_minor > 0", name="price_minor"),
    CheckConstraint("size >= 2", name="size"),
    CheckConstraint("lifetime_s > 0", name="lifetime_s"),
    CheckConstraint("starts_at <= ends_at", name="times"),
    Index(None, "variant_id"),
)

groupbuy_team = Table(
    "groupbuy_team",
    metadata,
    # That of the quota whose units are its seats.
    Column("id", Uuid, primary_key=True),
    Column(
        "activity_id", Uuid, ForeignKey("groupbuy_activity.id", ondelete="RESTRICT"), nullable=False
    ),
    # As promised to the opener, whatever becomes of the group buy.
    Column("size", Integer, nullable=False),
    Column("lifetime_s", Integer, nullable=False),
    # A TeamState.
    Column("state", String(10), nullable=False),
    # From when the opener has paid.
    Column("deadline", Instant),
    Column("created_at", Instant, nullable=False),
    Column("succeeded_at", Instant),
    CheckConstraint("state = 'pending' OR deadline IS NOT NULL OR state = 'failed'", name="opened"),
    CheckConstraint("(state = 'succeeded') = (succeeded_at IS NOT NULL)", name="succeeded_at"),
)
is_forming = groupbuy_team.c.state == literal_column("'forming'")
Index(
    "ix_groupbuy_team_deadline",
    groupbuy_team.c.deadline,
    postgresql_where=is_forming,
    sqlite_where=is_forming,
)
Index(
    "ix_groupbuy_team_open",
    groupbuy_team.c.activity_id,
    groupbuy_team.c.deadline,
    postgresql_where=is_forming,
    sqlite_where=is_forming,
)

# Which team an order is for: to be shown, and to be found again. Seats are not counted by it.
groupbuy_order = Table(
    "groupbuy_order",
    metadata,
    Column("order_id", ref("order"), primary_key=True),
    Column("team_id", Uuid, ForeignKey("groupbuy_team.id", ondelete="RESTRICT"), nullable=False),
    # Whom the seat's limit counts.
    Column("subject_id", Uuid, nullable=False),
    # The team succeeded with it.
    Column("carried", Boolean, nullable=False),
    Index(None, "team_id"),
)
