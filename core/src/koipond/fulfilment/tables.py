"""Tables of shipping methods, fulfilments and returns. An order's id, and a line's, stand here
without a foreign key, as with payments."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    Uuid,
)

from koipond.kernel.db import Document, Instant, metadata
from koipond.kernel.editing import version

shipping_method = Table(
    "shipping_method",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("channel_id", ForeignKey("channel.id"), nullable=False),
    Column("code", String(40), nullable=False),
    Column("position", Integer, nullable=False),
    # {locale: text}
    Column("name", Document, nullable=False),
    # A FulfilmentMethod.
    Column("method", String(20), nullable=False),
    version(),
    UniqueConstraint("channel_id", "code"),
)

shipping_rate = Table(
    "shipping_rate",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("method_id", ForeignKey("shipping_method.id"), nullable=False),
    Column("currency", String(3), nullable=False),
    # NULL: everywhere.
    Column("zone_code", ForeignKey("zone.code"), nullable=True),
    # The heaviest parcel; NULL: any.
    Column("grams_max", Integer, nullable=True),
    # What the goods come to at least.
    Column("total_from_minor", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    # From which total of the goods it costs nothing; NULL: from none.
    Column("free_from_minor", BigInteger, nullable=True),
    CheckConstraint("grams_max > 0", name="grams_max"),
    CheckConstraint("total_from_minor >= 0", name="total_from_minor"),
    CheckConstraint("amount_minor >= 0", name="amount_minor"),
    CheckConstraint("free_from_minor >= 0", name="free_from_minor"),
    Index(None, "method_id"),
)

fulfilment = Table(
    "fulfilment",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    # A FulfilmentMethod.
    Column("method", String(20), nullable=False),
    # A FulfilmentState.
    Column("state", String(20), nullable=False),
    # Where its units are; none if none of them is counted.
    Column("location_id", Uuid, nullable=True),
    # Tracking
    Column("tracking", Document, nullable=False),
    # Which pick-up code counts: each renewal is the next round, with no wrong ones yet.
    Column("code_round", Integer, nullable=False),
    Column("wrong_codes", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    # When it left the house, and when the buyer had it.
    Column("shipped_at", Instant, nullable=True),
    Column("delivered_at", Instant, nullable=True),
    Column("updated_at", Instant, nullable=False),
    Index(None, "order_id"),
)

fulfilment_line = Table(
    "fulfilment_line",
    metadata,
    Column("fulfilment_id", ForeignKey("fulfilment.id"), primary_key=True),
    Column("line_id", Uuid, primary_key=True),
    # What the order holds the units of; of one line they may be of several quotas of a location.
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("variant_id", Uuid, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("quota_id", Uuid, nullable=True),
    # Units that came back and can be sold again: each once.
    Column("restocked_quantity", Integer, nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint(
        "0 <= restocked_quantity AND restocked_quantity <= quantity", name="restocked_quantity"
    ),
)

order_return = Table(
    "order_return",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    # A ReturnState.
    Column("state", String(20), nullable=False),
    # In the buyer's words, and in those of staff.
    Column("reason", String(200), nullable=False),
    Column("note", String(200), nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index(None, "order_id"),
    Index(None, "state", "id"),
)

order_return_line = Table(
    "order_return_line",
    metadata,
    Column("return_id", ForeignKey("order_return.id"), primary_key=True),
    Column("line_id", Uuid, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("received_quantity", Integer, nullable=False),
    # What the buyer gets money or others for, and what can be sold again.
    Column("accepted_quantity", Integer, nullable=False),
    Column("restocked_quantity", Integer, nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint(
        "0 <= received_quantity AND received_quantity <= quantity", name="received_quantity"
    ),
    CheckConstraint(
        "0 <= accepted_quantity AND accepted_quantity <= received_quantity",
        name="accepted_quantity",
    ),
    CheckConstraint(
        "0 <= restocked_quantity AND restocked_quantity <= accepted_quantity",
        name="restocked_quantity",
    ),
)
