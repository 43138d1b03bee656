"""The first tables."""

import sqlalchemy as sa
from alembic import op

from koipond.kernel.db import Document, Instant

revision = "0001_first"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "approval",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("operation", sa.String(length=80), nullable=False),
        sa.Column("document", Document, nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("act", sa.String(length=40), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("asked_units", sa.BigInteger(), nullable=False),
        sa.Column("requester_kind", sa.String(length=20), nullable=False),
        sa.Column("requester_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("requested_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
    )
    op.create_index(op.f("ix_approval_state_id"), "approval", ["state", "id"], unique=False)
    op.create_index(
        "uq_approval_pending",
        "approval",
        ["fingerprint"],
        unique=True,
        postgresql_where=sa.text("state = 'pending'"),
        sqlite_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "attribute",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=200), nullable=False),
        sa.Column("name", Document, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attribute")),
        sa.UniqueConstraint("code", name=op.f("uq_attribute_code")),
    )
    op.create_table(
        "audit_link",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("linked_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_link")),
        sa.UniqueConstraint("record_id", name=op.f("uq_audit_link_record_id")),
    )
    op.create_table(
        "audit_record",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor_kind", sa.String(length=20), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("operation", sa.String(length=80), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("before", Document, nullable=False),
        sa.Column("after", Document, nullable=False),
        sa.Column("input", Document, nullable=False),
        sa.Column("ip", sa.String(length=64), nullable=False),
        sa.Column("user_agent", sa.String(length=200), nullable=False),
        sa.Column("request_id", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_record")),
    )
    op.create_index(
        op.f("ix_audit_record_actor_id_at_id"),
        "audit_record",
        ["actor_id", "at", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_audit_record_at_id"), "audit_record", ["at", "id"], unique=False)
    op.create_index(
        op.f("ix_audit_record_operation_at_id"),
        "audit_record",
        ["operation", "at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_audit_record_subject_at_id"), "audit_record", ["subject", "at", "id"], unique=False
    )
    op.create_table(
        "carried",
        sa.Column("consumer", sa.String(length=80), nullable=False),
        sa.Column("courier", sa.String(length=20), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", Instant(), nullable=True),
        sa.Column("rests_until", Instant(), nullable=True),
        sa.Column("begun_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", name=op.f("pk_carried")),
    )
    op.create_table(
        "category",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=200), nullable=False),
        sa.Column("name", Document, nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["category.id"], name=op.f("fk_category_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_category")),
        sa.UniqueConstraint("slug", name=op.f("uq_category_slug")),
    )
    op.create_index(op.f("ix_category_parent_id"), "category", ["parent_id"], unique=False)
    op.create_table(
        "channel",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("currencies", Document, nullable=False),
        sa.Column("locales", Document, nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("region", sa.String(length=200), nullable=False),
        sa.Column("prices_include_tax", sa.Boolean(), nullable=False),
        sa.Column("rounding", Document, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel")),
        sa.UniqueConstraint("code", name=op.f("uq_channel_code")),
    )
    op.create_table(
        "collection",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=200), nullable=False),
        sa.Column("name", Document, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collection")),
        sa.UniqueConstraint("slug", name=op.f("uq_collection_slug")),
    )
    op.create_table(
        "delivery",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("consumer", sa.String(length=80), nullable=False),
        sa.Column("event_name", sa.String(length=80), nullable=False),
        sa.Column("aggregate_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("run_at", Instant(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("event_id", "consumer", name=op.f("pk_delivery")),
    )
    op.create_index(
        "ix_delivery_lane",
        "delivery",
        ["consumer", "aggregate_id", "seq"],
        unique=False,
        postgresql_where=sa.text("state IN ('pending', 'dead')"),
        sqlite_where=sa.text("state IN ('pending', 'dead')"),
    )
    op.create_index(
        "ix_delivery_pending",
        "delivery",
        ["consumer", "run_at", "event_id"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
        sqlite_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "edition",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_edition")),
    )
    op.create_table(
        "fulfilment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("location_id", sa.Uuid(), nullable=True),
        sa.Column("tracking", Document, nullable=False),
        sa.Column("code_round", sa.Integer(), nullable=False),
        sa.Column("wrong_codes", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("shipped_at", Instant(), nullable=True),
        sa.Column("delivered_at", Instant(), nullable=True),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fulfilment")),
    )
    op.create_index(op.f("ix_fulfilment_order_id"), "fulfilment", ["order_id"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("principal", sa.String(length=120), nullable=False),
        sa.Column("operation", sa.String(length=60), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("leased_until", Instant(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("principal", "operation", "key", name=op.f("pk_idempotency")),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("payload", Document, nullable=False),
        sa.Column("unique_key", sa.String(length=200), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("run_at", Instant(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("attempts_max", sa.Integer(), nullable=False),
        sa.Column("leased_until", Instant(), nullable=True),
        sa.Column("leased_by", sa.String(length=120), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("failed_at", Instant(), nullable=True),
        sa.Column("progress_done", sa.BigInteger(), nullable=True),
        sa.Column("progress_total", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(state = 'running') = (leased_until IS NOT NULL AND leased_by IS NOT NULL)",
            name=op.f("ck_job_leased"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    op.create_index(
        "ix_job_running",
        "job",
        ["leased_until"],
        unique=False,
        postgresql_where=sa.text("state = 'running'"),
        sqlite_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "ix_job_waiting",
        "job",
        ["run_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
        sqlite_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "uq_job_unique_key",
        "job",
        ["unique_key"],
        unique=True,
        postgresql_where=sa.text("state != 'dead'"),
        sqlite_where=sa.text("state != 'dead'"),
    )
    op.create_table(
        "ledger_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_kind", sa.String(length=6), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=True),
        sa.Column("debt", sa.BigInteger(), nullable=True),
        sa.Column("set_aside", sa.BigInteger(), nullable=True),
        sa.Column("bookings", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("heir", sa.String(length=80), nullable=True),
        sa.CheckConstraint(
            "CASE owner_kind WHEN 'system' THEN coalesce(balance, debt, set_aside, bookings, version) IS NULL ELSE balance + debt + set_aside + bookings + version IS NOT NULL END",
            name=op.f("ck_ledger_account_stored"),
        ),
        sa.CheckConstraint(
            "debt = 0 OR set_aside = balance + debt", name=op.f("ck_ledger_account_debt")
        ),
        sa.CheckConstraint(
            "debt >= 0 AND set_aside >= 0 AND set_aside <= balance + debt",
            name=op.f("ck_ledger_account_balance"),
        ),
        sa.CheckConstraint(
            "heir IS NULL OR (balance = 0 AND debt = 0 AND set_aside = 0)",
            name=op.f("ck_ledger_account_heir"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_account")),
        sa.UniqueConstraint(
            "owner_kind", "owner", "unit", name=op.f("uq_ledger_account_owner_kind_owner_unit")
        ),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index(
        "ix_ledger_account_heir",
        "ledger_account",
        ["heir"],
        unique=False,
        postgresql_where=sa.text("heir IS NOT NULL"),
        sqlite_where=sa.text("heir IS NOT NULL"),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("bucket", sa.String(length=10), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("nth", sa.BigInteger(), nullable=True),
        sa.Column("balance_after", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("units <> 0", name=op.f("ck_ledger_entry_units")),
        sa.PrimaryKeyConstraint(
            "transfer_id", "account_id", "bucket", name=op.f("pk_ledger_entry")
        ),
    )
    op.create_index(
        "ix_ledger_entry_nth",
        "ledger_entry",
        ["account_id", "nth"],
        unique=False,
        postgresql_where=sa.text("nth IS NOT NULL"),
        sqlite_where=sa.text("nth IS NOT NULL"),
    )
    op.create_table(
        "ledger_transfer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=7), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=240), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("undoes_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("units > 0", name=op.f("ck_ledger_transfer_units")),
        sa.ForeignKeyConstraint(
            ["undoes_id"], ["ledger_transfer.id"], name=op.f("fk_ledger_transfer_undoes_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_transfer")),
        sa.UniqueConstraint("kind", "source", name=op.f("uq_ledger_transfer_kind_source")),
    )
    op.create_index(
        "ix_ledger_transfer_undoes_id",
        "ledger_transfer",
        ["undoes_id"],
        unique=False,
        postgresql_where=sa.text("undoes_id IS NOT NULL"),
        sqlite_where=sa.text("undoes_id IS NOT NULL"),
    )
    op.create_table(
        "login_attempts",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_login_attempts")),
    )
    op.create_index(op.f("ix_login_attempts_since"), "login_attempts", ["since"], unique=False)
    op.create_table(
        "login_code",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("source_class", sa.String(length=20), nullable=True),
        sa.Column("source_entry", sa.String(length=60), nullable=True),
        sa.Column("source_campaign", sa.String(length=120), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "address", name=op.f("pk_login_code")),
    )
    op.create_index(op.f("ix_login_code_expires_at"), "login_code", ["expires_at"], unique=False)
    op.create_index(op.f("ix_login_code_id"), "login_code", ["id"], unique=False)
    op.create_table(
        "login_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("principal_kind", sa.String(length=10), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("seed", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("device", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("end_reason", sa.String(length=20), nullable=True),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (end_reason IS NULL)", name=op.f("ck_login_session_ended")
        ),
        sa.CheckConstraint("generation >= 0", name=op.f("ck_login_session_generation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_session")),
    )
    op.create_index(op.f("ix_login_session_ended_at"), "login_session", ["ended_at"], unique=False)
    op.create_index(
        op.f("ix_login_session_expires_at"), "login_session", ["expires_at"], unique=False
    )
    op.create_index(
        op.f("ix_login_session_principal_id_id"),
        "login_session",
        ["principal_id", "id"],
        unique=False,
    )
    op.create_table(
        "member",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("source_class", sa.String(length=20), nullable=True),
        sa.Column("source_entry", sa.String(length=60), nullable=True),
        sa.Column("source_campaign", sa.String(length=120), nullable=True),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(state = 'merged') = (merged_into IS NOT NULL)", name=op.f("ck_member_merged_into")
        ),
        sa.ForeignKeyConstraint(["merged_into"], ["member.id"], name=op.f("fk_member_merged_into")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
    )
    op.create_index(
        "ix_member_merged_into",
        "member",
        ["merged_into"],
        unique=False,
        postgresql_where=sa.text("merged_into IS NOT NULL"),
        sqlite_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_table(
        "member_group",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_member_group")),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("act", sa.String(length=200), nullable=False),
        sa.Column("way", sa.SmallInteger(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("urgency", sa.String(length=10), nullable=False),
        sa.Column("medium", sa.String(length=10), nullable=False),
        sa.Column("recipient", Document, nullable=False),
        sa.Column("told", Document, nullable=False),
        sa.Column("about", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("suppression", sa.String(length=20), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("tried", Document, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("doubtful", sa.Boolean(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sender", sa.String(length=80), nullable=False),
        sa.Column("reference", sa.String(length=500), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("admitted_at", Instant(), nullable=True),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.Column("read_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "(place IS NOT NULL) = (medium = 'in_app' AND state = 'sent')",
            name=op.f("ck_message_place"),
        ),
        sa.CheckConstraint("(state = 'failed') = (problem <> '')", name=op.f("ck_message_failed")),
        sa.CheckConstraint(
            "(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_message_sent")
        ),
        sa.CheckConstraint(
            "(state = 'suppressed') = (suppression IS NOT NULL)", name=op.f("ck_message_suppressed")
        ),
        sa.CheckConstraint("read_at IS NULL OR place IS NOT NULL", name=op.f("ck_message_read")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("kind", "act", "way", name=op.f("uq_message_kind_act_way")),
    )
    op.create_index(
        "ix_message_admitted",
        "message",
        ["member_id", "category", "admitted_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('sending', 'sent')"),
        sqlite_where=sa.text("state IN ('sending', 'sent')"),
    )
    op.create_index(op.f("ix_message_member_id_id"), "message", ["member_id", "id"], unique=False)
    op.create_index(
        "ix_message_unread",
        "message",
        ["member_id"],
        unique=False,
        postgresql_where=sa.text("place IS NOT NULL AND read_at IS NULL"),
        sqlite_where=sa.text("place IS NOT NULL AND read_at IS NULL"),
    )
    op.create_index(
        "uq_message_place",
        "message",
        ["member_id", "place"],
        unique=True,
        postgresql_where=sa.text("place IS NOT NULL"),
        sqlite_where=sa.text("place IS NOT NULL"),
    )
    op.create_table(
        "message_box",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_message_box")),
    )
    op.create_table(
        "message_template",
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("medium", sa.String(length=10), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("subject", sa.String(length=500), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_message_template_version")),
        sa.PrimaryKeyConstraint("kind", "medium", "locale", name=op.f("pk_message_template")),
    )
    op.create_table(
        "order_return",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("requested_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_return")),
    )
    op.create_index(op.f("ix_order_return_order_id"), "order_return", ["order_id"], unique=False)
    op.create_index(op.f("ix_order_return_state_id"), "order_return", ["state", "id"], unique=False)
    op.create_table(
        "outbox_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("aggregate_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("payload", Document, nullable=False),
        sa.Column("occurred_at", Instant(), nullable=False),
        sa.Column("relayed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_event")),
        sa.UniqueConstraint("aggregate_id", "seq", name=op.f("uq_outbox_event_aggregate_id_seq")),
    )
    op.create_index(
        "ix_outbox_event_unrelayed",
        "outbox_event",
        ["aggregate_id", "seq"],
        unique=False,
        postgresql_where=sa.text("relayed_at IS NULL"),
        sqlite_where=sa.text("relayed_at IS NULL"),
    )
    op.create_table(
        "password",
        sa.Column("principal_kind", sa.String(length=10), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.String(length=200), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("principal_kind", "principal_id", name=op.f("pk_password")),
    )
    op.create_table(
        "payment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("authorised_minor", sa.BigInteger(), nullable=False),
        sa.Column("captured_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("capturing_minor", sa.BigInteger(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("action", Document, nullable=False),
        sa.Column("request_key", sa.String(length=64), nullable=True),
        sa.Column("query_at", Instant(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "0 <= refunded_minor AND refunded_minor <= captured_minor AND captured_minor <= authorised_minor AND authorised_minor <= amount_minor",
            name=op.f("ck_payment_ceiling"),
        ),
        sa.CheckConstraint(
            "captured_minor <= capturing_minor AND capturing_minor <= authorised_minor",
            name=op.f("ck_payment_capturing"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint(
            "order_id", "request_key", name=op.f("uq_payment_order_id_request_key")
        ),
    )
    op.create_index(
        "ix_payment_query_at",
        "payment",
        ["query_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
        sqlite_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "payment_event",
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("event_id", sa.String(length=200), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("received_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "event_id", name=op.f("pk_payment_event")),
    )
    op.create_index(
        op.f("ix_payment_event_payment_id"), "payment_event", ["payment_id"], unique=False
    )
    op.create_table(
        "plugin_setting",
        sa.Column("plugin", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("document", Document, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_plugin_setting_version")),
        sa.PrimaryKeyConstraint("plugin", "channel", name=op.f("pk_plugin_setting")),
    )
    op.create_table(
        "plugin_state",
        sa.Column("plugin", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("disabled_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("plugin", "channel", name=op.f("pk_plugin_state")),
    )
    op.create_table(
        "plugin_tables",
        sa.Column("plugin", sa.String(length=40), nullable=False),
        sa.Column("prefix", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("plugin", name=op.f("pk_plugin_tables")),
    )
    op.create_table(
        "privacy_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("problem", sa.String(length=500), nullable=False),
        sa.Column("document", sa.Text(), nullable=True),
        sa.Column("made_by", sa.String(length=60), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("done_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privacy_request")),
    )
    op.create_index(
        op.f("ix_privacy_request_member_id_id"),
        "privacy_request",
        ["member_id", "id"],
        unique=False,
    )
    op.create_table(
        "purpose_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("principal_kind", sa.String(length=10), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purpose_token")),
    )
    op.create_index(
        op.f("ix_purpose_token_expires_at"), "purpose_token", ["expires_at"], unique=False
    )
    op.create_index(
        op.f("ix_purpose_token_principal_id_purpose"),
        "purpose_token",
        ["principal_id", "purpose"],
        unique=False,
    )
    op.create_table(
        "quota",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=True),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("subject_limit", sa.BigInteger(), nullable=True),
        sa.Column("period", sa.String(length=5), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("starts_at", Instant(), nullable=True),
        sa.Column("ends_at", Instant(), nullable=True),
        sa.CheckConstraint("subject_limit > 0", name=op.f("ck_quota_subject_limit")),
        sa.CheckConstraint("taken >= 0 AND taken <= capacity", name=op.f("ck_quota_taken")),
        sa.ForeignKeyConstraint(["parent_id"], ["quota.id"], name=op.f("fk_quota_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quota")),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "quota_carried",
        sa.Column("merge_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("quota_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint(
            "merge_id", "owner_id", "quota_id", "part", name=op.f("pk_quota_carried")
        ),
    )
    op.create_table(
        "role",
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("permissions", Document, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_role_version")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_role")),
    )
    op.create_table(
        "schedule",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("recurs", sa.String(length=200), nullable=False),
        sa.Column("next_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_schedule")),
    )
    op.create_table(
        "service_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("permissions", Document, nullable=False),
        sa.Column("channels", Document, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("last_used_at", Instant(), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_token")),
        sa.UniqueConstraint("hash", name=op.f("uq_service_token_hash")),
    )
    op.create_table(
        "staff",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_staff_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("email", name=op.f("uq_staff_email")),
    )
    op.create_table(
        "stock_location",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_location")),
        sa.UniqueConstraint("code", name=op.f("uq_stock_location_code")),
    )
    op.create_table(
        "stock_movement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("location_id", sa.Uuid(), nullable=False),
        sa.Column("delta", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("moved_at", Instant(), nullable=False),
        sa.CheckConstraint("delta <> 0", name=op.f("ck_stock_movement_delta")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_movement")),
    )
    op.create_index(
        op.f("ix_stock_movement_variant_id_location_id"),
        "stock_movement",
        ["variant_id", "location_id"],
        unique=False,
    )
    op.create_table(
        "stored_file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=80), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_file")),
    )
    op.create_index(op.f("ix_stored_file_created_at"), "stored_file", ["created_at"], unique=False)
    op.create_table(
        "subscription",
        sa.Column("consumer", sa.String(length=80), nullable=False),
        sa.Column("event_name", sa.String(length=80), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_name", name=op.f("pk_subscription")),
    )
    op.create_table(
        "tax_category",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_tax_category")),
    )
    op.create_table(
        "webhook_attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.String(length=80), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempt")),
    )
    op.create_index(op.f("ix_webhook_attempt_at"), "webhook_attempt", ["at"], unique=False)
    op.create_index(
        op.f("ix_webhook_attempt_endpoint_id_id"),
        "webhook_attempt",
        ["endpoint_id", "id"],
        unique=False,
    )
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("events", Document, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("disabled_by", sa.String(length=10), nullable=True),
        sa.Column("disabled_at", Instant(), nullable=True),
        sa.Column("secret_number", sa.Integer(), nullable=False),
        sa.Column("previous_until", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "(state = 'disabled') = (disabled_by IS NOT NULL AND disabled_at IS NOT NULL)",
            name=op.f("ck_webhook_endpoint_disabled"),
        ),
        sa.CheckConstraint("secret_number >= 1", name=op.f("ck_webhook_endpoint_secret_number")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint")),
    )
    op.create_table(
        "zone",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_zone")),
    )
    op.create_table(
        "attribute_value",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("attribute_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=200), nullable=False),
        sa.Column("name", Document, nullable=False),
        sa.ForeignKeyConstraint(
            ["attribute_id"], ["attribute.id"], name=op.f("fk_attribute_value_attribute_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attribute_value")),
        sa.UniqueConstraint(
            "attribute_id", "code", name=op.f("uq_attribute_value_attribute_id_code")
        ),
    )
    op.create_table(
        "cart",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("lines", Document, nullable=False),
        sa.Column("details", Document, nullable=False),
        sa.Column("placed", sa.Boolean(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_cart_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cart")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_cart_token_hash")),
    )
    op.create_table(
        "export_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("options", Document, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["file_id"], ["stored_file.id"], name=op.f("fk_export_run_file_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_run")),
    )
    op.create_table(
        "fulfilment_line",
        sa.Column("fulfilment_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("quota_id", sa.Uuid(), nullable=True),
        sa.Column("restocked_quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "0 <= restocked_quantity AND restocked_quantity <= quantity",
            name=op.f("ck_fulfilment_line_restocked_quantity"),
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_fulfilment_line_quantity")),
        sa.ForeignKeyConstraint(
            ["fulfilment_id"], ["fulfilment.id"], name=op.f("fk_fulfilment_line_fulfilment_id")
        ),
        sa.PrimaryKeyConstraint(
            "fulfilment_id", "line_id", "position", name=op.f("pk_fulfilment_line")
        ),
    )
    op.create_table(
        "identity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=300), nullable=False),
        sa.Column("value", sa.String(length=320), nullable=False),
        sa.Column("verified_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_identity_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity")),
    )
    op.create_index(op.f("ix_identity_member_id"), "identity", ["member_id"], unique=False)
    op.create_index(
        "uq_identity_unverified",
        "identity",
        ["kind", "value"],
        unique=True,
        postgresql_where=sa.text("verified_at IS NULL"),
        sqlite_where=sa.text("verified_at IS NULL"),
    )
    op.create_index(
        "uq_identity_verified",
        "identity",
        ["kind", "value"],
        unique=True,
        postgresql_where=sa.text("verified_at IS NOT NULL"),
        sqlite_where=sa.text("verified_at IS NOT NULL"),
    )
    op.create_table(
        "import_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("file_hash", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("options", Document, nullable=False),
        sa.Column("dialect", sa.String(length=20), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("unchanged", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("stock_booked", sa.BigInteger(), nullable=False),
        sa.Column("stock_left_alone", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "done = created + changed + unchanged + refused", name=op.f("ck_import_run_done")
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_import_run_channel_id")
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["stored_file.id"], name=op.f("fk_import_run_file_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_run")),
    )
    op.create_index(op.f("ix_import_run_key"), "import_run", ["key"], unique=False)
    op.create_table(
        "ledger_bucket",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("expires_on", sa.String(length=10), nullable=False),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column("set_aside", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "set_aside >= 0 AND set_aside <= remaining", name=op.f("ck_ledger_bucket_remaining")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["ledger_account.id"], name=op.f("fk_ledger_bucket_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "expires_on", name=op.f("pk_ledger_bucket")),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index(
        "ix_ledger_bucket_expires_on",
        "ledger_bucket",
        ["expires_on"],
        unique=False,
        postgresql_where=sa.text("remaining > set_aside"),
        sqlite_where=sa.text("remaining > set_aside"),
    )
    op.create_table(
        "member_address",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("address", Document, nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_member_address_member_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_address")),
    )
    op.create_index(
        op.f("ix_member_address_member_id"), "member_address", ["member_id"], unique=False
    )
    op.create_table(
        "member_consent",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("given_at", Instant(), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("withdrawn_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_member_consent_member_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_consent")),
    )
    op.create_index(
        "uq_member_consent_given",
        "member_consent",
        ["member_id", "purpose"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
        sqlite_where=sa.text("withdrawn_at IS NULL"),
    )
    op.create_table(
        "member_merge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("survivor_id", sa.Uuid(), nullable=False),
        sa.Column("merged_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("made_by", sa.String(length=60), nullable=False),
        sa.Column("was", sa.String(length=20), nullable=False),
        sa.Column("merged_at", Instant(), nullable=False),
        sa.Column("carried_at", Instant(), nullable=True),
        sa.Column("undone_at", Instant(), nullable=True),
        sa.Column("undone_by", sa.String(length=60), nullable=True),
        sa.ForeignKeyConstraint(
            ["merged_id"], ["member.id"], name=op.f("fk_member_merge_merged_id")
        ),
        sa.ForeignKeyConstraint(
            ["survivor_id"], ["member.id"], name=op.f("fk_member_merge_survivor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_merge")),
    )
    op.create_index(
        op.f("ix_member_merge_survivor_id"), "member_merge", ["survivor_id"], unique=False
    )
    op.create_index(
        "uq_member_merge_standing",
        "member_merge",
        ["merged_id"],
        unique=True,
        postgresql_where=sa.text("undone_at IS NULL"),
        sqlite_where=sa.text("undone_at IS NULL"),
    )
    op.create_table(
        "membership",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("group_code", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_code"], ["member_group.code"], name=op.f("fk_membership_group_code")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_membership_member_id")),
        sa.PrimaryKeyConstraint("member_id", "group_code", name=op.f("pk_membership")),
    )
    op.create_index(
        op.f("ix_membership_group_code_member_id"),
        "membership",
        ["group_code", "member_id"],
        unique=False,
    )
    op.create_table(
        "order",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("details", Document, nullable=False),
        sa.Column("source_class", sa.String(length=20), nullable=True),
        sa.Column("source_entry", sa.String(length=60), nullable=True),
        sa.Column("source_campaign", sa.String(length=120), nullable=True),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("cancel_reason", sa.String(length=200), nullable=True),
        sa.Column("attention", Document, nullable=True),
        sa.Column("holds", Document, nullable=True),
        sa.Column("attributes", Document, nullable=False),
        sa.Column("price_trace", Document, nullable=False),
        sa.Column("placed_at", Instant(), nullable=False),
        sa.Column("pay_until", Instant(), nullable=False),
        sa.Column("closing_at", Instant(), nullable=True),
        sa.Column("expired_at", Instant(), nullable=True),
        sa.Column("close_at", Instant(), nullable=True),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("imported_from", sa.String(length=90), nullable=True),
        sa.CheckConstraint("total_minor >= 0", name=op.f("ck_order_total_minor")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_order_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order")),
        sa.UniqueConstraint("number", name=op.f("uq_order_number")),
    )
    op.create_index(
        "ix_order_attention",
        "order",
        ["id"],
        unique=False,
        postgresql_where=sa.text("attention IS NOT NULL"),
        sqlite_where=sa.text("attention IS NOT NULL"),
    )
    op.create_index(
        "ix_order_close_at",
        "order",
        ["close_at"],
        unique=False,
        postgresql_where=sa.text("state = 'confirmed' AND close_at IS NOT NULL"),
        sqlite_where=sa.text("state = 'confirmed' AND close_at IS NOT NULL"),
    )
    op.create_index(
        "ix_order_holds",
        "order",
        ["id"],
        unique=False,
        postgresql_where=sa.text("holds IS NOT NULL"),
        sqlite_where=sa.text("holds IS NOT NULL"),
    )
    op.create_index(op.f("ix_order_member_id_id"), "order", ["member_id", "id"], unique=False)
    op.create_index(
        "ix_order_pay_until",
        "order",
        ["pay_until"],
        unique=False,
        postgresql_where=sa.text("state = 'placed'"),
        sqlite_where=sa.text("state = 'placed'"),
    )
    op.create_index(
        "uq_order_imported_from",
        "order",
        ["imported_from"],
        unique=True,
        postgresql_where=sa.text("imported_from IS NOT NULL"),
        sqlite_where=sa.text("imported_from IS NOT NULL"),
    )
    op.create_table(
        "order_return_line",
        sa.Column("return_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("received_quantity", sa.Integer(), nullable=False),
        sa.Column("accepted_quantity", sa.Integer(), nullable=False),
        sa.Column("restocked_quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "0 <= accepted_quantity AND accepted_quantity <= received_quantity",
            name=op.f("ck_order_return_line_accepted_quantity"),
        ),
        sa.CheckConstraint(
            "0 <= received_quantity AND received_quantity <= quantity",
            name=op.f("ck_order_return_line_received_quantity"),
        ),
        sa.CheckConstraint(
            "0 <= restocked_quantity AND restocked_quantity <= accepted_quantity",
            name=op.f("ck_order_return_line_restocked_quantity"),
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_return_line_quantity")),
        sa.ForeignKeyConstraint(
            ["return_id"], ["order_return.id"], name=op.f("fk_order_return_line_return_id")
        ),
        sa.PrimaryKeyConstraint("return_id", "line_id", name=op.f("pk_order_return_line")),
    )
    op.create_table(
        "paid_part",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("part_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "0 <= refunded_minor AND refunded_minor <= paid_minor",
            name=op.f("ck_paid_part_ceiling"),
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name=op.f("fk_paid_part_payment_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "payment_id", "part_id", name=op.f("pk_paid_part")),
    )
    op.create_table(
        "pending_transfer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=240), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=6), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("units > 0", name=op.f("ck_pending_transfer_units")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["ledger_account.id"], name=op.f("fk_pending_transfer_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_transfer")),
        sa.UniqueConstraint("source", name=op.f("uq_pending_transfer_source")),
    )
    op.create_index(
        "ix_pending_transfer_open",
        "pending_transfer",
        ["account_id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "price_list",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_price_list_channel_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_list")),
        sa.UniqueConstraint(
            "channel_id", "currency", name=op.f("uq_price_list_channel_id_currency")
        ),
    )
    op.create_table(
        "product",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=200), nullable=False),
        sa.Column("name", Document, nullable=False),
        sa.Column("description", Document, nullable=False),
        sa.Column("tax_category", sa.String(length=40), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tax_category"], ["tax_category.code"], name=op.f("fk_product_tax_category")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("slug", name=op.f("uq_product_slug")),
    )
    op.create_table(
        "quota_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("quota_id", sa.Uuid(), nullable=False),
        sa.Column("delta", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=10), nullable=False),
        sa.Column("move_id", sa.Uuid(), nullable=True),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["quota_id"], ["quota.id"], name=op.f("fk_quota_change_quota_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quota_change")),
    )
    op.create_index(op.f("ix_quota_change_quota_id"), "quota_change", ["quota_id"], unique=False)
    op.create_table(
        "quota_excess",
        sa.Column("quota_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("merged_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["quota_id"], ["quota.id"], name=op.f("fk_quota_excess_quota_id")),
        sa.PrimaryKeyConstraint("quota_id", "subject_id", "period", name=op.f("pk_quota_excess")),
    )
    op.create_table(
        "refund",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("retry_of", sa.Uuid(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("done_at", Instant(), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refund_amount_minor")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_refund_payment_id")),
        sa.ForeignKeyConstraint(["retry_of"], ["refund.id"], name=op.f("fk_refund_retry_of")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("payment_id", "reference", name=op.f("uq_refund_payment_id_reference")),
        sa.UniqueConstraint("retry_of", name=op.f("uq_refund_retry_of")),
    )
    op.create_index(op.f("ix_refund_order_id"), "refund", ["order_id"], unique=False)
    op.create_table(
        "reservation",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("quota_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("release", sa.String(length=13), nullable=False),
        sa.CheckConstraint(
            "(state IN ('held', 'returning')) = (expires_at IS NOT NULL)",
            name=op.f("ck_reservation_expires_at"),
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_reservation_quantity")),
        sa.ForeignKeyConstraint(["quota_id"], ["quota.id"], name=op.f("fk_reservation_quota_id")),
        sa.PrimaryKeyConstraint("owner_id", "quota_id", "part", name=op.f("pk_reservation")),
    )
    op.create_index(
        "ix_reservation_due",
        "reservation",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("expires_at IS NOT NULL"),
        sqlite_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_index(
        "ix_reservation_use", "reservation", ["quota_id", "subject_id", "period"], unique=False
    )
    op.create_table(
        "shipping_method",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", Document, nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_shipping_method_channel_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipping_method")),
        sa.UniqueConstraint("channel_id", "code", name=op.f("uq_shipping_method_channel_id_code")),
    )
    op.create_table(
        "staff_role",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("role_key", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["role_key"], ["role.key"], name=op.f("fk_staff_role_role_key")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_role_staff_id")),
        sa.PrimaryKeyConstraint("staff_id", "role_key", "channel", name=op.f("pk_staff_role")),
    )
    op.create_index(op.f("ix_staff_role_role_key"), "staff_role", ["role_key"], unique=False)
    op.create_table(
        "stored_piece",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"],
            ["stored_file.id"],
            name=op.f("fk_stored_piece_file_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("file_id", "position", name=op.f("pk_stored_piece")),
    )
    op.create_table(
        "tax_rate",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("zone_code", sa.String(length=40), nullable=False),
        sa.Column("category_code", sa.String(length=40), nullable=False),
        sa.Column("rate_ppm", sa.Integer(), nullable=False),
        sa.Column("label", Document, nullable=False),
        sa.Column("starts_at", Instant(), nullable=True),
        sa.Column("ends_at", Instant(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "0 <= rate_ppm AND rate_ppm <= 1000000", name=op.f("ck_tax_rate_rate_ppm")
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_tax_rate_window")),
        sa.ForeignKeyConstraint(
            ["category_code"], ["tax_category.code"], name=op.f("fk_tax_rate_category_code")
        ),
        sa.ForeignKeyConstraint(["zone_code"], ["zone.code"], name=op.f("fk_tax_rate_zone_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tax_rate")),
    )
    op.create_index(
        op.f("ix_tax_rate_zone_code_category_code"),
        "tax_rate",
        ["zone_code", "category_code"],
        unique=False,
    )
    op.create_table(
        "zone_place",
        sa.Column("zone_code", sa.String(length=40), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("region", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["zone_code"], ["zone.code"], name=op.f("fk_zone_place_zone_code")),
        sa.PrimaryKeyConstraint("zone_code", "country", "region", name=op.f("pk_zone_place")),
    )
    op.create_table(
        "import_refusal",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("column", sa.String(length=200), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["import_run.id"], name=op.f("fk_import_refusal_run_id")
        ),
        sa.PrimaryKeyConstraint("run_id", "line", name=op.f("pk_import_refusal")),
    )
    op.create_table(
        "member_merge_row",
        sa.Column("merge_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.String(length=80), nullable=False),
        sa.Column("row_key", sa.String(length=120), nullable=False),
        sa.Column("was", Document, nullable=True),
        sa.ForeignKeyConstraint(
            ["merge_id"], ["member_merge.id"], name=op.f("fk_member_merge_row_merge_id")
        ),
        sa.PrimaryKeyConstraint("merge_id", "place", "row_key", name=op.f("pk_member_merge_row")),
    )
    op.create_table(
        "order_adjustment",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=True),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(length=500), nullable=False),
        sa.Column("origin", sa.String(length=60), nullable=False),
        sa.Column("included", sa.Boolean(), nullable=False),
        sa.Column("rule", sa.String(length=120), nullable=True),
        sa.Column("rule_version", sa.Integer(), nullable=True),
        sa.Column("rate_ppm", sa.Integer(), nullable=True),
        sa.Column("base_minor", sa.BigInteger(), nullable=True),
        sa.Column("stack_group", sa.String(length=60), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=True),
        sa.Column("coupon", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"], ["order.id"], name=op.f("fk_order_adjustment_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "position", name=op.f("pk_order_adjustment")),
    )
    op.create_table(
        "order_draft",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("made_by", sa.String(length=60), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["id"], ["cart.id"], name=op.f("fk_order_draft_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_draft")),
    )
    op.create_table(
        "order_edit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("delta_minor", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("made_by", sa.String(length=60), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("applied_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "(delta_minor IS NULL) = (applied_at IS NULL)", name=op.f("ck_order_edit_applied_at")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_order_edit_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_edit")),
        sa.UniqueConstraint("order_id", "part", name=op.f("uq_order_edit_order_id_part")),
    )
    op.create_table(
        "order_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.String(length=120), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("tracked", sa.Boolean(), nullable=False),
        sa.Column("refunded_quantity", sa.Integer(), nullable=False),
        sa.Column("fulfilled_quantity", sa.Integer(), nullable=False),
        sa.Column("returned_quantity", sa.Integer(), nullable=False),
        sa.Column("activity_id", sa.Uuid(), nullable=True),
        sa.Column("attributes", Document, nullable=False),
        sa.CheckConstraint(
            "0 <= refunded_quantity AND refunded_quantity <= quantity",
            name=op.f("ck_order_line_refunded_quantity"),
        ),
        sa.CheckConstraint(
            "0 <= returned_quantity AND returned_quantity <= fulfilled_quantity AND fulfilled_quantity <= quantity",
            name=op.f("ck_order_line_fulfilled_quantity"),
        ),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_order_line_quantity")),
        sa.CheckConstraint("unit_price_minor >= 0", name=op.f("ck_order_line_unit_price_minor")),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_order_line_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_line")),
        sa.UniqueConstraint("order_id", "position", name=op.f("uq_order_line_order_id_position")),
    )
    op.create_table(
        "pending_transfer_part",
        sa.Column("pending_transfer_id", sa.Uuid(), nullable=False),
        sa.Column("bucket", sa.String(length=10), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("units > 0", name=op.f("ck_pending_transfer_part_units")),
        sa.ForeignKeyConstraint(
            ["pending_transfer_id"],
            ["pending_transfer.id"],
            name=op.f("fk_pending_transfer_part_pending_transfer_id"),
        ),
        sa.PrimaryKeyConstraint(
            "pending_transfer_id", "bucket", name=op.f("pk_pending_transfer_part")
        ),
    )
    op.create_table(
        "product_attribute",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("attribute_value_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attribute_value_id"],
            ["attribute_value.id"],
            name=op.f("fk_product_attribute_attribute_value_id"),
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_product_attribute_product_id")
        ),
        sa.PrimaryKeyConstraint(
            "product_id", "attribute_value_id", name=op.f("pk_product_attribute")
        ),
    )
    op.create_index(
        op.f("ix_product_attribute_attribute_value_id_product_id"),
        "product_attribute",
        ["attribute_value_id", "product_id"],
        unique=False,
    )
    op.create_table(
        "product_category",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_product_category_category_id")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_product_category_product_id")
        ),
        sa.PrimaryKeyConstraint("product_id", "category_id", name=op.f("pk_product_category")),
    )
    op.create_index(
        op.f("ix_product_category_category_id_product_id"),
        "product_category",
        ["category_id", "product_id"],
        unique=False,
    )
    op.create_table(
        "product_collection",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("collection_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collection.id"], name=op.f("fk_product_collection_collection_id")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_product_collection_product_id")
        ),
        sa.PrimaryKeyConstraint("product_id", "collection_id", name=op.f("pk_product_collection")),
    )
    op.create_index(
        op.f("ix_product_collection_collection_id_product_id"),
        "product_collection",
        ["collection_id", "product_id"],
        unique=False,
    )
    op.create_table(
        "product_listing",
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_product_listing_channel_id")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_product_listing_product_id")
        ),
        sa.PrimaryKeyConstraint("channel_id", "product_id", name=op.f("pk_product_listing")),
    )
    op.create_table(
        "product_option",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", Document, nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_product_option_product_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_option")),
        sa.UniqueConstraint(
            "product_id", "position", name=op.f("uq_product_option_product_id_position")
        ),
    )
    op.create_table(
        "product_search",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("beside", sa.Text(), nullable=False),
        sa.Column("parts", sa.Text(), nullable=False),
        sa.Column("edition", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_product_search_product_id")
        ),
        sa.PrimaryKeyConstraint("product_id", "locale", name=op.f("pk_product_search")),
        sa.UniqueConstraint("number", name=op.f("uq_product_search_number")),
    )
    op.create_index(
        op.f("ix_product_search_locale_name_product_id"),
        "product_search",
        ["locale", "name", "product_id"],
        unique=False,
    )
    op.create_table(
        "refund_part",
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("part_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refund_part_amount_minor")),
        sa.ForeignKeyConstraint(
            ["refund_id"], ["refund.id"], name=op.f("fk_refund_part_refund_id")
        ),
        sa.PrimaryKeyConstraint("refund_id", "part_id", name=op.f("pk_refund_part")),
    )
    op.create_table(
        "shipping_rate",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("method_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("zone_code", sa.String(length=40), nullable=True),
        sa.Column("grams_max", sa.Integer(), nullable=True),
        sa.Column("total_from_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("free_from_minor", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_shipping_rate_amount_minor")),
        sa.CheckConstraint("free_from_minor >= 0", name=op.f("ck_shipping_rate_free_from_minor")),
        sa.CheckConstraint("grams_max > 0", name=op.f("ck_shipping_rate_grams_max")),
        sa.CheckConstraint("total_from_minor >= 0", name=op.f("ck_shipping_rate_total_from_minor")),
        sa.ForeignKeyConstraint(
            ["method_id"], ["shipping_method.id"], name=op.f("fk_shipping_rate_method_id")
        ),
        sa.ForeignKeyConstraint(
            ["zone_code"], ["zone.code"], name=op.f("fk_shipping_rate_zone_code")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipping_rate")),
    )
    op.create_index(
        op.f("ix_shipping_rate_method_id"), "shipping_rate", ["method_id"], unique=False
    )
    op.create_table(
        "variant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.String(length=120), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("track_stock", sa.Boolean(), nullable=False),
        sa.Column("grams", sa.Integer(), nullable=True),
        sa.CheckConstraint("grams >= 0", name=op.f("ck_variant_grams")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_variant_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_variant")),
        sa.UniqueConstraint("sku", name=op.f("uq_variant_sku")),
    )
    op.create_index(
        op.f("ix_variant_product_id_position"), "variant", ["product_id", "position"], unique=False
    )
    op.create_table(
        "activity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plugin", sa.String(length=60), nullable=False),
        sa.Column("rule", sa.String(length=120), nullable=False),
        sa.Column("label", Document, nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.Column("by_choice", sa.Boolean(), nullable=False),
        sa.Column("quota_id", sa.Uuid(), nullable=True),
        sa.Column("members_only", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("withdrawn_at", Instant(), nullable=True),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_activity_window")),
        sa.CheckConstraint("unit_price_minor >= 0", name=op.f("ck_activity_unit_price_minor")),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_activity_channel_id")
        ),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variant.id"], name=op.f("fk_activity_variant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity")),
    )
    op.create_index(op.f("ix_activity_ends_at"), "activity", ["ends_at"], unique=False)
    op.create_index(op.f("ix_activity_variant_id"), "activity", ["variant_id"], unique=False)
    op.create_table(
        "media",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("alt", Document, nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_media_product_id")),
        sa.ForeignKeyConstraint(["variant_id"], ["variant.id"], name=op.f("fk_media_variant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
    )
    op.create_index(
        op.f("ix_media_product_id_position"), "media", ["product_id", "position"], unique=False
    )
    op.create_table(
        "order_line_payee",
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(length=120), nullable=False),
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("slot IN (1, 2)", name=op.f("ck_order_line_payee_slot")),
        sa.ForeignKeyConstraint(
            ["line_id"], ["order_line.id"], name=op.f("fk_order_line_payee_line_id")
        ),
        sa.PrimaryKeyConstraint("line_id", "slot", name=op.f("pk_order_line_payee")),
        sa.UniqueConstraint("line_id", "person", name=op.f("uq_order_line_payee_line_id_person")),
    )
    op.create_table(
        "price",
        sa.Column("price_list_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_price_amount_minor")),
        sa.ForeignKeyConstraint(
            ["price_list_id"], ["price_list.id"], name=op.f("fk_price_price_list_id")
        ),
        sa.ForeignKeyConstraint(["variant_id"], ["variant.id"], name=op.f("fk_price_variant_id")),
        sa.PrimaryKeyConstraint("price_list_id", "variant_id", name=op.f("pk_price")),
    )
    op.create_index(op.f("ix_price_variant_id"), "price", ["variant_id"], unique=False)
    op.create_index(
        op.f("ix_price_price_list_id_amount_minor_variant_id"),
        "price",
        ["price_list_id", "amount_minor", "variant_id"],
        unique=False,
    )
    op.create_table(
        "price_rule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("price_list_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("from_quantity", sa.Integer(), nullable=False),
        sa.Column("group_code", sa.String(length=40), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", Instant(), nullable=True),
        sa.Column("ends_at", Instant(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_price_rule_amount_minor")),
        sa.CheckConstraint("from_quantity >= 1", name=op.f("ck_price_rule_from_quantity")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_price_rule_window")),
        sa.ForeignKeyConstraint(
            ["group_code"], ["member_group.code"], name=op.f("fk_price_rule_group_code")
        ),
        sa.ForeignKeyConstraint(
            ["price_list_id"], ["price_list.id"], name=op.f("fk_price_rule_price_list_id")
        ),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variant.id"], name=op.f("fk_price_rule_variant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_rule")),
    )
    op.create_index(
        op.f("ix_price_rule_variant_id_price_list_id"),
        "price_rule",
        ["variant_id", "price_list_id"],
        unique=False,
    )
    op.create_index(
        "ix_price_rule_for_everyone",
        "price_rule",
        ["price_list_id", "amount_minor", "variant_id"],
        unique=False,
        postgresql_where=sa.text("from_quantity = 1 AND group_code IS NULL"),
        sqlite_where=sa.text("from_quantity = 1 AND group_code IS NULL"),
    )
    op.create_table(
        "stock_level",
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("location_id", sa.Uuid(), nullable=False),
        sa.Column("quota_id", sa.Uuid(), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("back_order", sa.BigInteger(), nullable=False),
        sa.Column("short", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("back_order >= 0", name=op.f("ck_stock_level_back_order")),
        sa.CheckConstraint("short >= 0", name=op.f("ck_stock_level_short")),
        sa.ForeignKeyConstraint(
            ["location_id"], ["stock_location.id"], name=op.f("fk_stock_level_location_id")
        ),
        sa.ForeignKeyConstraint(["quota_id"], ["quota.id"], name=op.f("fk_stock_level_quota_id")),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variant.id"], name=op.f("fk_stock_level_variant_id")
        ),
        sa.PrimaryKeyConstraint("variant_id", "location_id", name=op.f("pk_stock_level")),
        sa.UniqueConstraint("quota_id", name=op.f("uq_stock_level_quota_id")),
    )
    op.create_index(
        "ix_stock_level_short",
        "stock_level",
        ["short"],
        unique=False,
        postgresql_where=sa.text("short > 0"),
        sqlite_where=sa.text("short > 0"),
    )
    op.create_table(
        "variant_option",
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("option_id", sa.Uuid(), nullable=False),
        sa.Column("value", Document, nullable=False),
        sa.ForeignKeyConstraint(
            ["option_id"], ["product_option.id"], name=op.f("fk_variant_option_option_id")
        ),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variant.id"], name=op.f("fk_variant_option_variant_id")
        ),
        sa.PrimaryKeyConstraint("variant_id", "option_id", name=op.f("pk_variant_option")),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("variant_option")
    op.drop_index(
        "ix_stock_level_short",
        table_name="stock_level",
        postgresql_where=sa.text("short > 0"),
        sqlite_where=sa.text("short > 0"),
    )
    op.drop_table("stock_level")
    op.drop_index("ix_price_rule_for_everyone", table_name="price_rule")
    op.drop_index(op.f("ix_price_rule_variant_id_price_list_id"), table_name="price_rule")
    op.drop_table("price_rule")
    op.drop_index(op.f("ix_price_price_list_id_amount_minor_variant_id"), table_name="price")
    op.drop_index(op.f("ix_price_variant_id"), table_name="price")
    op.drop_table("price")
    op.drop_table("order_line_payee")
    op.drop_index(op.f("ix_media_product_id_position"), table_name="media")
    op.drop_table("media")
    op.drop_index(op.f("ix_activity_variant_id"), table_name="activity")
    op.drop_index(op.f("ix_activity_ends_at"), table_name="activity")
    op.drop_table("activity")
    op.drop_index(op.f("ix_variant_product_id_position"), table_name="variant")
    op.drop_table("variant")
    op.drop_index(op.f("ix_shipping_rate_method_id"), table_name="shipping_rate")
    op.drop_table("shipping_rate")
    op.drop_table("refund_part")
    op.drop_index(op.f("ix_product_search_locale_name_product_id"), table_name="product_search")
    op.drop_table("product_search")
    op.drop_table("product_option")
    op.drop_table("product_listing")
    op.drop_index(
        op.f("ix_product_collection_collection_id_product_id"), table_name="product_collection"
    )
    op.drop_table("product_collection")
    op.drop_index(op.f("ix_product_category_category_id_product_id"), table_name="product_category")
    op.drop_table("product_category")
    op.drop_index(
        op.f("ix_product_attribute_attribute_value_id_product_id"), table_name="product_attribute"
    )
    op.drop_table("product_attribute")
    op.drop_table("pending_transfer_part")
    op.drop_table("order_line")
    op.drop_table("order_edit")
    op.drop_table("order_draft")
    op.drop_table("order_adjustment")
    op.drop_table("member_merge_row")
    op.drop_table("import_refusal")
    op.drop_table("zone_place")
    op.drop_index(op.f("ix_tax_rate_zone_code_category_code"), table_name="tax_rate")
    op.drop_table("tax_rate")
    op.drop_table("stored_piece")
    op.drop_index(op.f("ix_staff_role_role_key"), table_name="staff_role")
    op.drop_table("staff_role")
    op.drop_table("shipping_method")
    op.drop_index("ix_reservation_use", table_name="reservation")
    op.drop_index(
        "ix_reservation_due",
        table_name="reservation",
        postgresql_where=sa.text("expires_at IS NOT NULL"),
        sqlite_where=sa.text("expires_at IS NOT NULL"),
    )
    op.drop_table("reservation")
    op.drop_index(op.f("ix_refund_order_id"), table_name="refund")
    op.drop_table("refund")
    op.drop_table("quota_excess")
    op.drop_index(op.f("ix_quota_change_quota_id"), table_name="quota_change")
    op.drop_table("quota_change")
    op.drop_table("product")
    op.drop_table("price_list")
    op.drop_index(
        "ix_pending_transfer_open",
        table_name="pending_transfer",
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    op.drop_table("pending_transfer")
    op.drop_table("paid_part")
    op.drop_table("order_return_line")
    op.drop_index(
        "uq_order_imported_from",
        table_name="order",
        postgresql_where=sa.text("imported_from IS NOT NULL"),
        sqlite_where=sa.text("imported_from IS NOT NULL"),
    )
    op.drop_index(
        "ix_order_pay_until",
        table_name="order",
        postgresql_where=sa.text("state = 'placed'"),
        sqlite_where=sa.text("state = 'placed'"),
    )
    op.drop_index(op.f("ix_order_member_id_id"), table_name="order")
    op.drop_index(
        "ix_order_holds",
        table_name="order",
        postgresql_where=sa.text("holds IS NOT NULL"),
        sqlite_where=sa.text("holds IS NOT NULL"),
    )
    op.drop_index(
        "ix_order_close_at",
        table_name="order",
        postgresql_where=sa.text("state = 'confirmed' AND close_at IS NOT NULL"),
        sqlite_where=sa.text("state = 'confirmed' AND close_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_order_attention",
        table_name="order",
        postgresql_where=sa.text("attention IS NOT NULL"),
        sqlite_where=sa.text("attention IS NOT NULL"),
    )
    op.drop_table("order")
    op.drop_index(op.f("ix_membership_group_code_member_id"), table_name="membership")
    op.drop_table("membership")
    op.drop_index(
        "uq_member_merge_standing",
        table_name="member_merge",
        postgresql_where=sa.text("undone_at IS NULL"),
        sqlite_where=sa.text("undone_at IS NULL"),
    )
    op.drop_index(op.f("ix_member_merge_survivor_id"), table_name="member_merge")
    op.drop_table("member_merge")
    op.drop_index(
        "uq_member_consent_given",
        table_name="member_consent",
        postgresql_where=sa.text("withdrawn_at IS NULL"),
        sqlite_where=sa.text("withdrawn_at IS NULL"),
    )
    op.drop_table("member_consent")
    op.drop_index(op.f("ix_member_address_member_id"), table_name="member_address")
    op.drop_table("member_address")
    op.drop_index(
        "ix_ledger_bucket_expires_on",
        table_name="ledger_bucket",
        postgresql_where=sa.text("remaining > set_aside"),
        sqlite_where=sa.text("remaining > set_aside"),
    )
    op.drop_table("ledger_bucket")
    op.drop_index(op.f("ix_import_run_key"), table_name="import_run")
    op.drop_table("import_run")
    op.drop_index(
        "uq_identity_verified",
        table_name="identity",
        postgresql_where=sa.text("verified_at IS NOT NULL"),
        sqlite_where=sa.text("verified_at IS NOT NULL"),
    )
    op.drop_index(
        "uq_identity_unverified",
        table_name="identity",
        postgresql_where=sa.text("verified_at IS NULL"),
        sqlite_where=sa.text("verified_at IS NULL"),
    )
    op.drop_index(op.f("ix_identity_member_id"), table_name="identity")
    op.drop_table("identity")
    op.drop_table("fulfilment_line")
    op.drop_table("export_run")
    op.drop_table("cart")
    op.drop_table("attribute_value")
    op.drop_table("zone")
    op.drop_table("webhook_endpoint")
    op.drop_index(op.f("ix_webhook_attempt_endpoint_id_id"), table_name="webhook_attempt")
    op.drop_index(op.f("ix_webhook_attempt_at"), table_name="webhook_attempt")
    op.drop_table("webhook_attempt")
    op.drop_table("tax_category")
    op.drop_table("subscription")
    op.drop_index(op.f("ix_stored_file_created_at"), table_name="stored_file")
    op.drop_table("stored_file")
    op.drop_index(op.f("ix_stock_movement_variant_id_location_id"), table_name="stock_movement")
    op.drop_table("stock_movement")
    op.drop_table("stock_location")
    op.drop_table("staff")
    op.drop_table("service_token")
    op.drop_table("schedule")
    op.drop_table("role")
    op.drop_table("quota_carried")
    op.drop_table("quota")
    op.drop_index(op.f("ix_purpose_token_principal_id_purpose"), table_name="purpose_token")
    op.drop_index(op.f("ix_purpose_token_expires_at"), table_name="purpose_token")
    op.drop_table("purpose_token")
    op.drop_index(op.f("ix_privacy_request_member_id_id"), table_name="privacy_request")
    op.drop_table("privacy_request")
    op.drop_table("plugin_tables")
    op.drop_table("plugin_state")
    op.drop_table("plugin_setting")
    op.drop_index(op.f("ix_payment_event_payment_id"), table_name="payment_event")
    op.drop_table("payment_event")
    op.drop_index(
        "ix_payment_query_at",
        table_name="payment",
        postgresql_where=sa.text("state = 'pending'"),
        sqlite_where=sa.text("state = 'pending'"),
    )
    op.drop_table("payment")
    op.drop_table("password")
    op.drop_index(
        "ix_outbox_event_unrelayed",
        table_name="outbox_event",
        postgresql_where=sa.text("relayed_at IS NULL"),
        sqlite_where=sa.text("relayed_at IS NULL"),
    )
    op.drop_table("outbox_event")
    op.drop_index(op.f("ix_order_return_state_id"), table_name="order_return")
    op.drop_index(op.f("ix_order_return_order_id"), table_name="order_return")
    op.drop_table("order_return")
    op.drop_table("message_template")
    op.drop_table("message_box")
    op.drop_index(
        "uq_message_place",
        table_name="message",
        postgresql_where=sa.text("place IS NOT NULL"),
        sqlite_where=sa.text("place IS NOT NULL"),
    )
    op.drop_index(
        "ix_message_unread",
        table_name="message",
        postgresql_where=sa.text("place IS NOT NULL AND read_at IS NULL"),
        sqlite_where=sa.text("place IS NOT NULL AND read_at IS NULL"),
    )
    op.drop_index(op.f("ix_message_member_id_id"), table_name="message")
    op.drop_index(
        "ix_message_admitted",
        table_name="message",
        postgresql_where=sa.text("state IN ('sending', 'sent')"),
        sqlite_where=sa.text("state IN ('sending', 'sent')"),
    )
    op.drop_table("message")
    op.drop_table("member_group")
    op.drop_index(
        "ix_member_merged_into",
        table_name="member",
        postgresql_where=sa.text("merged_into IS NOT NULL"),
        sqlite_where=sa.text("merged_into IS NOT NULL"),
    )
    op.drop_table("member")
    op.drop_index(op.f("ix_login_session_principal_id_id"), table_name="login_session")
    op.drop_index(op.f("ix_login_session_expires_at"), table_name="login_session")
    op.drop_index(op.f("ix_login_session_ended_at"), table_name="login_session")
    op.drop_table("login_session")
    op.drop_index(op.f("ix_login_code_id"), table_name="login_code")
    op.drop_index(op.f("ix_login_code_expires_at"), table_name="login_code")
    op.drop_table("login_code")
    op.drop_index(op.f("ix_login_attempts_since"), table_name="login_attempts")
    op.drop_table("login_attempts")
    op.drop_index(
        "ix_ledger_transfer_undoes_id",
        table_name="ledger_transfer",
        postgresql_where=sa.text("undoes_id IS NOT NULL"),
        sqlite_where=sa.text("undoes_id IS NOT NULL"),
    )
    op.drop_table("ledger_transfer")
    op.drop_index(
        "ix_ledger_entry_nth",
        table_name="ledger_entry",
        postgresql_where=sa.text("nth IS NOT NULL"),
        sqlite_where=sa.text("nth IS NOT NULL"),
    )
    op.drop_table("ledger_entry")
    op.drop_index(
        "ix_ledger_account_heir",
        table_name="ledger_account",
        postgresql_where=sa.text("heir IS NOT NULL"),
        sqlite_where=sa.text("heir IS NOT NULL"),
    )
    op.drop_table("ledger_account")
    op.drop_index(
        "uq_job_unique_key",
        table_name="job",
        postgresql_where=sa.text("state != 'dead'"),
        sqlite_where=sa.text("state != 'dead'"),
    )
    op.drop_index(
        "ix_job_waiting",
        table_name="job",
        postgresql_where=sa.text("state = 'waiting'"),
        sqlite_where=sa.text("state = 'waiting'"),
    )
    op.drop_index(
        "ix_job_running",
        table_name="job",
        postgresql_where=sa.text("state = 'running'"),
        sqlite_where=sa.text("state = 'running'"),
    )
    op.drop_table("job")
    op.drop_table("idempotency")
    op.drop_index(op.f("ix_fulfilment_order_id"), table_name="fulfilment")
    op.drop_table("fulfilment")
    op.drop_table("edition")
    op.drop_index(
        "ix_delivery_pending",
        table_name="delivery",
        postgresql_where=sa.text("state = 'pending'"),
        sqlite_where=sa.text("state = 'pending'"),
    )
    op.drop_index(
        "ix_delivery_lane",
        table_name="delivery",
        postgresql_where=sa.text("state IN ('pending', 'dead')"),
        sqlite_where=sa.text("state IN ('pending', 'dead')"),
    )
    op.drop_table("delivery")
    op.drop_table("collection")
    op.drop_table("channel")
    op.drop_index(op.f("ix_category_parent_id"), table_name="category")
    op.drop_table("category")
    op.drop_table("carried")
    op.drop_index(op.f("ix_audit_record_subject_at_id"), table_name="audit_record")
    op.drop_index(op.f("ix_audit_record_operation_at_id"), table_name="audit_record")
    op.drop_index(op.f("ix_audit_record_at_id"), table_name="audit_record")
    op.drop_index(op.f("ix_audit_record_actor_id_at_id"), table_name="audit_record")
    op.drop_table("audit_record")
    op.drop_table("audit_link")
    op.drop_table("attribute")
    op.drop_index(
        "uq_approval_pending",
        table_name="approval",
        postgresql_where=sa.text("state = 'pending'"),
        sqlite_where=sa.text("state = 'pending'"),
    )
    op.drop_index(op.f("ix_approval_state_id"), table_name="approval")
    op.drop_table("approval")
