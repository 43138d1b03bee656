"""How what a shop holds is written as rows."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal

from koipond.catalog.types import (
    Attribute,
    Category,
    Collection,
    ListPrice,
    Media,
    OptionChoice,
    Variant,
)
from koipond.exports.types import Cells, ExportFormat, ExportKind
from koipond.kernel.formulas import guard
from koipond.kernel.ids import MemberId, OrderId, encode
from koipond.kernel.money import Currency, Money
from koipond.kernel.texts import Locale, pick
from koipond.member.types import MemberRow
from koipond.order.types import Order

COLUMNS: Mapping[ExportKind, tuple[str, ...]] = {
    # As Shopify writes it, and behind it, as lists in JSON, what that has no place for.
    ExportKind.PRODUCTS: (
        *("Handle", "Title", "Body (HTML)", "Type", "Tags", "Published"),
        *("Option1 Name", "Option1 Value", "Option2 Name", "Option2 Value"),
        *("Option3 Name", "Option3 Value", "Variant SKU", "Variant Grams"),
        *("Variant Inventory Tracker", "Variant Inventory Qty", "Variant Price"),
        *("Variant Image", "Image Src", "Image Alt Text"),
        *("Attributes", "More Options", "Categories", "Collections"),
    ),
    ExportKind.ORDERS: (
        *("number", "id", "placed_at", "state", "customer", "name", "email", "phone", "sku"),
        *("title", "quantity", "line_total", "order_total", "currency"),
    ),
    ExportKind.MEMBERS: (
        *("customer", "email", "phone", "name", "locale", "time_zone", "groups", "created_at"),
    ),
    ExportKind.PRICES: ("sku", "price", "currency"),
    ExportKind.STOCK: ("sku", "location", "on_hand", "free", "promised"),
}
# What is never a text that somebody wrote, so that a minus is a minus.
_NUMBERS = {"quantity", "line_total", "order_total", "price", "on_hand", "free", "promised"}
_OPTIONS = 3


def write_header(kind: ExportKind, form: ExportFormat) -> str:
    """Return what stands before the rows."""
    return _line(COLUMNS[kind]) if form is ExportFormat.CSV else ""


def write_rows(kind: ExportKind, form: ExportFormat, rows: Sequence[Cells]) -> str:
    """Return rows as they stand in a file; in a CSV formulas are put behind an apostrophe."""
    columns = COLUMNS[kind]
    if form is ExportFormat.NDJSON:
        told = [{name: row.get(name, "") for name in columns} for row in rows]
        return "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in told)
    return "".join(_line([_cell(name, row.get(name, "")) for name in columns]) for row in rows)


def _cell(column: str, text: str) -> str:
    return text if column in _NUMBERS else guard(text)


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def amount(minor: int, currency: Currency) -> str:
    """Return an amount as an import reads it."""
    found: Decimal = Money(minor, currency).amount
    return f"{found:f}"


def order_rows(order: Order, customer: str) -> list[Cells]:
    """Return an order's lines; the first tells the order's total too."""
    contact, currency = order.details.contact, order.price.currency
    whole = {
        "number": order.number or "",
        "id": encode(OrderId, order.id),
        "placed_at": "" if order.placed_at is None else order.placed_at.isoformat(),
        "state": order.state.value,
        "customer": customer,
        "name": contact.name if contact else "",
        "email": (contact.email or "") if contact else "",
        "phone": (contact.phone or "") if contact else "",
        "currency": currency,
    }
    total = amount(order.total.amount_minor, currency)
    return [
        whole
        | {
            "sku": line.sku,
            "title": line.name,
            "quantity": str(line.quantity),
            "line_total": amount(order.price.line_total(line.id).amount_minor, currency),
            "order_total": total if place == 0 else "",
        }
        for place, line in enumerate(order.lines)
    ]


def member_row(found: MemberRow, customer: str) -> Cells:
    """Return a member's row."""
    return {
        "customer": customer,
        "email": found.email or "",
        "phone": found.phone or "",
        "name": found.name,
        "locale": found.locale,
        "time_zone": found.time_zone or "",
        "groups": "|".join(sorted(found.groups)),
        "created_at": found.created_at.isoformat(),
    }


def customer_of(key: MemberId, external: str | None, source: str) -> str:
    """Return what `source` calls a member, or else this shop."""
    own, _, number = (external or "").partition(":")
    return number if number and own == source else encode(MemberId, key)


def product_cells(
    slug: str,
    texts: tuple[str, str],
    categories: Sequence[Category],
    collections: Sequence[Collection],
    attributes: Sequence[Attribute],
    *,
    locales: Sequence[Locale],
) -> Cells:
    """Return what the first row of a product tells of it. texts: its name and description."""
    types = [pick(one.name, locales) for one in categories]
    tags = [pick(one.name, locales) for one in collections]
    # A tag ends at a comma, and a cell is trimmed.
    are_tags = all("," not in one and one.strip() for one in tags)
    return {
        "Handle": slug,
        "Title": texts[0],
        "Body (HTML)": texts[1],
        "Type": types[0] if types else "",
        "Tags": ", ".join(tags) if are_tags else "",
        "Published": "TRUE",
        "Attributes": _listed(
            [(pick(one.name, locales), pick(one.value, locales)) for one in attributes]
        ),
        "Categories": _listed(types) if len(types) > 1 else "",
        "Collections": "" if are_tags else _listed(tags),
    }


def _listed(told: Sequence[object]) -> str:
    return json.dumps(told, ensure_ascii=False) if told else ""


def variant_cells(
    variant: Variant,
    options: Sequence[OptionChoice],
    price: ListPrice | None,
    on_hand: int,
    pictures: Sequence[Media],
    *,
    currency: Currency,
    locales: Sequence[Locale],
) -> Cells:
    """Return what a row tells of a variant."""
    told = {
        "Variant SKU": variant.sku,
        "Variant Grams": "" if variant.grams is None else str(variant.grams),
        "Variant Inventory Tracker": "koipond" if variant.track_stock else "",
        "Variant Inventory Qty": str(on_hand) if variant.track_stock else "",
        "Variant Price": "" if price is None else amount(price.list_minor, currency),
        "Variant Image": pictures[0].url if pictures else "",
    }
    chosen = [(pick(one.name, locales), pick(one.value, locales)) for one in options]
    for place, (name, value) in enumerate(chosen[:_OPTIONS], 1):
        told |= {f"Option{place} Name": name, f"Option{place} Value": value}
    return told | {"More Options": _listed(chosen[_OPTIONS:])}


def picture_cells(found: Media, locales: Sequence[Locale]) -> Cells:
    """Return what a row tells of a picture."""
    return {"Image Src": found.url, "Image Alt Text": pick(found.alt, locales)}
