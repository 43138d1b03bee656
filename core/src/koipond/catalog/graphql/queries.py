"""Queries of the catalogue: of what the channel lists to buyers, of everything to staff."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, ClassVar, cast

import strawberry

from koipond.catalog import service, types
from koipond.catalog.graphql.facets import ProductConnection
from koipond.catalog.graphql.types import (
    Category,
    Collection,
    Product,
    Variant,
    product_details,
    variant_details,
)
from koipond.catalog.types import CatalogFilter, CatalogSort, ProductSort
from koipond.kernel.context import Context
from koipond.kernel.errors import DomainError, check_one_named
from koipond.kernel.ids import CategoryId, CollectionId, ProductId, VariantId, decode
from koipond.kernel.money import Currency, parse_amount
from koipond.kernel.pages import FIRST_DEFAULT
from koipond.kernel.schema import (
    PUBLIC,
    Info,
    SchemaBuilder,
    asked,
    connect,
    grows,
    make_field,
    needs,
    query,
)

READ = needs("catalog.read")

_SORT = (
    "In which order products are listed. RELEVANCE: those first in whose names the words of the "
    "text stand as they were asked for, then by beginnings of words, other texts and parts."
)
strawberry.enum(ProductSort, description=_SORT)


class PluginFilters:
    """The filters that plugins add; what strawberry sees of it is made per schema."""

    names: ClassVar[Sequence[str]] = ()

    def wanted(self) -> dict[str, bool]:
        """Return {filter: whether it must fit} of those that were given."""
        given = {name: getattr(self, name) for name in self.names}
        return {name: fits for name, fits in given.items() if fits is not None}


@strawberry.input(description="A fact that products must have.")
class AttributeFilter:
    name: str = strawberry.field(description="The attribute's name in a language of the channel")
    value: str = strawberry.field(description="Its value, as the shop shows it")


@strawberry.input(
    description="What a variant costs by the list, in the currency of the request, ends included."
)
class PriceFilter:
    least: str | None = strawberry.field(default=None, description="Major units: 12.50")
    most: str | None = strawberry.field(default=None, description="Major units: 12.50")

    def read(self, code: Currency) -> tuple[int | None, int | None]:
        """Return both ends in minor units. Raises AmountInvalid."""
        least, most = (
            None if text is None else parse_amount(text, code).amount_minor
            for text in (self.least, self.most)
        )
        return least, most


@grows
@strawberry.input(description="Which products are wanted; all that is given must fit.")
class ProductFilter:
    text: str | None = strawberry.field(
        default=None,
        description="Words or beginnings of words of a name, a SKU, an option, a category, a "
        "collection or an attribute's value; or any two characters in a row of a name",
    )
    category: str | None = strawberry.field(default=None, description="The slug of a category")
    collection: str | None = strawberry.field(default=None, description="The slug of a collection")
    attributes: list[AttributeFilter] | None = None
    price: PriceFilter | None = None
    in_stock: bool | None = strawberry.field(
        default=None, description="Whether a variant can be bought"
    )
    plugins: strawberry.Private[PluginFilters | None] = None

    def wanted(self, currency: Currency) -> types.ProductFilter:
        """Return what is asked for, in the catalogue's terms. Raises AmountInvalid."""
        least, most = (None, None) if self.price is None else self.price.read(currency)
        return types.ProductFilter(
            text=self.text,
            category=self.category,
            collection=self.collection,
            attributes=tuple((one.name, one.value) for one in self.attributes or ()),
            least_minor=least,
            most_minor=most,
            in_stock=self.in_stock,
            plugins={} if self.plugins is None else self.plugins.wanted(),
        )


@strawberry.type
class StorefrontQueries:
    @query(PUBLIC)
    async def product(
        self, info: Info, id: strawberry.ID | None = None, slug: str | None = None
    ) -> Product | None:
        """A product of this channel by its id or else its slug; null if there is none."""
        return await _product(info, id, slug, everywhere=False)

    @query(PUBLIC)
    async def products(
        self,
        info: Info,
        first: int | None = FIRST_DEFAULT,
        after: str | None = None,
        filter: ProductFilter | None = None,
        sort: ProductSort | None = None,
    ) -> ProductConnection:
        """The products of this channel, page by page.

        If not said otherwise the newest come first; with a text in the filter, what fits it best.
        """
        return await _products(info, first, after, filter, sort, everywhere=False)

    @query(PUBLIC)
    async def categories(self, info: Info) -> list[Category]:
        """The categories in which this channel lists something, as they stand in the tree."""
        return await _categories(info, everywhere=False)

    @query(PUBLIC)
    async def collections(self, info: Info) -> list[Collection]:
        """The collections of which this channel lists something."""
        return await _collections(info, everywhere=False)


