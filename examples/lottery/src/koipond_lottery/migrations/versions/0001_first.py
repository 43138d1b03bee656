"""The first tables of lotteries."""

import sqlalchemy as sa
from alembic import op

revision = "0001_first"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    _do_not_queue()
    op.create_table(
        "lottery_lottery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seed", sa.String(length=64), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_lottery_lottery_times")),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["channel.id"],
            name=op.f("fk_lottery_lottery_channel_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lottery_lottery")),
    )
    with op.batch_alter_table("lottery_lottery", schema=None) as batch_op:
        batch_op.create_index("ix_lottery_lottery_channel_id", ["channel_id", "id"], unique=False)

    op.create_table(
        "lottery_prize",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lottery_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("given", sa.BigInteger(), nullable=False),
        sa.Column("odds_ppm", sa.Integer(), nullable=False),
        sa.Column("reward_kind", sa.String(length=40), nullable=False),
        sa.Column("reward_amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("given BETWEEN 0 AND units", name=op.f("ck_lottery_prize_given")),
        sa.CheckConstraint(
            "odds_ppm BETWEEN 1 AND 1000000", name=op.f("ck_lottery_prize_odds_ppm")
        ),
        sa.ForeignKeyConstraint(
            ["lottery_id"],
            ["lottery_lottery.id"],
            name=op.f("fk_lottery_prize_lottery_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lottery_prize")),
        sa.UniqueConstraint(
            "lottery_id", "position", name=op.f("uq_lottery_prize_lottery_id_position")
        ),
    )
    op.create_table(
        "lottery_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lottery_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("entrant", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("roll", sa.Integer(), nullable=False),
        sa.Column("prize_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'delivered') = (delivered_at IS NOT NULL)",
            name=op.f("ck_lottery_entry_delivered"),
        ),
        sa.CheckConstraint(
            "(state = 'nothing') = (prize_id IS NULL)", name=op.f("ck_lottery_entry_prize")
        ),
        sa.CheckConstraint("roll BETWEEN 0 AND 999999", name=op.f("ck_lottery_entry_roll")),
        sa.ForeignKeyConstraint(
            ["lottery_id"],
            ["lottery_lottery.id"],
            name=op.f("fk_lottery_entry_lottery_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["member.id"],
            name=op.f("fk_lottery_entry_member_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["prize_id"],
            ["lottery_prize.id"],
            name=op.f("fk_lottery_entry_prize_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lottery_entry")),
        sa.UniqueConstraint(
            "lottery_id",
            "entrant",
            "number",
            name=op.f("uq_lottery_entry_lottery_id_entrant_number"),
        ),
    )
    with op.batch_alter_table("lottery_entry", schema=None) as batch_op:
        batch_op.create_index(
            "ix_lottery_entry_lottery_id_state", ["lottery_id", "state", "id"], unique=False
        )
        batch_op.create_index(
            "ix_lottery_entry_member_id", ["member_id", "lottery_id", "number"], unique=False
        )
        batch_op.create_index("ix_lottery_entry_prize_id", ["prize_id"], unique=False)


def downgrade() -> None:
    """Drop them."""
    _do_not_queue()
    with op.batch_alter_table("lottery_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_lottery_entry_prize_id")
        batch_op.drop_index("ix_lottery_entry_member_id")
        batch_op.drop_index("ix_lottery_entry_lottery_id_state")

    op.drop_table("lottery_entry")
    op.drop_table("lottery_prize")
    with op.batch_alter_table("lottery_lottery", schema=None) as batch_op:
        batch_op.drop_index("ix_lottery_lottery_channel_id")

    op.drop_table("lottery_lottery")


def _do_not_queue() -> None:
    """Give up after 5 s: who waits for a lock on a table keeps everyone else off it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL lock_timeout = '5s'")
