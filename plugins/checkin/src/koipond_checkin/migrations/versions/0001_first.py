"""The first tables of check-ins."""

import sqlalchemy as sa
from alembic import op

revision = "0001_first"
down_revision = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "checkin_member",
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member_id", name="pk_checkin_member"),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["member.id"],
            name="fk_checkin_member_member_id",
            ondelete="RESTRICT",
        ),
    )
    op.create_table(
        "checkin_day",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("streak", sa.Integer, nullable=False),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_checkin_day"),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name="fk_checkin_day_member_id", ondelete="RESTRICT"
        ),
        sa.UniqueConstraint("member_id", "day", name="uq_checkin_day_member_id_day"),
        sa.CheckConstraint("streak >= 1", name="ck_checkin_day_streak"),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("checkin_day")
    op.drop_table("checkin_member")
