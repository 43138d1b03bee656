"""The first tables of promotions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001_first"
down_revision = None

DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "promotions_promotion",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("channel_id", sa.Uuid, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("label", DOCUMENT, nullable=False),
        sa.Column("needs_coupon", sa.Boolean, nullable=False),
        sa.Column("rule", DOCUMENT, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("uses_max", sa.BigInteger, nullable=True),
        sa.Column("uses_per_member", sa.BigInteger, nullable=True),
        sa.Column("budget_minor", sa.BigInteger, nullable=True),
        sa.Column("release_uses", sa.String(20), nullable=False),
        sa.Column("release_member", sa.String(20), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_promotions_promotion"),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["channel.id"],
            name="fk_promotions_promotion_channel_id",
            ondelete="RESTRICT",
        ),
        sa.CheckConstraint("starts_at < ends_at", name="ck_promotions_promotion_window"),
        sa.CheckConstraint("uses_max > 0", name="ck_promotions_promotion_uses_max"),
        sa.CheckConstraint("uses_per_member > 0", name="ck_promotions_promotion_uses_per_member"),
        sa.CheckConstraint("budget_minor > 0", name="ck_promotions_promotion_budget_minor"),
        sa.CheckConstraint(
            "state IN ('draft', 'live', 'paused', 'ended')", name="ck_promotions_promotion_state"
        ),
    )
    op.create_index(
        "ix_promotions_promotion_live",
        "promotions_promotion",
        ["channel_id"],
        postgresql_where=sa.text("state = 'live'"),
        sqlite_where=sa.text("state = 'live'"),
    )
    op.create_table(
        "promotions_coupon",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("promotion_id", sa.Uuid, nullable=False),
        sa.Column("member_id", sa.Uuid, nullable=True),
        sa.Column("uses_max", sa.BigInteger, nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("batch_id", sa.Uuid, nullable=True),
        sa.Column("source", sa.String(200), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_promotions_coupon"),
        sa.ForeignKeyConstraint(
            ["promotion_id"],
            ["promotions_promotion.id"],
            name="fk_promotions_coupon_promotion_id",
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["member.id"],
            name="fk_promotions_coupon_member_id",
            ondelete="RESTRICT",
        ),
        sa.UniqueConstraint("code", name="uq_promotions_coupon_code"),
        sa.UniqueConstraint("source", name="uq_promotions_coupon_source"),
        sa.CheckConstraint("uses_max > 0", name="ck_promotions_coupon_uses_max"),
    )
    op.create_index(
        "ix_promotions_coupon_promotion_id_id", "promotions_coupon", ["promotion_id", "id"]
    )
    for name, columns, kept in (
        ("ix_promotions_coupon_member", ["member_id", "id"], "member_id IS NOT NULL"),
        ("ix_promotions_coupon_batch", ["batch_id"], "batch_id IS NOT NULL"),
    ):
        op.create_index(
            name,
            "promotions_coupon",
            columns,
            postgresql_where=sa.text(kept),
            sqlite_where=sa.text(kept),
        )
    op.create_table(
        "promotions_use",
        sa.Column("order_id", sa.Uuid, nullable=False),
        sa.Column("promotion_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("coupon_id", sa.Uuid, nullable=True),
        sa.Column("subject_id", sa.Uuid, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("off_minor", sa.BigInteger, nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "promotion_id", name="pk_promotions_use"),
        sa.ForeignKeyConstraint(
            ["order_id"], ["order.id"], name="fk_promotions_use_order_id", ondelete="RESTRICT"
        ),
        sa.CheckConstraint("off_minor > 0", name="ck_promotions_use_off_minor"),
    )
    op.create_index(
        "ix_promotions_use_promotion_id_order_id", "promotions_use", ["promotion_id", "order_id"]
    )
    op.create_table(
        "promotions_board",
        sa.Column("channel_id", sa.Uuid, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name="pk_promotions_board"),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["channel.id"],
            name="fk_promotions_board_channel_id",
            ondelete="RESTRICT",
        ),
    )


def downgrade() -> None:
    """Remove the tables."""
    for name in ("board", "use", "coupon", "promotion"):
        op.drop_table(f"promotions_{name}")
