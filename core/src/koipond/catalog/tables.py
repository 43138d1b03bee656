"""Tables of the catalogue. Texts are documents {locale: text}: one row, whatever the languages."""

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
    Text,
    UniqueConstraint,
    Uuid,
    and_,
    text,
)

from koipond.kernel.db import BY_HAND, Document, Instant, metadata
from koipond.kernel.editing import version

category = Table(
    "category",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("slug", String(200), nullable=False),
    Column("name", Document, nullable=False),
    # NULL: at the top of the tree.
    Column("parent_id", ForeignKey("category.id"), nullable=True),
    # Among those of the same parent; of the same position the oldest comes first.
    Column("position", Integer, nullable=False, default=0),
    version(),
    UniqueConstraint("slug"),
    Index(None, "parent_id"),
)

collection = Table(
    "collection",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("slug", String(200), nullable=False),
    Column("name", Document, nullable=False),
    version(),
    UniqueConstraint("slug"),
)

attribute = Table(
    "attribute",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("code", String(200), nullable=False),
    Column("name", Document, nullable=False),
    UniqueConstraint("code"),
)

attribute_value = Table(
    "attribute_value",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("attribute_id", ForeignKey("attribute.id"), nullable=False),
    Column("code", String(200), nullable=False),
    Column("name", Document, nullable=False),
    UniqueConstraint("attribute_id", "code"),
)

