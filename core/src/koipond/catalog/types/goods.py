"""Goods as they are read: products, variants, prices, facets, activities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from msgspec import UNSET, Struct, UnsetType

from koipond.kernel.ids import (
    ActivityId,
    CategoryId,
    ChannelId,
    CollectionId,
    MediaId,
    PriceListId,
    PriceRuleId,
    ProductId,
    QuotaId,
    VariantId,
)
from koipond.kernel.money import Currency, Money
from koipond.kernel.quantity import Quantity
from koipond.kernel.texts import Texts

T = TypeVar("T")

READS_CATALOG = "catalog.read"
WRITES_CATALOG = "catalog.write"


class Category(Struct, frozen=True, kw_only=True):
    """A place in the shop's tree of goods. parent_id: None: at its top. version: one more per edit.

    position: among those of the same parent; of the same position the oldest comes first.
    """

    id: CategoryId
    slug: str
    name: Texts
    parent_id: CategoryId | None = None
    position: int = 0
    version: int = 1


class Collection(Struct, frozen=True, kw_only=True):
    """A hand-picked set of products. version: one more with every edit."""

    id: CollectionId
    slug: str
    name: Texts
    version: int = 1


class Attribute(Struct, frozen=True, kw_only=True):
    """One fact about a product: brand Apple, season spring 2026."""

    code: str
    name: Texts
    value_code: str
    value: Texts


class Media(Struct, frozen=True, kw_only=True):
    """A picture, by address."""

    id: MediaId
    url: str
    alt: Texts


class Detail(StrEnum):
    """What is read of products and variants only where it is asked for."""

    DESCRIPTION = "description"
    VARIANTS = "variants"
    # Of variants:
    PRICES = "prices"
    OPTIONS = "options"


class OptionChoice(Struct, frozen=True, kw_only=True):
    """One option of a variant and its value: weight, 100 g."""

    name: Texts
    value: Texts


class PriceTier(Struct, frozen=True, kw_only=True):
    """What a rule of a price list says that a unit costs now, from a quantity, for a group."""

    id: PriceRuleId
    from_quantity: int
    group_code: str | None
    amount_minor: int


class ListPrice(Struct, frozen=True, kw_only=True):
    """What a variant costs by the list now: one unit for everyone, and what other rules say."""

    list_minor: int
    tiers: tuple[PriceTier, ...] = ()


class Variant(Struct, frozen=True, kw_only=True):
    """What can be bought, by its stock keeping unit. grams: what one weighs, None: nobody said.

    priced: what it costs in the channel and currency that were asked for, None: not sold in it.
    priced, options: unset where they were not read.
    """

    id: VariantId
    product_id: ProductId
    sku: str
    track_stock: bool
    grams: int | None = None
    priced: ListPrice | UnsetType | None = UNSET
    options: tuple[OptionChoice, ...] | UnsetType = UNSET


class Product(Struct, frozen=True, kw_only=True):
    """What a page of the shop shows; sold as one of its variants.

    description, variants: unset where they were not read.
    """

    id: ProductId
    slug: str
    name: Texts
    description: Texts | UnsetType
    tax_category: str | None = None
    variants: tuple[Variant, ...] | UnsetType = UNSET


class PriceRule(Struct, frozen=True, kw_only=True):
    """What a unit costs beside the base price of a list: from a quantity, for a group, for a while.

    None: for everyone; since ever, for ever.
    """

    id: PriceRuleId
    price_list_id: PriceListId
    variant_id: VariantId
    from_quantity: int
    group_code: str | None
    currency: Currency
    amount_minor: int
    starts_at: datetime | None
    ends_at: datetime | None
    version: int = 1


class BasePrice(Struct, frozen=True):
    """What a variant costs in one price list, without its rules. version: of this price."""

    channel_id: ChannelId
    currency: Currency
    amount_minor: int
    version: int


class PriceRuleWish(Struct, frozen=True, kw_only=True):
    """A rule as a caller asks for it, before anything of it was checked. channel: its code."""

    variant_id: VariantId
    channel: str
    price: Money
    from_quantity: Quantity
    group: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class Sellable(Struct, frozen=True, kw_only=True):
    """A variant as a purchase sees it. price_minor is None: not sold in this currency.

    tiers: what rules of the price list say that a unit costs now. grams: what one weighs.
    """

    variant_id: VariantId
    product_id: ProductId
    sku: str
    name: Texts
    options: tuple[OptionChoice, ...]
    track_stock: bool
    price_minor: int | None
    tiers: tuple[PriceTier, ...] = ()
    grams: int | None = None
    tax_category: str | None = None


class ProductSort(StrEnum):
    """Orders in which products are listed."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"
    # What has no price comes last.
    PRICE_LOWEST_FIRST = "price_lowest_first"
    PRICE_HIGHEST_FIRST = "price_highest_first"
    # By Closeness, then the newest first.
    RELEVANCE = "relevance"


