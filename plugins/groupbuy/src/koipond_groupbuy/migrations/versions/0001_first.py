"""The first tables of group buys."""

import sqlalchemy as sa
from alembic import op

revision = "0001_first"
down_revision = None


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "groupbuy_activity",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("channel_id", sa.Uuid, nullable=False),
        sa.Column("variant_id", sa.Uuid, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("price_minor", sa.BigInteger, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("lifetime_s", sa.Integer, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_groupbuy_activity"),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["channel.id"],
            name="fk_groupbuy_activity_channel_id",
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["variant_id"],
            ["variant.id"],
            name="fk_groupbuy_activity_variant_id",
            ondelete="RESTRICT",
        ),
        sa.CheckConstraint("price_minor > 0", name="ck_groupbuy_activity_price_minor"),
        sa.CheckConstraint("size >= 2", name="ck_groupbuy_activity_size"),
        sa.CheckConstraint("lifetime_s > 0", name="ck_groupbuy_activity_lifetime_s"),
        sa.CheckConstraint("starts_at <= ends_at", name="ck_groupbuy_activity_times"),
    )
    op.create_index("ix_groupbuy_activity_variant_id", "groupbuy_activity", ["variant_id"])
    op.create_table(
        "groupbuy_team",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("activity_id", sa.Uuid, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("lifetime_s", sa.Integer, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_groupbuy_team"),
        sa.ForeignKeyConstraint(
            ["activity_id"],
            ["groupbuy_activity.id"],
            name="fk_groupbuy_team_activity_id",
            ondelete="RESTRICT",
        ),
        sa.CheckConstraint(
            "state = 'pending' OR deadline IS NOT NULL OR state = 'failed'",
            name="ck_groupbuy_team_opened",
        ),
        sa.CheckConstraint(
            "(state = 'succeeded') = (succeeded_at IS NOT NULL)",
            name="ck_groupbuy_team_succeeded_at",
        ),
    )
    forming = sa.text("state = 'forming'")
    for name, columns in (
        ("ix_groupbuy_team_deadline", ["deadline"]),
        ("ix_groupbuy_team_open", ["activity_id", "deadline"]),
    ):
        op.create_index(
            name, "groupbuy_team", columns, postgresql_where=forming, sqlite_where=forming
        )
    op.create_table(
        "groupbuy_order",
        sa.Column("order_id", sa.Uuid, nullable=False),
        sa.Column("team_id", sa.Uuid, nullable=False),
        sa.Column("subject_id", sa.Uuid, nullable=False),
        sa.Column("carried", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("order_id", name="pk_groupbuy_order"),
        sa.ForeignKeyConstraint(
            ["order_id"], ["order.id"], name="fk_groupbuy_order_order_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["team_id"],
            ["groupbuy_team.id"],
            name="fk_groupbuy_order_team_id",
            ondelete="RESTRICT",
        ),
    )
    op.create_index("ix_groupbuy_order_team_id", "groupbuy_order", ["team_id"])


def downgrade() -> None:
    """Drop the tables, with their indexes."""
    op.drop_table("groupbuy_order")
    op.drop_table("groupbuy_team")
    op.drop_table("groupbuy_activity")
