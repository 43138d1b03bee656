"""What the products of a list have in common, in the schema."""

from collections.abc import Sequence

import strawberry

from koipond.catalog import types
from koipond.catalog.graphql.types import Category, Collection, Product
from koipond.catalog.service import Facets
from koipond.kernel.money import Currency, Money
from koipond.kernel.schema import Connection, Info, MoneyType, batch
from koipond.kernel.texts import Locale, pick


@strawberry.type(description="A category, and how many of the products stand in it.")
class CategoryFacet:
    category: Category
    count: int


@strawberry.type(description="A collection, and how many of the products are in it.")
class CollectionFacet:
    collection: Collection
    count: int


@strawberry.type(description="A value of an attribute, and how many of the products have it.")
class AttributeValueFacet:
    value: str
    count: int


@strawberry.type(description="An attribute, and the values that the products have for it.")
class AttributeFacet:
    name: str
    values: list[AttributeValueFacet]

    @classmethod
    def of(cls, found: types.AttributeFacet, locales: Sequence[Locale]) -> "AttributeFacet":
        """Wrap an attribute."""
        values = [
            AttributeValueFacet(value=pick(one.of, locales), count=one.count)
            for one in found.values
        ]
        return cls(name=pick(found.name, locales), values=values)


@strawberry.type(description="How many of the products have a variant that costs so much.")
class PriceRange:
    least: MoneyType
    most: MoneyType = strawberry.field(description="Inclusive")
    count: int


@strawberry.type(description="What the products cost by the list, in the currency of the request.")
class PriceFacet:
    least: MoneyType
    most: MoneyType
    ranges: list[PriceRange] = strawberry.field(
        description="At most five between them, without those that nothing costs"
    )

    @classmethod
    def of(cls, found: types.PriceFacet, currency: Currency) -> "PriceFacet":
        """Wrap prices of a currency."""

        def money(amount_minor: int) -> MoneyType:
            return MoneyType.of(Money(amount_minor, currency))

        ranges = [
            PriceRange(least=money(one.least_minor), most=money(one.most_minor), count=one.count)
            for one in found.ranges
        ]
        return cls(least=money(found.least_minor), most=money(found.most_minor), ranges=ranges)


@strawberry.type(
    description="What the products on all pages of a list have in common, under its filter. At "
    "most 100 of each kind, those of most products first."
)
class ProductFacets:
    found: strawberry.Private[Facets]

    @batch
    @staticmethod
    async def categories(parents: list["ProductFacets"], info: Info) -> list[list[CategoryFacet]]:
        """Their categories."""
        locales = info.context.scope.locales
        return [
            [
                CategoryFacet(category=Category.of(one.of, locales), count=one.count)
                for one in await parent.found.categories()
            ]
            for parent in parents
        ]

    @batch
    @staticmethod
    async def collections(
        parents: list["ProductFacets"], info: Info
    ) -> list[list[CollectionFacet]]:
        """Their collections."""
        locales = info.context.scope.locales
        return [
            [
                CollectionFacet(collection=Collection.of(one.of, locales), count=one.count)
                for one in await parent.found.collections()
            ]
            for parent in parents
        ]

    @batch
    @staticmethod
    async def attributes(parents: list["ProductFacets"], info: Info) -> list[list[AttributeFacet]]:
        """Their attributes."""
        locales = info.context.scope.locales
        return [
            [AttributeFacet.of(one, locales) for one in await parent.found.attributes()]
            for parent in parents
        ]

    @batch
    @staticmethod
    async def price(parents: list["ProductFacets"], info: Info) -> list[PriceFacet | None]:
        """What they cost; null: nothing of it is sold in the currency of the request."""
        currency = info.context.scope.currency
        found = [await parent.found.prices() for parent in parents]
        return [None if one is None else PriceFacet.of(one, currency) for one in found]

    @batch
    @staticmethod
    async def in_stock(parents: list["ProductFacets"], info: Info) -> list[int]:
        """How many of them can be bought."""
        return [await parent.found.in_stock() for parent in parents]


@strawberry.type(description="One page of a list.")
class ProductConnection(Connection[Product]):
    counted: strawberry.Private[Facets | None] = None

    @batch
    @staticmethod
    async def facets(parents: list["ProductConnection"], info: Info) -> list[ProductFacets]:
        """What the products on all pages have in common."""
        found = [parent.counted for parent in parents]
        return [ProductFacets(found=one) for one in found if one is not None]
