"""A question for every view: the examples of the reference. A test asks each on both databases."""

from typing import Any

from sqlalchemy import Select, func, select

from koipond_sdk.views import (
    member,
    order,
    order_adjustment,
    order_line,
    payment,
    stock,
    variant,
)


def ask_member() -> Select[Any]:
    """Count who came by which door."""
    m = member.c
    return select(m.source_entry, func.count().label("members")).group_by(m.source_entry)


def ask_order() -> Select[Any]:
    """Sum what was sold, by currency."""
    o = order.c
    total = func.sum(o.total_minor).label("total_minor")
    return select(o.currency, total).where(o.state == "confirmed").group_by(o.currency)


def ask_order_adjustment() -> Select[Any]:
    """Sum what each rule of each plugin took off."""
    a = order_adjustment.c
    off = func.sum(-a.amount_minor).label("off_minor")
    taken = select(a.origin, a.rule, a.currency, off).where(a.amount_minor < 0)
    return taken.group_by(a.origin, a.rule, a.currency)


def ask_order_line() -> Select[Any]:
    """Count the units of each SKU that were bought and not given back."""
    ol = order_line.c
    units = func.sum(ol.quantity - ol.refunded_quantity).label("units")
    return select(ol.sku, units).group_by(ol.sku).order_by(units.desc())


def ask_payment() -> Select[Any]:
    """List what failed, the newest first."""
    p = payment.c
    failed = select(p.order_id, p.provider).where(p.state == "failed")
    return failed.order_by(p.created_at.desc()).limit(20)


def ask_stock() -> Select[Any]:
    """Sum the units of each variant that nobody has, over all locations."""
    s = stock.c
    free = func.sum(s.capacity - s.taken).label("free")
    return select(s.variant_id, free).group_by(s.variant_id)


def ask_variant() -> Select[Any]:
    """List the SKUs of a product."""
    v = variant.c
    return select(v.sku).where(v.product_slug == "green-tea").order_by(v.sku)
