"""The first tables of flash sales."""

import sqlalchemy as sa
from alembic import op

revision = "0001_first"
down_revision = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "flashsale_round",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("channel_id", sa.Uuid, nullable=False),
        sa.Column("variant_id", sa.Uuid, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger, nullable=False),
        sa.Column("units", sa.BigInteger, nullable=False),
        sa.Column("limit_per_member", sa.BigInteger, nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payment_window_s", sa.Integer, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("quota_id", sa.Uuid, nullable=False),
        sa.Column("activity_id", sa.Uuid, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_flashsale_round"),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["channel.id"],
            name="fk_flashsale_round_channel_id",
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["variant_id"],
            ["variant.id"],
            name="fk_flashsale_round_variant_id",
            ondelete="RESTRICT",
        ),
        sa.UniqueConstraint("quota_id", name="uq_flashsale_round_quota_id"),
        sa.UniqueConstraint("activity_id", name="uq_flashsale_round_activity_id"),
        sa.CheckConstraint("unit_price_minor >= 0", name="ck_flashsale_round_unit_price_minor"),
        sa.CheckConstraint("units > 0", name="ck_flashsale_round_units"),
        sa.CheckConstraint("limit_per_member > 0", name="ck_flashsale_round_limit_per_member"),
        sa.CheckConstraint("starts_at < ends_at", name="ck_flashsale_round_window"),
        sa.CheckConstraint("payment_window_s > 0", name="ck_flashsale_round_payment_window_s"),
        sa.CheckConstraint("state IN ('open', 'ended')", name="ck_flashsale_round_state"),
    )
    op.create_index(
        "ix_flashsale_round_open",
        "flashsale_round",
        ["variant_id", "ends_at"],
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "flashsale_timetable",
        sa.Column("channel_id", sa.Uuid, nullable=False),
        sa.Column("variant_id", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("channel_id", "variant_id", name="pk_flashsale_timetable"),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["channel.id"],
            name="fk_flashsale_timetable_channel_id",
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["variant_id"],
            ["variant.id"],
            name="fk_flashsale_timetable_variant_id",
            ondelete="RESTRICT",
        ),
    )


def downgrade() -> None:
    """Remove both tables."""
    op.drop_table("flashsale_timetable")
    op.drop_table("flashsale_round")
