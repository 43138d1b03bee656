"""The first tables of points."""

import sqlalchemy as sa
from alembic import op

revision = "0001_first"
down_revision = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "points_entry",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_points_entry"),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name="fk_points_entry_member_id", ondelete="RESTRICT"
        ),
        sa.UniqueConstraint("source", name="uq_points_entry_source"),
        sa.CheckConstraint("points <> 0", name="ck_points_entry_points"),
    )
    op.create_index("ix_points_entry_member_id_id", "points_entry", ["member_id", "id"])
    op.create_table(
        "points_balance",
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("balance", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("member_id", name="pk_points_balance"),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name="fk_points_balance_member_id", ondelete="RESTRICT"
        ),
        sa.CheckConstraint("balance >= 0", name="ck_points_balance_balance"),
    )


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("points_balance")
    op.drop_index("ix_points_entry_member_id_id", "points_entry")
    op.drop_table("points_entry")
