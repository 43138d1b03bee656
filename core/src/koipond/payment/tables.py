"""Tables of payments and refunds. An order's id stands here without a foreign key."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    literal_column,
)

from koipond.kernel.db import Document, Instant, metadata

payment = Table(
    "payment",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("provider", String(40), nullable=False),
    # A PaymentState.
    Column("state", String(20), nullable=False),
    Column("currency", String(3), nullable=False),
    # What was asked for.
    Column("amount_minor", BigInteger, nullable=False),
    Column("authorised_minor", BigInteger, nullable=False),
    Column("captured_minor", BigInteger, nullable=False),
    # What is owed back or was given back.
    Column("refunded_minor", BigInteger, nullable=False),
    # What the provider was asked to have captured in all.
    Column("capturing_minor", BigInteger, nullable=False),
    # What is authorised and not captured is no longer held.
    Column("released", Boolean, nullable=False),
    # What the provider calls it.
    Column("reference", String(200), nullable=True),
    # Why it failed, in the provider's words.
    Column("failure", String(500), nullable=True),
    # What the buyer must do now: {word: text}.
    Column("action", Document, nullable=False),
    # Which request, and which of its tenders, began it; none once the provider never heard of it.
    Column("request_key", String(64), nullable=True),
    # When to ask the provider, as long as it is PENDING.
    Column("query_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    # The ceiling of every refund and capture, whatever the code above it believes.
    CheckConstraint(
        "0 <= refunded_minor AND refunded_minor <= captured_minor"
        " AND captured_minor <= authorised_minor AND authorised_minor <= amount_minor",
        name="ceiling",
    ),
    CheckConstraint(
        "captured_minor <= capturing_minor AND capturing_minor <= authorised_minor",
        name="capturing",
    ),
    # One request, one payment.
    UniqueConstraint("order_id", "request_key"),
)
# Written out and not as a parameter: only then can a plan that is kept use the partial index.
pending = payment.c.state == literal_column("'pending'")
Index("ix_payment_query_at", payment.c.query_at, postgresql_where=pending, sqlite_where=pending)

# What each payment paid for each part of its order: a line, or the order as a whole. Written once,
# when the order is covered; the ceiling of what is given back of each.
paid_part = Table(
    "paid_part",
    metadata,
    # First, so that one index finds those of an order too.
    Column("order_id", Uuid, primary_key=True),
    Column("payment_id", ForeignKey("payment.id"), primary_key=True),
    # A line's id, or the order's own.
    Column("part_id", Uuid, primary_key=True),
    Column("currency", String(3), nullable=False),
    Column("paid_minor", BigInteger, nullable=False),
    Column("refunded_minor", BigInteger, nullable=False),
    CheckConstraint("0 <= refunded_minor AND refunded_minor <= paid_minor", name="ceiling"),
)

refund = Table(
    "refund",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("payment_id", ForeignKey("payment.id"), nullable=False),
    Column("order_id", Uuid, nullable=False),
    # A RefundState.
    Column("state", String(20), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    # A RefundReason, and what a person wrote.
    Column("reason", String(20), nullable=False),
    Column("note", String(200), nullable=False),
    # What the provider calls it.
    Column("reference", String(200), nullable=True),
    # Why it failed, in the provider's words.
    Column("failure", String(500), nullable=True),
    # The one that failed and that this is in the place of: each is tried again once.
    Column("retry_of", ForeignKey("refund.id"), nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("done_at", Instant, nullable=True),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
    Index(None, "order_id"),
    # The provider tells of one refund several times.
    UniqueConstraint("payment_id", "reference"),
    UniqueConstraint("retry_of"),
)

# What of a refund is of which part.
refund_part = Table(
    "refund_part",
    metadata,
    Column("refund_id", ForeignKey("refund.id"), primary_key=True),
    Column("part_id", Uuid, primary_key=True),
    Column("currency", String(3), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
)

# Every notice of a provider, once.
payment_event = Table(
    "payment_event",
    metadata,
    Column("provider", String(40), primary_key=True),
    # The provider's own id of the notice.
    Column("event_id", String(200), primary_key=True),
    # As the notice names it: it may be a payment of another shop.
    Column("payment_id", Uuid, nullable=False),
    # An Outcome: what was done with it.
    Column("outcome", String(20), nullable=False),
    # Why it was refused.
    Column("reason", String(500), nullable=True),
    Column("received_at", Instant, nullable=False),
    Index(None, "payment_id"),
)
