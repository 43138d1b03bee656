"""Rules of the catalogue: how text is compared, what a draft must be, what telling it changes."""

from koipond.catalog.rules.arranging import (
    check_parent,
    name_grouping,
    place_category,
    put_products,
)
from koipond.catalog.rules.drafts import GRAMS_MAX, VARIANTS_MAX, refusal_of
from koipond.catalog.rules.filters import check_filter, key_shape, query_conflicts, sees_unlisted
from koipond.catalog.rules.offers import make_offers, price_items
from koipond.catalog.rules.pricing import make_rule, quotes_of_list
from koipond.catalog.rules.searching import asked_terms, edition, search_anew
from koipond.catalog.rules.telling import Teller
from koipond.catalog.rules.words import fold, slugify, variant_name

__all__ = [
    "GRAMS_MAX",
    "VARIANTS_MAX",
    "Teller",
    "asked_terms",
    "check_filter",
    "check_parent",
    "edition",
    "fold",
    "key_shape",
    "make_offers",
    "make_rule",
    "name_grouping",
    "place_category",
    "price_items",
    "put_products",
    "query_conflicts",
    "quotes_of_list",
    "refusal_of",
    "search_anew",
    "sees_unlisted",
    "slugify",
    "variant_name",
]
