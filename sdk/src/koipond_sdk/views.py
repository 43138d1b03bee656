"""Read-only views for reports and joins: what a plugin reads of core's data, whatever the tables.

They hold ids and what a report needs, and nothing by which a person is known. A column once there
stays with its meaning; the documentation says what each is (docs/reference/views.md).
"""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, String, Table, Uuid

from koipond.kernel.db import Document, Instant

_metadata = MetaData()


def _column(name: str, kind: Any, means: str) -> Column[Any]:
    return Column(name, kind, comment=means)


order = Table(
    "koi_v1_order",
    _metadata,
    _column("id", Uuid, "The order."),
    _column("number", String(20), "Its number, for people."),
    _column("channel_id", Uuid, "The channel in which it was sold."),
    _column("channel", String(40), "That channel's code; NULL once the channel is gone."),
    _column("member_id", Uuid, "The buyer."),
    _column("state", String(20), "placed, confirmed, closed, cancelled or expired."),
    _column("locale", String(35), "The language in which it was bought."),
    _column("currency", String(3), "The currency of its amounts, ISO 4217."),
    _column("total_minor", BigInteger, "What was to be paid, in minor units."),
    _column("placed_at", Instant, "When it was placed."),
    _column("expired_at", Instant, "When it expired; NULL if it did not."),
    _column("updated_at", Instant, "When it last changed."),
    _column("source_class", String(20), "social, online, offline, commercial, or NULL."),
    _column("source_entry", String(60), "By which door; NULL: nobody said."),
    _column("source_campaign", String(120), "For which campaign; NULL: nobody said."),
    comment="Every purchase that was placed; carts are none.",
)

order_line = Table(
    "koi_v1_order_line",
    _metadata,
    _column("id", Uuid, "The line."),
    _column("order_id", Uuid, "Its order."),
    _column("position", Integer, "Its place in the order, from 0."),
    _column("variant_id", Uuid, "What was bought."),
    _column("product_id", Uuid, "The product of which that is a variant."),
    _column("sku", String(120), "The variant's SKU when it was bought."),
    _column("name", String(500), "Its name, as the buyer read it."),
    _column("quantity", Integer, "Units bought."),
    _column("refunded_quantity", Integer, "Units for which staff gave the money back."),
    _column("currency", String(3), "The currency of its amounts, ISO 4217."),
    _column("unit_price_minor", BigInteger, "The price of one unit before adjustments."),
    _column(
        "total_minor",
        BigInteger,
        "What the line adds to the order's total, all its adjustments included. What is added to "
        "the order as a whole, such as shipping, is in no line.",
    ),
    comment="What was bought, line by line.",
)

order_adjustment = Table(
    "koi_v1_order_adjustment",
    _metadata,
    _column("order_id", Uuid, "Its order."),
    _column("position", Integer, "Its place among that order's, from 0."),
    _column("line_id", Uuid, "The line that it belongs to; NULL: to the order as a whole."),
    _column("stage", String(20), "At which step of the price it was added."),
    _column("origin", String(60), "Who added it: koipond, or a plugin."),
    _column("rule", String(120), "What that calls the rule that it follows from; NULL: none."),
    _column("rule_version", Integer, "Which version of that rule; NULL: it has none."),
    _column("coupon", String(120), "The code that unlocked it, as it was typed; NULL: none did."),
    _column("label", String(500), "What the buyer read."),
    _column("included", Boolean, "Whether it is part of another amount and not summed."),
    _column("currency", String(3), "The currency of its amount, ISO 4217."),
    _column("amount_minor", BigInteger, "What it adds; below 0: what it takes off."),
    comment="Why an order comes to what it comes to; those that are not included sum to its total.",
)

payment = Table(
    "koi_v1_payment",
    _metadata,
    _column("id", Uuid, "The payment."),
    _column("order_id", Uuid, "The order that it pays, or a part of it."),
    _column("provider", String(40), "By whom it was taken."),
    _column("state", String(20), "pending, failed, authorised, voided or captured."),
    _column("currency", String(3), "The currency of its amounts, ISO 4217."),
    _column("amount_minor", BigInteger, "What was asked for."),
    _column("authorised_minor", BigInteger, "What was granted."),
    _column("captured_minor", BigInteger, "What was taken."),
    _column("refunded_minor", BigInteger, "What of that was given back, or is owed back."),
    _column("created_at", Instant, "When it was begun."),
    _column("updated_at", Instant, "When it last changed."),
    comment="Every attempt to pay; an order may have several.",
)

member = Table(
    "koi_v1_member",
    _metadata,
    _column("id", Uuid, "The member."),
    _column("state", String(20), "guest, known from an order only; or registered."),
    _column("locale", String(35), "Their language."),
    _column("created_at", Instant, "When the shop came to know them."),
    _column(
        "source_class", String(20), "How they first came: social, online, offline, commercial."
    ),
    _column("source_entry", String(60), "By which door; NULL: nobody said."),
    _column("source_campaign", String(120), "For which campaign; NULL: nobody said."),
    comment="Who buys, without anything by which they are known.",
)

variant = Table(
    "koi_v1_variant",
    _metadata,
    _column("id", Uuid, "The variant."),
    _column("sku", String(120), "Its stock keeping unit."),
    _column("track_stock", Boolean, "Whether its units are counted."),
    _column("product_id", Uuid, "The product of which it is a variant."),
    _column("product_slug", String(200), "That product's slug."),
    _column("product_name", Document, "That product's name: {locale: text}."),
    _column("created_at", Instant, "When the product was made."),
    comment="What can be bought, with its product.",
)

stock = Table(
    "koi_v1_stock",
    _metadata,
    _column("variant_id", Uuid, "The variant."),
    _column("location_id", Uuid, "Where its units are."),
    _column("location", String(40), "That location's code."),
    _column("on_hand", BigInteger, "Units in the house, promised ones too."),
    _column("back_order", BigInteger, "Units that may be sold ahead of those in the house."),
    _column("short", BigInteger, "Units that a count found missing although they are promised."),
    _column("capacity", BigInteger, "Units that could ever be sold here."),
    _column("taken", BigInteger, "Units of those that orders hold or have; the rest is free."),
    comment="Units by variant and location.",
)

__all__ = ["member", "order", "order_adjustment", "order_line", "payment", "stock", "variant"]
