"""Tables of promotions."""

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

from koipond_sdk.db import Document, Instant, ref, tables

metadata = tables("promotions")

promotions_promotion = Table(
    "promotions_promotion",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("channel_id", ref("channel"), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("name", String(120), nullable=False),
    # {locale: text}
    Column("label", Document, nullable=False),
    # It counts for who has a code of it, else for everybody.
    Column("needs_coupon", Boolean, nullable=False),
    # A Rule.
    Column("rule", Document, nullable=False),
    Column("starts_at", Instant, nullable=False),
    # None: it ends when staff end it.
    Column("ends_at", Instant, nullable=True),
    # None: no end to them. What of them is used the quotas know, see rules/counting.py.
    Column("uses_max", BigInteger, nullable=True),
    Column("uses_per_member", BigInteger, nullable=True),
    Column("budget_minor", BigInteger, nullable=True),
    # ReleasePolicies: of a use, and of a member's.
    Column("release_uses", String(20), nullable=False),
    Column("release_member", String(20), nullable=False),
    # A PromotionState.
    Column("state", String(10), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("published_at", Instant, nullable=True),
    # One more with every change.
    Column("version", Integer, nullable=False),
    CheckConstraint("starts_at < ends_at", name="window"),
    CheckConstraint("uses_max > 0", name="uses_max"),
    CheckConstraint("uses_per_member > 0", name="uses_per_member"),
    CheckConstraint("budget_minor > 0", name="budget_minor"),
    CheckConstraint("state IN ('draft', 'live', 'paused', 'ended')", name="state"),
)
# Written out and not as a parameter: only then can a plan that is kept use the partial index.
is_live = promotions_promotion.c.state == literal_column("'live'")
Index(
    "ix_promotions_promotion_live",
    promotions_promotion.c.channel_id,
    postgresql_where=is_live,
    sqlite_where=is_live,
)

promotions_coupon = Table(
    "promotions_coupon",
    metadata,
    # Also the id of the quota that counts its uses, if they have an end.
    Column("id", Uuid, primary_key=True),
    # In capitals, as rules.read_code makes it: looking one up is one read of this index.
    Column("code", String(40), nullable=False, unique=True),
    Column(
        "promotion_id", ForeignKey("promotions_promotion.id", ondelete="RESTRICT"), nullable=False
    ),
    # Whose it is; None: anybody's.
    Column("member_id", ref("member"), nullable=True),
    Column("uses_max", BigInteger, nullable=True),
    Column("expires_at", Instant, nullable=True),
    # Those that were generated together.
    Column("batch_id", Uuid, nullable=True),
    # One coupon per source, however often and by how many at once it is given.
    Column("source", String(200), nullable=True, unique=True),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("uses_max > 0", name="uses_max"),
    Index(None, "promotion_id", "id"),
)
for index_name, index_columns in (
    ("member", (promotions_coupon.c.member_id, promotions_coupon.c.id)),
    ("batch", (promotions_coupon.c.batch_id,)),
):
    is_kept = index_columns[0].is_not(None)
    Index(
        f"ix_promotions_coupon_{index_name}",
        *index_columns,
        postgresql_where=is_kept,
        sqlite_where=is_kept,
    )

# Which orders carry a promotion. It counts nothing, that is the quotas' part; it says for what.
promotions_use = Table(
    "promotions_use",
    metadata,
    Column("order_id", ref("order"), primary_key=True),
    # No foreign keys: each order would write to the one row of a promotion that all of them carry.
    # The audit looks after them.
    Column("promotion_id", Uuid, primary_key=True),
    # Of the promotion, then.
    Column("version", Integer, nullable=False),
    Column("coupon_id", Uuid, nullable=True),
    Column("subject_id", Uuid, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("off_minor", BigInteger, nullable=False),
    Column("placed_at", Instant, nullable=False),
    CheckConstraint("off_minor > 0", name="off_minor"),
    # A promotion's uses, page by page. Ids grow with time.
    Index(None, "promotion_id", "order_id"),
)

# One row per channel that ever had a promotion: whoever changes one raises its revision, by which
# processes see that what they know is old, and so waits for others who do.
promotions_board = Table(
    "promotions_board",
    metadata,
    Column("channel_id", ref("channel"), primary_key=True),
    Column("revision", BigInteger, nullable=False),
)
