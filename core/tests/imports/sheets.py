"""Files of products as merchants export them."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from koipond.imports import rules
from koipond.imports.types import Dialect, RefusedRow, ToldProduct
from koipond.kernel.money import Currency
from koipond.kernel.texts import Locale

Told = list[ToldProduct | RefusedRow]
VENDURE = (
    "name,slug,description,assets,facets,optionGroups,optionValues,sku,price,taxCategory,"
    "stockOnHand,trackInventory,variantAssets,variantFacets"
)


def open_sheet(content: str, **options: Any) -> rules.Sheet:
    given = {
        "file": "tea.csv",
        "dialect": Dialect.AUTO,
        "locale": Locale("en"),
        "currency": Currency("EUR"),
        "asset_base": "",
    }
    return rules.open_sheet(
        rules.read_rows(io.BytesIO(content.encode()), "utf-8"), **(given | options)
    )


def read(content: str, **options: Any) -> Told:
    return list(rules.read_products(open_sheet(content, **options)))


def one(content: str, **options: Any) -> ToldProduct:
    """Return the only product of a file."""
    (told,) = read(content, **options)
    assert isinstance(told, ToldProduct), told
    return told


def refusals(told: Iterable[object]) -> list[tuple[int, str, str]]:
    return [
        (refused.line, refused.item, refused.reason)
        for refused in told
        if isinstance(refused, RefusedRow)
    ]


def shopify(*rows: dict[str, str]) -> str:
    """Write a Shopify CSV with the columns that the rows name; each row has a Handle."""
    needed = {"Handle", "Title", "Variant SKU", "Variant Price"}
    columns = sorted(needed.union(*rows))
    written = io.StringIO()
    writer = csv.DictWriter(written, columns, restval="")
    writer.writeheader()
    writer.writerows({"Handle": "tea"} | row for row in rows)
    return written.getvalue()


PRICE = (
    "Variant Price: {} is no amount in EUR: from 0 to 92233720368547758.07, at most 2 decimals, "
    "a point before them, no thousands separator. Write it like 12.50"
)


def vendure(*rows: str) -> str:
    return "\n".join([VENDURE, *rows])