class ProductFilter(Struct, frozen=True, kw_only=True):
    """Which products are wanted: all that is given must fit. attributes: (name, value) pairs.

    least_minor, most_minor: of what a variant costs by the list, in the currency that is asked in.
    in_stock: whether a variant can be bought, or none. plugins: {name of a CatalogFilter: whether
    its rows name what is wanted}.
    """

    text: str | None = None
    least_minor: int | None = None
    most_minor: int | None = None
    in_stock: bool | None = None
    category: str | None = None
    collection: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    plugins: Mapping[str, bool] = {}


class Facet(Struct, Generic[T], frozen=True, kw_only=True):
    """Something that products of a list have in common, and how many of them have it."""

    of: T
    count: int


class AttributeFacet(Struct, frozen=True, kw_only=True):
    """The values that products of a list have for one attribute."""

    name: Texts
    values: tuple[Facet[Texts], ...]


class PriceRange(Struct, frozen=True, kw_only=True):
    """How many products of a list have a variant that costs so much, both ends included."""

    least_minor: int
    most_minor: int
    count: int


class PriceFacet(Struct, frozen=True, kw_only=True):
    """What the cheapest and the dearest variant of a list cost, and the ranges between."""

    least_minor: int
    most_minor: int
    ranges: tuple[PriceRange, ...]


# Given the time, a SELECT of SQLAlchemy, which these types know nothing of.
RowsAt = Callable[[datetime], Any]


class Subject(StrEnum):
    """What the ids in a plugin's rows are of."""

    PRODUCT = "product"
    VARIANT = "variant"


class CatalogFilter(Struct, frozen=True, kw_only=True):
    """A filter of products that a plugin adds: those that its rows name, or all others.

    name: in words_like_this, of which the schema makes wordsLikeThis. means: what a storefront
    reads of it. rows: given the time, a SELECT of one column over the plugin's own tables: ids of
    products, or of variants, of which one of a product's is enough.
    """

    name: str
    means: str
    rows: RowsAt
    of: Subject = Subject.PRODUCT


class CatalogSort(Struct, frozen=True, kw_only=True):
    """An order of products that a plugin adds; what its rows do not name comes last.

    name: in words_like_this, of which the schema makes WORDS_LIKE_THIS. rows: given the time, a
    SELECT of an id and a key; of several keys of one product the one that is first in the order
    counts. kind: what the keys are. Products of one key are in the order in which they were made.
    """

    name: str
    means: str
    rows: RowsAt
    kind: type[int] | type[str] | type[datetime]
    of: Subject = Subject.PRODUCT
    descending: bool = False


class Activity(Struct, frozen=True, kw_only=True):
    """What sells a variant for another price from `starts_at` until `ends_at`, exclusive.

    rule: what the plugin calls it. by_choice: only for lines that ask for it. quota_id: where its
    units come from instead of the stock; None: from the stock. members_only: guests are refused.
    version: one more with every change.
    """

    id: ActivityId
    plugin: str
    rule: str
    label: Texts
    channel_id: ChannelId
    variant_id: VariantId
    currency: Currency
    unit_price_minor: int
    starts_at: datetime
    ends_at: datetime
    by_choice: bool = False
    quota_id: QuotaId | None = None
    members_only: bool = False
    version: int = 1

    def runs_at(self, now: datetime) -> bool:
        """Tell whether it sells at an instant."""
        return self.starts_at <= now < self.ends_at


class Offer(Struct, frozen=True, kw_only=True):
    """What a viewer pays for a unit. was: the price of the list, where that is more.

    origin: who made the price. ends_at: until when it holds; None: nothing is said of it.
    """

    price: Money
    was: Money | None
    origin: str
    ends_at: datetime | None
