"""Tables of payments and refunds."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table, Uuid

from koipond.kernel.db import Instant, metadata

payment = Table(
    "payment",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("provider", String(40), nullable=False),
    # A PaymentState.
    Column("state", String(20), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("captured_minor", BigInteger, nullable=False),
    Column("refunded_minor", BigInteger, nullable=False),
    # What the provider calls it.
    Column("reference", String(200), nullable=True),
    # Why it failed, in the provider's words.
    Column("failure", String(500), nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    # The ceiling of every refund, whatever the code above it believes.
    CheckConstraint(
        "0 <= refunded_minor AND refunded_minor <= captured_minor"
        " AND captured_minor <= amount_minor",
        name="ceiling",
    ),
    Index(None, "order_id"),
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
    Column("created_at", Instant, nullable=False),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
    Index(None, "order_id"),
)