product = Table(
    "product",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("slug", String(200), nullable=False),
    Column("name", Document, nullable=False),
    Column("description", Document, nullable=False),
    # NULL: taxed as goods that name none.
    Column("tax_category", ForeignKey("tax_category.code"), nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    # Counts the changes, so that nobody overwrites what they have not seen.
    Column("version", Integer, nullable=False),
    UniqueConstraint("slug"),
)

# Where a product can be seen: a row means published in that channel.
product_listing = Table(
    "product_listing",
    metadata,
    Column("channel_id", ForeignKey("channel.id"), primary_key=True),
    Column("product_id", ForeignKey("product.id"), primary_key=True),
)

# One row per product and language: what is searched and sorted by name. Migration 0003 has the
# index that is searched: over words, beside and parts, which are words with spaces between them.
product_search = Table(
    "product_search",
    metadata,
    Column("product_id", ForeignKey("product.id"), primary_key=True),
    Column("locale", String(35), primary_key=True),
    # SQLite's index knows rows by a small number; savers of products take turns.
    Column(
        "number",
        BigInteger,
        nullable=False,
        default=text("(SELECT coalesce(max(number), 0) + 1 FROM product_search)"),
    ),
    Column("name", String(500), nullable=False),
    Column("words", Text, nullable=False),
    Column("beside", Text, nullable=False),
    Column("parts", Text, nullable=False),
    Column("edition", String(40), nullable=False),
    UniqueConstraint("number"),
    Index(None, "locale", "name", "product_id"),
)
metadata.info.setdefault(BY_HAND, []).append("ix_product_search_terms")

product_category = Table(
    "product_category",
    metadata,
    Column("product_id", ForeignKey("product.id"), primary_key=True),
    Column("category_id", ForeignKey("category.id"), primary_key=True),
    Column("position", Integer, nullable=False),
    Index(None, "category_id", "product_id"),
)

product_collection = Table(
    "product_collection",
    metadata,
    Column("product_id", ForeignKey("product.id"), primary_key=True),
    Column("collection_id", ForeignKey("collection.id"), primary_key=True),
    Column("position", Integer, nullable=False),
    Index(None, "collection_id", "product_id"),
)

product_attribute = Table(
    "product_attribute",
    metadata,
    Column("product_id", ForeignKey("product.id"), primary_key=True),
    Column("attribute_value_id", ForeignKey("attribute_value.id"), primary_key=True),
    Column("position", Integer, nullable=False),
    Index(None, "attribute_value_id", "product_id"),
)

product_option = Table(
    "product_option",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("product_id", ForeignKey("product.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Document, nullable=False),
    UniqueConstraint("product_id", "position"),
)

variant = Table(
    "variant",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("product_id", ForeignKey("product.id"), nullable=False),
    Column("sku", String(120), nullable=False),
    Column("position", Integer, nullable=False),
    Column("track_stock", Boolean, nullable=False),
    # What one weighs; NULL: nobody said, it counts as nothing.
    Column("grams", Integer, nullable=True),
    CheckConstraint("grams >= 0", name="grams"),
    UniqueConstraint("sku"),
    Index(None, "product_id", "position"),
)

# The value that a variant has for each option of its product, in every language.
variant_option = Table(
    "variant_option",
    metadata,
    Column("variant_id", ForeignKey("variant.id"), primary_key=True),
    Column("option_id", ForeignKey("product_option.id"), primary_key=True),
    Column("value", Document, nullable=False),
)

media = Table(
    "media",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("product_id", ForeignKey("product.id"), nullable=False),
    # None: a picture of the product, not of one variant.
    Column("variant_id", ForeignKey("variant.id"), nullable=True),
    Column("position", Integer, nullable=False),
    Column("url", String(2000), nullable=False),
    Column("alt", Document, nullable=False),
    Index(None, "product_id", "position"),
)

price_list = Table(
    "price_list",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("channel_id", ForeignKey("channel.id"), nullable=False),
    Column("currency", String(3), nullable=False),
    UniqueConstraint("channel_id", "currency"),
)

price = Table(
    "price",
    metadata,
    Column("price_list_id", ForeignKey("price_list.id"), primary_key=True),
    Column("variant_id", ForeignKey("variant.id"), primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),
    version(),
    CheckConstraint("amount_minor >= 0", name="amount_minor"),
    Index(None, "variant_id"),
    Index(None, "price_list_id", "amount_minor", "variant_id"),
)

# Beside the base price of a list: what a unit costs from a quantity, for a group, for a while.
# Two of one quantity and group never hold at the same time. For everyone and from one unit it takes
# the place of the base price; any other is a tier price, and counts where it is cheaper.
price_rule = Table(
    "price_rule",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("price_list_id", ForeignKey("price_list.id"), nullable=False),
    Column("variant_id", ForeignKey("variant.id"), nullable=False),
    Column("from_quantity", Integer, nullable=False),
    # NULL: for everyone.
    Column("group_code", ForeignKey("member_group.code"), nullable=True),
    # The list's.
    Column("currency", String(3), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    # Half open; NULL: since ever, for ever.
    Column("starts_at", Instant, nullable=True),
    Column("ends_at", Instant, nullable=True),
    version(),
    CheckConstraint("from_quantity >= 1", name="from_quantity"),
    CheckConstraint("amount_minor >= 0", name="amount_minor"),
    CheckConstraint("starts_at < ends_at", name="window"),
    Index(None, "variant_id", "price_list_id"),
)
# Of what may take the place of a base price.
_IS_FOR_EVERYONE = and_(price_rule.c.from_quantity == 1, price_rule.c.group_code.is_(None))
Index(
    "ix_price_rule_for_everyone",
    price_rule.c.price_list_id,
    price_rule.c.amount_minor,
    price_rule.c.variant_id,
    postgresql_where=_IS_FOR_EVERYONE,
    sqlite_where=_IS_FOR_EVERYONE,
)

# A flash price, a team's price, a live room's price: what sells a variant for another price between
# two instants. Published by a plugin, whose own tables say what else it is.
activity = Table(
    "activity",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("plugin", String(60), nullable=False),
    # What the plugin calls it, kept with the orders that it priced.
    Column("rule", String(120), nullable=False),
    # {locale: text}
    Column("label", Document, nullable=False),
    Column("channel_id", ForeignKey("channel.id"), nullable=False),
    Column("variant_id", ForeignKey("variant.id"), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("unit_price_minor", BigInteger, nullable=False),
    # Half open: it sells at the one, and no more at the other.
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    # Only for lines that ask for it.
    Column("by_choice", Boolean, nullable=False),
    # Where its units come from instead of the stock; they were moved there.
    Column("quota_id", Uuid, nullable=True),
    # Guests see nothing of it: their purchases could not be told apart, so no limit would hold.
    Column("members_only", Boolean, nullable=False),
    # One more with every change: an order is placed by the version that it was priced by.
    Column("version", Integer, nullable=False),
    Column("withdrawn_at", Instant, nullable=True),
    CheckConstraint("unit_price_minor >= 0", name="unit_price_minor"),
    CheckConstraint("starts_at < ends_at", name="window"),
    Index(None, "ends_at"),
    Index(None, "variant_id"),
)
