"""Types of the catalogue."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import strawberry

from koipond.catalog import service, types
from koipond.catalog.types import Detail
from koipond.kernel.ids import CategoryId, CollectionId, ProductId, VariantId, encode
from koipond.kernel.schema import Info, MoneyType, Node, asked, batch
from koipond.kernel.texts import Locale, pick

# {field: what it needs of products, or of variants}
_PRODUCT_DETAILS = {"description": Detail.DESCRIPTION, "variants": Detail.VARIANTS}
_VARIANT_DETAILS = {
    "name": Detail.OPTIONS,
    "options": Detail.OPTIONS,
    "price": Detail.PRICES,
    "offer": Detail.PRICES,
}


def product_details(names: Iterable[str]) -> frozenset[Detail]:
    """Return what must be read of products for these fields."""
    return frozenset(_PRODUCT_DETAILS[name] for name in names if name in _PRODUCT_DETAILS)


def variant_details(names: Iterable[str]) -> frozenset[Detail]:
    """Return what must be read of variants for these fields."""
    return frozenset(_VARIANT_DETAILS[name] for name in names if name in _VARIANT_DETAILS)


@strawberry.type(description="A picture.")
class Media:
    url: str
    alt: str = strawberry.field(description="What it shows, in words; may be empty")

    @classmethod
    def of(cls, found: types.Media, locales: Sequence[Locale]) -> "Media":
        """Wrap a picture."""
        return cls(url=found.url, alt=pick(found.alt, locales))


@strawberry.type(description="A place in the shop's tree of goods.")
class Category(Node):
    key: strawberry.Private[CategoryId]
    found: strawberry.Private[types.Category]
    id: strawberry.ID
    slug: str
    name: str
    parent_id: strawberry.ID | None = strawberry.field(
        description="What it stands below; null: it is at the top"
    )

    @classmethod
    def of(cls, found: types.Category, locales: Sequence[Locale]) -> "Category":
        """Wrap a category."""
        parent = found.parent_id
        return cls(
            key=found.id,
            found=found,
            id=strawberry.ID(encode(CategoryId, found.id)),
            slug=found.slug,
            name=pick(found.name, locales),
            parent_id=None if parent is None else strawberry.ID(encode(CategoryId, parent)),
        )


@strawberry.type(description="A hand-picked set of products.")
class Collection(Node):
    key: strawberry.Private[CollectionId]
    found: strawberry.Private[types.Collection]
    id: strawberry.ID
    slug: str
    name: str

    @classmethod
    def of(cls, found: types.Collection, locales: Sequence[Locale]) -> "Collection":
        """Wrap a collection."""
        return cls(
            key=found.id,
            found=found,
            id=strawberry.ID(encode(CollectionId, found.id)),
            slug=found.slug,
            name=pick(found.name, locales),
        )


@strawberry.type(description="One fact about a product: brand Apple.")
class ProductAttribute:
    name: str
    value: str


@strawberry.type(description="An option of a variant and its value: weight 100 g.")
class VariantOption:
    name: str
    value: str


@strawberry.type(description="What this viewer pays for a variant now.")
class Offer:
    price: MoneyType
    was: MoneyType | None = strawberry.field(
        description="The price that it is lower than; null if it is the price list's own"
    )
    origin: str = strawberry.field(description="koipond, or the plugin whose activity it is")
    ends_at: datetime | None = strawberry.field(description="When it ends; null: not by itself")
    server_now: datetime = strawberry.field(description="What to count down from")

    @classmethod
    def of(cls, found: types.Offer, now: datetime) -> "Offer":
        """Wrap an offer."""
        return cls(
            price=MoneyType.of(found.price),
            was=None if found.was is None else MoneyType.of(found.was),
            origin=found.origin,
            ends_at=found.ends_at,
            server_now=now,
        )


@strawberry.type(description="What can be bought.")
class Variant(Node):
    key: strawberry.Private[VariantId]
    found: strawberry.Private[types.Variant]
    id: strawberry.ID
    sku: str
    grams: int | None = strawberry.field(description="What one weighs; null: nobody said")
    at_hand: strawberry.Private[types.Product | None] = None

    @batch
    @staticmethod
    async def name(parents: list["Variant"], info: Info) -> list[str]:
        """Its option values, or the name of its product if there is nothing to choose."""
        found = await service.find_variant_names(
            info.context,
            [one.found for one in parents],
            _products_at_hand(parents),
        )
        return [found[parent.key] for parent in parents]

    @batch
    @staticmethod
    async def options(parents: list["Variant"], info: Info) -> list[list[VariantOption]]:
        """What it has for each option of its product."""
        locales = info.context.scope.locales
        found = await service.find_options(info.context, [parent.found for parent in parents])
        return [
            [
                VariantOption(name=pick(one.name, locales), value=pick(one.value, locales))
                for one in found.get(parent.key, ())
            ]
            for parent in parents
        ]

    @batch
    @staticmethod
    async def price(parents: list["Variant"], info: Info) -> list[MoneyType | None]:
        """Its price in the currency of the request; null: not sold in this currency."""
        found = await service.find_prices_of(info.context, [parent.found for parent in parents])
        return [None if one is None else MoneyType.of(one) for one in found]

    @batch
    @staticmethod
    async def offer(parents: list["Variant"], info: Info) -> list[Offer | None]:
        """What this viewer pays for it now; null: not sold in this currency."""
        found = await service.find_offers(info.context, [parent.found for parent in parents])
        now = info.context.clock.now()
        return [
            Offer.of(found[parent.key], now) if parent.key in found else None for parent in parents
        ]

    @batch
    @staticmethod
    async def media(parents: list["Variant"], info: Info) -> list[list[Media]]:
        """Pictures of its own; without any, those of its product show it."""
        locales = info.context.scope.locales
        found = await service.find_variant_media(info.context, [one.key for one in parents])
        return [[Media.of(one, locales) for one in found.get(at.key, ())] for at in parents]

    @batch
    @staticmethod
    async def product(parents: list["Variant"], info: Info) -> list["Product"]:
        """What it is a variant of."""
        locales = info.context.scope.locales
        keys = [parent.found.product_id for parent in parents]
        found = _products_at_hand(parents)
        if not found.keys() >= set(keys) or "description" in asked(info):
            found = await service.find_products_by_ids(info.context, keys)
        return [Product.of(found[key], locales) for key in keys]

    @property
    def track_stock(self) -> bool:
        """Tell whether its units are counted."""
        return self.found.track_stock

    @classmethod
    def of(
        cls,
        found: types.Variant,
        locales: Sequence[Locale],
        product: types.Product | None = None,
    ) -> "Variant":
        """Wrap a variant. product: its own, if it is at hand."""
        return cls(
            key=found.id,
            found=found,
            id=strawberry.ID(encode(VariantId, found.id)),
            sku=found.sku,
            grams=found.grams,
            at_hand=product,
        )


def _products_at_hand(variants: Sequence[Variant]) -> dict[ProductId, types.Product]:
    """Return the products that some variants came from."""
    found = (one.at_hand for one in variants)
    return {one.id: one for one in found if one is not None}


@strawberry.type(description="What a page of the shop shows; it is bought as one of its variants.")
class Product(Node):
    key: strawberry.Private[ProductId]
    found: strawberry.Private[types.Product]
    id: strawberry.ID
    slug: str
    name: str
    description: str = strawberry.field(description="HTML, made safe when it was stored")

    @batch
    @staticmethod
    async def variants(parents: list["Product"], info: Info) -> list[list[Variant]]:
        """What can be bought of it, in the shop's order."""
        locales = info.context.scope.locales
        found = await service.find_variants_of(
            info.context, [parent.found for parent in parents], variant_details(asked(info))
        )
        return [
            [Variant.of(one, locales, parent.found) for one in found.get(parent.key, ())]
            for parent in parents
        ]

    @batch
    @staticmethod
    async def categories(parents: list["Product"], info: Info) -> list[list[Category]]:
        """Where it stands."""
        locales = info.context.scope.locales
        found = await service.find_categories(info.context, [parent.key for parent in parents])
        return [[Category.of(one, locales) for one in found.get(at.key, ())] for at in parents]

    @batch
    @staticmethod
    async def collections(parents: list["Product"], info: Info) -> list[list[Collection]]:
        """The sets that it was picked for."""
        locales = info.context.scope.locales
        found = await service.find_collections(info.context, [parent.key for parent in parents])
        return [[Collection.of(one, locales) for one in found.get(at.key, ())] for at in parents]

    @batch
    @staticmethod
    async def attributes(parents: list["Product"], info: Info) -> list[list[ProductAttribute]]:
        """Facts about it."""
        locales = info.context.scope.locales
        found = await service.find_attributes(info.context, [parent.key for parent in parents])
        return [
            [
                ProductAttribute(name=pick(one.name, locales), value=pick(one.value, locales))
                for one in found.get(parent.key, ())
            ]
            for parent in parents
        ]

    @batch
    @staticmethod
    async def media(parents: list["Product"], info: Info) -> list[list[Media]]:
        """Its pictures, the most telling first."""
        locales = info.context.scope.locales
        found = await service.find_media(info.context, [parent.key for parent in parents])
        return [[Media.of(one, locales) for one in found.get(at.key, ())] for at in parents]

    @classmethod
    def of(cls, found: types.Product, locales: Sequence[Locale]) -> "Product":
        """Wrap a product."""
        return cls(
            key=found.id,
            found=found,
            id=strawberry.ID(encode(ProductId, found.id)),
            slug=found.slug,
            name=pick(found.name, locales),
            description=pick(found.description, locales) if found.description else "",
        )
