"""SQL of the catalogue."""

from koipond.catalog.repository.activities import (
    find_activities,
    find_activities_by_ids,
    save_activities,
    withdraw,
)
from koipond.catalog.repository.details import Prices, find_detailed, find_variants
from koipond.catalog.repository.facets import (
    count_attributes,
    count_categories,
    count_collections,
    count_in_stock,
    count_prices,
)
from koipond.catalog.repository.listing import (
    Sought,
    count_products,
    find_listed_categories,
    find_listed_collections,
    find_products,
)
from koipond.catalog.repository.loading import load_shelf, take_turns
from koipond.catalog.repository.pricing import (
    ensure_price_list,
    find_prices,
    find_rule,
    find_rules,
    lock_base,
    remove_rule,
    save_rule,
    set_price,
)
from koipond.catalog.repository.reading import (
    asking_sellables,
    find_attributes,
    find_by_slug,
    find_categories,
    find_collections,
    find_media,
    find_options,
    find_products_by_ids,
    find_slugs,
    find_variant_ids,
    find_variant_media,
    find_variants_by_ids,
)
from koipond.catalog.repository.saving import save_shelf, set_grams, set_tax_category
from koipond.catalog.repository.searching import (
    count_unindexed,
    count_unsearchable,
    find_unsearchable,
    rebuild_index,
)

__all__ = [
    "Prices",
    "Sought",
    "asking_sellables",
    "count_attributes",
    "count_categories",
    "count_collections",
    "count_in_stock",
    "count_prices",
    "count_products",
    "count_unindexed",
    "count_unsearchable",
    "ensure_price_list",
    "find_activities",
    "find_activities_by_ids",
    "find_attributes",
    "find_by_slug",
    "find_categories",
    "find_collections",
    "find_detailed",
    "find_listed_categories",
    "find_listed_collections",
    "find_media",
    "find_options",
    "find_prices",
    "find_products",
    "find_products_by_ids",
    "find_rule",
    "find_rules",
    "find_slugs",
    "find_unsearchable",
    "find_variant_ids",
    "find_variant_media",
    "find_variants",
    "find_variants_by_ids",
    "load_shelf",
    "lock_base",
    "rebuild_index",
    "remove_rule",
    "save_activities",
    "save_rule",
    "save_shelf",
    "set_grams",
    "set_price",
    "set_tax_category",
    "take_turns",
    "withdraw",
]