@strawberry.type
class AdminQueries:
    @query(READ)
    async def product(
        self, info: Info, id: strawberry.ID | None = None, slug: str | None = None
    ) -> Product | None:
        """A product by its id or else its slug, listed or not; null if there is none."""
        return await _product(info, id, slug, everywhere=True)

    @query(READ)
    async def products(
        self,
        info: Info,
        first: int | None = FIRST_DEFAULT,
        after: str | None = None,
        filter: ProductFilter | None = None,
        sort: ProductSort | None = None,
    ) -> ProductConnection:
        """All products, listed or not, page by page.

        If not said otherwise the newest come first; with a text in the filter, what fits it best.
        """
        return await _products(info, first, after, filter, sort, everywhere=True)

    @query(READ)
    async def categories(self, info: Info) -> list[Category]:
        """All categories."""
        return await _categories(info, everywhere=True)

    @query(READ)
    async def collections(self, info: Info) -> list[Collection]:
        """All collections."""
        return await _collections(info, everywhere=True)


async def _product(
    info: Info, id: strawberry.ID | None, slug: str | None, *, everywhere: bool
) -> Product | None:
    check_one_named(id=id, slug=slug)
    try:
        key = decode(ProductId, id) if id is not None else None
    except DomainError:
        # A tampered id looks like an unknown one.
        return None
    found = await service.find_product(
        info.context,
        product_id=key,
        slug=slug,
        everywhere=everywhere,
        details=product_details(asked(info)) | variant_details(asked(info, "variants")),
    )
    return Product.of(found, info.context.scope.locales) if found is not None else None


async def _products(
    info: Info,
    first: int | None,
    after: str | None,
    filter: ProductFilter | None,
    sort: ProductSort | None,
    *,
    everywhere: bool,
) -> ProductConnection:
    ctx, wanted = info.context, (filter or ProductFilter()).wanted(info.context.scope.currency)
    order = service.choose_sort(ctx, sort, wanted)
    page = service.product_page(first, after, order)
    names = asked(info, "nodes") | asked(info, "edges", "node")
    found = await service.find_products(
        ctx, page, wanted, order, everywhere=everywhere, details=product_details(names)
    )
    locales = ctx.scope.locales
    made = connect(
        found,
        lambda one: Product.of(one, locales),
        behind=after is not None,
        count=lambda: service.count_products(ctx, wanted, everywhere=everywhere),
    )
    return ProductConnection(
        nodes=made.nodes,
        page_info=made.page_info,
        keys=made.keys,
        count=made.count,
        counted=service.Facets(ctx, wanted, everywhere=everywhere),
    )


async def _categories(info: Info, *, everywhere: bool) -> list[Category]:
    found = await service.find_listed_categories(info.context, everywhere=everywhere)
    return [Category.of(one, info.context.scope.locales) for one in found]


async def _collections(info: Info, *, everywhere: bool) -> list[Collection]:
    found = await service.find_listed_collections(info.context, everywhere=everywhere)
    return [Collection.of(one, info.context.scope.locales) for one in found]


def add_plugin_queries(
    builder: SchemaBuilder, filters: Sequence[CatalogFilter], sorts: Sequence[CatalogSort]
) -> None:
    """Put what plugins add to the list of products into a schema."""
    if filters:
        builder.grow(ProductFilter, make_field("plugins", _filters_input(filters)))
    if sorts:
        builder.replace_enum(ProductSort, _sort_enum(sorts))


def _filters_input(filters: Sequence[CatalogFilter]) -> type:
    fields = {one.name: strawberry.field(default=None, description=one.means) for one in filters}
    namespace = {
        "__annotations__": dict.fromkeys(fields, bool | None),
        "__module__": __name__,
        "names": tuple(fields),
        **fields,
    }
    made = type("ProductPluginsFilter", (PluginFilters,), namespace)
    return strawberry.input(
        made, description="Filters of plugins: true for what fits, false for what does not."
    )


def _sort_enum(sorts: Sequence[CatalogSort]) -> type:
    values = {one.name: one.value for one in ProductSort}
    values |= {one.name.upper(): one.name for one in sorts}
    made: Any = StrEnum("ProductSort", values)  # type: ignore[misc]  # made at run time
    means = [f"{one.name.upper()}: {one.means}" for one in sorts]
    return cast("type", strawberry.enum(made, description="\n".join([_SORT, *means])))


async def load_product(ctx: Context, key: ProductId) -> Product | None:
    """Find a product of this channel for `node`."""
    found = await service.find_product(ctx, product_id=key)
    return Product.of(found, ctx.scope.locales) if found is not None else None


async def load_variant(ctx: Context, key: VariantId) -> Variant | None:
    """Find a variant of this channel for `node`."""
    found = (await service.find_variants_by_ids(ctx, [key])).get(key)
    return Variant.of(found, ctx.scope.locales) if found is not None else None


async def load_category(ctx: Context, key: CategoryId) -> Category | None:
    """Find a category of this channel for `node`."""
    found = await service.find_listed_categories(ctx)
    return next((Category.of(one, ctx.scope.locales) for one in found if one.id == key), None)


async def load_collection(ctx: Context, key: CollectionId) -> Collection | None:
    """Find a collection of this channel for `node`."""
    found = await service.find_listed_collections(ctx)
    return next((Collection.of(one, ctx.scope.locales) for one in found if one.id == key), None)
