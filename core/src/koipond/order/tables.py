"""Tables of carts and orders. They hold ids of the catalogue and of channels without foreign keys:
a foreign key from a hot insert writes the row that it points at."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    literal_column,
)

from koipond.kernel.db import Document, Instant, metadata
from koipond.kernel.editing import version

# One row: the lines are a document. Its id becomes the order's id.
cart = Table(
    "cart",
    metadata,
    Column("id", Uuid, primary_key=True),
    # SHA-256 of the token that its holder shows; the token itself is nowhere.
    Column("token_hash", String(64), nullable=False),
    Column("channel_id", Uuid, nullable=False),
    Column("currency", String(3), nullable=False),
    # [CartLine]
    Column("lines", Document, nullable=False),
    # CheckoutDetails
    Column("details", Document, nullable=False),
    Column("placed", Boolean, nullable=False),
    # Whose it is since they logged in with it; nobody else then opens it by its token.
    Column("member_id", ForeignKey("member.id"), nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("token_hash"),
)

order = Table(
    "order",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", String(20), nullable=False),
    # Of the token that is made of its id; it is looked up by that, or by its number, never by this.
    Column("token_hash", String(64), nullable=False),
    Column("channel_id", Uuid, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("locale", String(35), nullable=False),
    Column("member_id", ForeignKey("member.id"), nullable=False),
    # Whom limits count it for: the member, or who can be reached at the contact.
    Column("subject_id", Uuid, nullable=False),
    # An OrderState.
    Column("state", String(20), nullable=False),
    # CheckoutDetails
    Column("details", Document, nullable=False),
    # From where: a SourceClass, the entry, the campaign; what was told last before it was placed.
    Column("source_class", String(20), nullable=True),
    Column("source_entry", String(60), nullable=True),
    Column("source_campaign", String(120), nullable=True),
    Column("total_minor", BigInteger, nullable=False),
    Column("cancel_reason", String(200), nullable=True),
    # [Attention]; none is NULL.
    Column("attention", Document, nullable=True),
    # [OrderHold]; none is NULL.
    Column("holds", Document, nullable=True),
    # {plugin: Attributes}
    Column("attributes", Document, nullable=False),
    # PriceTrace: every quote and proposal that there was, and by what plugins worked them out.
    Column("price_trace", Document, nullable=False),
    Column("placed_at", Instant, nullable=False),
    # Until when it may be paid.
    Column("pay_until", Instant, nullable=False),
    # Since when its payments are being closed at their providers, because it was not paid in time.
    Column("closing_at", Instant, nullable=True),
    Column("expired_at", Instant, nullable=True),
    # When it is closed: its buyer has all of it, and nothing is on its way back.
    Column("close_at", Instant, nullable=True),
    Column("updated_at", Instant, nullable=False),
    # Of a purchase that was made elsewhere: what it is known again by. It took no stock and has no
    # payment here.
    Column("imported_from", String(90), nullable=True),
    CheckConstraint("total_minor >= 0", name="total_minor"),
    UniqueConstraint("number"),
    Index(None, "member_id", "id"),
)
# Written out and not as a parameter: only then can a plan that is kept use the partial index.
unpaid = order.c.state == literal_column("'placed'")
Index("ix_order_pay_until", order.c.pay_until, postgresql_where=unpaid, sqlite_where=unpaid)
awaited = (order.c.state == literal_column("'confirmed'")) & order.c.close_at.is_not(None)
Index("ix_order_close_at", order.c.close_at, postgresql_where=awaited, sqlite_where=awaited)
held = order.c.holds.is_not(None)
Index("ix_order_holds", order.c.id, postgresql_where=held, sqlite_where=held)
flagged = order.c.attention.is_not(None)
Index("ix_order_attention", order.c.id, postgresql_where=flagged, sqlite_where=flagged)

imported = order.c.imported_from.is_not(None)
Index(
    "uq_order_imported_from",
    order.c.imported_from,
    unique=True,
    postgresql_where=imported,
    sqlite_where=imported,
)

order_line = Table(
    "order_line",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", ForeignKey("order.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("variant_id", Uuid, nullable=False),
    Column("product_id", Uuid, nullable=False),
    Column("sku", String(120), nullable=False),
    # As the buyer read it.
    Column("name", String(500), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_price_minor", BigInteger, nullable=False),
    # Its units were counted when it was placed, so the stock holds them for it.
    Column("tracked", Boolean, nullable=False),
    # Units that staff gave the money back for.
    Column("refunded_quantity", Integer, nullable=False),
    # Units in fulfilments that are not cancelled, and those of them in returns that are not either.
    Column("fulfilled_quantity", Integer, nullable=False),
    Column("returned_quantity", Integer, nullable=False),
    # The activity that it was sold by.
    Column("activity_id", Uuid, nullable=True),
    # {plugin: Attributes}
    Column("attributes", Document, nullable=False),
    # 0: an edit has taken all of them off.
    CheckConstraint("quantity >= 0", name="quantity"),
    CheckConstraint(
        "0 <= returned_quantity AND returned_quantity <= fulfilled_quantity"
        " AND fulfilled_quantity <= quantity",
        name="fulfilled_quantity",
    ),
    CheckConstraint(
        "0 <= refunded_quantity AND refunded_quantity <= quantity", name="refunded_quantity"
    ),
    CheckConstraint("unit_price_minor >= 0", name="unit_price_minor"),
    UniqueConstraint("order_id", "position"),
)

# What the order's total is the sum of; readable without whoever added it.
order_adjustment = Table(
    "order_adjustment",
    metadata,
    Column("order_id", ForeignKey("order.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    # Of the same order, written with it; None: added to the order as a whole.
    Column("line_id", Uuid, nullable=True),
    # A Stage.
    Column("stage", String(20), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("label", String(500), nullable=False),
    Column("origin", String(60), nullable=False),
    Column("included", Boolean, nullable=False),
    # What the origin calls the rule that it follows from.
    Column("rule", String(120), nullable=True),
    Column("rule_version", Integer, nullable=True),
    # Of which share of what amount it was worked out.
    Column("rate_ppm", Integer, nullable=True),
    Column("base_minor", BigInteger, nullable=True),
    # How it stood among other promotions.
    Column("stack_group", String(60), nullable=True),
    Column("priority", Integer, nullable=True),
    Column("coupon", String(120), nullable=True),
)

# Who is paid for a line because of their relation to the buyer: two natural persons at most, over
# all plugins together (I14).
order_line_payee = Table(
    "order_line_payee",
    metadata,
    Column("line_id", ForeignKey("order_line.id"), primary_key=True),
    Column("slot", Integer, primary_key=True),
    # Whom, as whoever claims it names people.
    Column("person", String(120), nullable=False),
    # Who claimed it: core, or a plugin.
    Column("source", String(60), nullable=False),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("slot IN (1, 2)", name="slot"),
    UniqueConstraint("line_id", "person"),
)

# A cart that staff put together for somebody; it is no draft any more once the cart is placed.
order_draft = Table(
    "order_draft",
    metadata,
    Column("id", ForeignKey("cart.id", ondelete="CASCADE"), primary_key=True),
    Column("note", String(200), nullable=False),
    # Who: a kind of viewer and an id.
    Column("made_by", String(60), nullable=False),
    Column("created_at", Instant, nullable=False),
    version(),
)

# What staff changed of an order that stood already. Each has a part of the order's reservations:
# what it adds is reserved before it is written.
order_edit = Table(
    "order_edit",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", ForeignKey("order.id"), nullable=False),
    Column("part", Integer, nullable=False),
    Column("currency", String(3), nullable=False),
    # By how much the total changed; none while it is at work, or if nothing came of it.
    Column("delta_minor", BigInteger, nullable=True),
    Column("note", String(200), nullable=False),
    # Who: a kind of viewer and an id.
    Column("made_by", String(60), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("applied_at", Instant, nullable=True),
    CheckConstraint("(delta_minor IS NULL) = (applied_at IS NULL)", name="applied_at"),
    UniqueConstraint("order_id", "part"),
)
