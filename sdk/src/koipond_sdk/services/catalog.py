"""The catalogue, to look at."""

from koipond.catalog.errors import ProductUnknown, VariantNotPriced, VariantUnknown
from koipond.catalog.service import (
    find_categories,
    find_prices,
    find_products_by_ids,
    find_variants,
    find_variants_by_ids,
)
from koipond.catalog.types import Category, Product, Variant

__all__ = [
    "Category",
    "Product",
    "ProductUnknown",
    "Variant",
    "VariantNotPriced",
    "VariantUnknown",
    "find_categories",
    "find_prices",
    "find_products_by_ids",
    "find_variants",
    "find_variants_by_ids",
]
