"""What staff make and change of products."""

import strawberry

from koipond.catalog import service, types
from koipond.catalog.graphql.types import Product
from koipond.kernel.context import Context
from koipond.kernel.ids import ProductId, decode
from koipond.kernel.money import Currency, parse_amount
from koipond.kernel.quantity import Quantity
from koipond.kernel.schema import Info, UserError, batch, mutation, needs

WRITE = needs("catalog.write")


@strawberry.type
class EditedProduct:
    @batch
    @staticmethod
    async def version(parents: list[Product], info: Info) -> list[int]:
        """What expectedVersion is to be."""
        found = await service.find_versions(info.context, [parent.key for parent in parents])
        return [found[parent.key] for parent in parents]


@strawberry.input(description="A picture by its address.")
class MediaInput:
    url: str
    alt: str = ""


@strawberry.input
class ProductAttributeInput:
    name: str
    value: str


@strawberry.input
class ProductVariantInput:
    sku: str
    options: list[str] = strawberry.field(
        default_factory=list, description="Its values, one for each option of the product"
    )
    price: str | None = strawberry.field(
        default=None, description="Such as 12.50, in the request's currency; null: not sold in it"
    )
    track_stock: bool | None = strawberry.field(
        default=None, description="null: as it was, and a new one's stock is counted"
    )
    grams: Quantity | None = strawberry.field(default=None, description="null: as it was")
    media: list[MediaInput] = strawberry.field(default_factory=list)

    def read(self, currency: Currency) -> types.VariantDraft:
        """Return the variant as it is told. Raises AmountInvalid."""
        price = None if self.price is None else parse_amount(self.price, currency)
        return types.VariantDraft(
            sku=self.sku,
            options=tuple(self.options),
            price_minor=None if price is None else price.amount_minor,
            track_stock=self.track_stock,
            grams=self.grams,
            media=_media(self.media),
        )


@strawberry.input(
    description="A product in the request's language, currency and channel (Koi-Locale, "
    "Koi-Currency, Koi-Channel). Categories, collections and attributes are known by their names, "
    "and made if there is none."
)
class CreateProductInput:
    slug: str
    name: str
    variants: list[ProductVariantInput]
    description: str = strawberry.field(default="", description="HTML; it is made safe")
    published: bool = strawberry.field(default=True, description="Shown in the request's channel")
    categories: list[str] = strawberry.field(default_factory=list)
    collections: list[str] = strawberry.field(default_factory=list)
    attributes: list[ProductAttributeInput] = strawberry.field(default_factory=list)
    options: list[str] = strawberry.field(default_factory=list, description="Such as Size")
    media: list[MediaInput] = strawberry.field(default_factory=list)


@strawberry.input(
    description="The product told again in the request's language, currency and channel: what is "
    "empty stays as it was, and so do variants that are not named."
)
class UpdateProductInput:
    product_id: strawberry.ID
    name: str
    variants: list[ProductVariantInput]
    description: str = ""
    published: bool = strawberry.field(
        default=True, description="Shown in the request's channel; false takes it off"
    )
    categories: list[str] = strawberry.field(default_factory=list)
    collections: list[str] = strawberry.field(default_factory=list)
    attributes: list[ProductAttributeInput] = strawberry.field(default_factory=list)
    options: list[str] = strawberry.field(default_factory=list)
    media: list[MediaInput] = strawberry.field(default_factory=list)
    expected_version: int | None = strawberry.field(default=None, description="As it was read")


@strawberry.type
class CreateProductPayload:
    product: Product | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class UpdateProductPayload:
    product: Product | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class EditingMutations:
    @mutation(WRITE)
    async def create_product(self, info: Info, input: CreateProductInput) -> CreateProductPayload:
        """Make a product with its variants."""
        ctx = info.context
        saved = await service.create_product(ctx, _draft(ctx, input.slug, input))
        return CreateProductPayload(product=await _find(ctx, saved.product_id))

    @mutation(WRITE)
    async def update_product(self, info: Info, input: UpdateProductInput) -> UpdateProductPayload:
        """Tell a product again: its texts, prices, variants, and where it is shown."""
        ctx, key = info.context, decode(ProductId, input.product_id)
        # The use-case knows the slug; this one is only in the draft's place.
        draft = _draft(ctx, "product", input)
        await service.update_product(ctx, key, draft, expected_version=input.expected_version)
        return UpdateProductPayload(product=await _find(ctx, key))


def _draft(
    ctx: Context, slug: str, told: CreateProductInput | UpdateProductInput
) -> types.ProductDraft:
    currency = ctx.scope.currency
    return types.ProductDraft(
        slug=slug,
        name=told.name,
        description=told.description,
        published=told.published,
        categories=tuple(told.categories),
        collections=tuple(told.collections),
        attributes=tuple((one.name, one.value) for one in told.attributes),
        options=tuple(told.options),
        media=_media(told.media),
        variants=tuple(one.read(currency) for one in told.variants),
    )


def _media(told: list[MediaInput]) -> tuple[types.MediaDraft, ...]:
    return tuple(types.MediaDraft(url=one.url, alt=one.alt) for one in told)


async def _find(ctx: Context, key: ProductId) -> Product:
    found = (await service.find_products_by_ids(ctx, [key]))[key]
    return Product.of(found, ctx.scope.locales)
