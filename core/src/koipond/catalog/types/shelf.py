"""The shelf: what is told of products, and what is stored of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from koipond.kernel.errors import DomainError
from koipond.kernel.ids import (
    ChannelId,
    MediaId,
    OptionId,
    PriceListId,
    ProductId,
    VariantId,
)
from koipond.kernel.money import Currency
from koipond.kernel.texts import Locale, Texts


class MediaDraft(Struct, frozen=True, kw_only=True):
    """A picture to be shown."""

    url: str
    alt: str = ""


class VariantDraft(Struct, frozen=True, kw_only=True):
    """A variant as one language and one currency tell of it.

    options: its values, one per option of the product, in their order.
    price_minor: None means that it has no price in this currency.
    track_stock: None means that nothing is said of it: a known variant keeps what it has, the stock
    of a new one is counted.
    grams: what one weighs; None means that nothing is said of it.
    """

    sku: str
    options: tuple[str, ...] = ()
    price_minor: int | None = None
    track_stock: bool | None = True
    grams: int | None = None
    media: tuple[MediaDraft, ...] = ()


class ProductDraft(Struct, frozen=True, kw_only=True):
    """A product as one language and one currency tell of it.

    categories and collections are names, attributes (name, value) pairs, options names. Told again
    in another language, the same slug and skus add texts: the n-th category, attribute and option
    are then taken to be the same as before.
    """

    slug: str
    name: str
    description: str = ""
    published: bool = True
    categories: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    options: tuple[str, ...] = ()
    media: tuple[MediaDraft, ...] = ()
    variants: tuple[VariantDraft, ...]


class Telling(Struct, frozen=True, kw_only=True):
    """In which language, for which channel and in which currency drafts are told."""

    locale: Locale
    channel_id: ChannelId
    currency: Currency


class Outcome(StrEnum):
    """What saving a draft did."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


class Saved(Struct, frozen=True, kw_only=True):
    """A draft that was stored. variants: {sku: id}; created: those of them that are new."""

    slug: str
    product_id: ProductId
    outcome: Outcome
    variants: Mapping[str, VariantId]
    created: frozenset[str]


class Refused(Struct, frozen=True, kw_only=True):
    """A draft that was not stored, and why; nothing of it was."""

    slug: str
    error: DomainError


class NameKind(StrEnum):
    """What is named once and shared by many products."""

    CATEGORY = "category"
    COLLECTION = "collection"
    ATTRIBUTE = "attribute"
    ATTRIBUTE_VALUE = "attribute_value"


class Named(Struct, frozen=True, kw_only=True):
    """Something shared, as it is stored. code: slug or code; parent: the attribute of a value."""

    id: UUID
    code: str
    name: Texts
    parent: UUID | None = None


class StoredMedia(Struct, frozen=True, kw_only=True):
    """A picture as it is stored; its place is that in its tuple."""

    id: MediaId
    url: str
    alt: Texts


class StoredOption(Struct, frozen=True, kw_only=True):
    """An option as it is stored; its place is that in its tuple."""

    id: OptionId
    name: Texts


class StoredVariant(Struct, frozen=True, kw_only=True):
    """A variant as it is stored, with its price in the currency that is told."""

    id: VariantId
    sku: str
    position: int
    track_stock: bool
    grams: int | None = None
    values: Mapping[OptionId, Texts] = {}
    price_minor: int | None = None
    media: tuple[StoredMedia, ...] = ()


class SearchText(Struct, frozen=True, kw_only=True):
    """What a product is sorted by and found by in one language, folded; see rules/searching.py.

    name: what it is sorted by. words: those of its name. beside: those of its SKUs, options,
    categories, collections and attributes. parts: of the name, and of what is written without
    spaces, each character with the one behind it. edition: by which rules this was made.
    """

    name: str
    words: str
    beside: str
    parts: str
    edition: str


class StoredProduct(Struct, frozen=True, kw_only=True):
    """All that is stored of a product, seen from one channel and currency.

    categories, collections, attributes: {place: id}, attributes by the id of their value.
    """

    id: ProductId
    slug: str
    name: Texts
    description: Texts
    created_at: datetime
    updated_at: datetime
    listed: bool
    version: int = 0
    tax_category: str | None = None
    categories: Mapping[int, UUID] = {}
    collections: Mapping[int, UUID] = {}
    attributes: Mapping[int, UUID] = {}
    options: tuple[StoredOption, ...] = ()
    media: tuple[StoredMedia, ...] = ()
    variants: Mapping[str, StoredVariant] = {}
    search: Mapping[Locale, SearchText] = {}


class Shelf(Struct, frozen=True, kw_only=True):
    """The part of the catalogue that a batch of drafts is about.

    products: by slug. owners: {sku: slug of its product}, of every sku that is told or is on one of
    these products. price_list_id: None if the channel has none in this currency yet.
    """

    products: Mapping[str, StoredProduct] = {}
    owners: Mapping[str, str] = {}
    names: Mapping[NameKind, Mapping[UUID, Named]] = {}
    price_list_id: PriceListId | None = None


class GroupingKind(StrEnum):
    """What products are put into."""

    CATEGORY = "category"
    COLLECTION = "collection"


class GroupingDraft(Struct, frozen=True, kw_only=True):
    """A category or a collection as one language tells of it; None: nothing is said of it.

    slug: of a new one, None: as its name makes it.
    """

    name: str | None = None
    slug: str | None = None
