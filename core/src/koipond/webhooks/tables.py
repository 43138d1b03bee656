"""Tables of webhooks. Whom they tell, and of what, are rows of kernel/couriers.py and outbox.py."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, String, Table, Text, Uuid

from koipond.kernel.db import Document, Instant, metadata

webhook_endpoint = Table(
    "webhook_endpoint",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("url", Text, nullable=False),
    Column("description", String(200), nullable=False),
    # [name of an event]
    Column("events", Document, nullable=False),
    # An EndpointState.
    Column("state", String(10), nullable=False),
    # A DisabledBy.
    Column("disabled_by", String(10)),
    Column("disabled_at", Instant),
    # Which secret it signs with. The secrets are not here: decision 0021.
    Column("secret_number", Integer, nullable=False),
    # Until when the one before it counts as well.
    Column("previous_until", Instant),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("secret_number >= 1", name="secret_number"),
    CheckConstraint(
        "(state = 'disabled') = (disabled_by IS NOT NULL AND disabled_at IS NOT NULL)",
        name="disabled",
    ),
)

# Every try, whatever came of it, for `webhook_attempts_keep_days`.
webhook_attempt = Table(
    "webhook_attempt",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("endpoint_id", Uuid, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("event", String(80), nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("status", Integer),
    Column("problem", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Index(None, "endpoint_id", "id"),
    Index(None, "at"),
)
