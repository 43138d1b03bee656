"""What staff make and change of categories and collections."""

import strawberry

from koipond.catalog import service, types
from koipond.catalog.graphql.types import Category, Collection
from koipond.kernel.ids import CategoryId, CollectionId, ProductId, decode
from koipond.kernel.schema import Info, UserError, batch, mutation, needs

WRITE = needs(types.WRITES_CATALOG)
VERSION = "As it was read; null: whichever it is"


@strawberry.type
class EditedCategory:
    @batch
    @staticmethod
    async def version(parents: list[Category], info: Info) -> list[int]:
        """What expectedVersion is to be."""
        return [parent.found.version for parent in parents]


@strawberry.type
class EditedCollection:
    @batch
    @staticmethod
    async def version(parents: list[Collection], info: Info) -> list[int]:
        """What expectedVersion is to be."""
        return [parent.found.version for parent in parents]


@strawberry.input(description="In the request's language (Koi-Locale).")
class CreateCategoryInput:
    name: str
    slug: str | None = strawberry.field(default=None, description="null: as the name makes it")
    parent_id: strawberry.ID | None = strawberry.field(
        default=None, description="null: at the top of the tree"
    )


@strawberry.input(description="In the request's language; what is null stays as it was.")
class UpdateCategoryInput:
    category_id: strawberry.ID
    name: str | None = None
    slug: str | None = None
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input
class MoveCategoryInput:
    category_id: strawberry.ID
    parent_id: strawberry.ID | None = strawberry.field(description="null: the top of the tree")
    position: int | None = strawberry.field(
        default=None, description="Among those of the same parent, from 0; null: the last"
    )
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input
class RemoveCategoryInput:
    category_id: strawberry.ID
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="At most 100 products at once; who is in it already stays.")
class ChangeCategoryProductsInput:
    category_id: strawberry.ID
    add_product_ids: list[strawberry.ID] = strawberry.field(default_factory=list)
    remove_product_ids: list[strawberry.ID] = strawberry.field(default_factory=list)


@strawberry.input(description="In the request's language (Koi-Locale).")
class CreateCollectionInput:
    name: str
    slug: str | None = strawberry.field(default=None, description="null: as the name makes it")


@strawberry.input(description="In the request's language; what is null stays as it was.")
class UpdateCollectionInput:
    collection_id: strawberry.ID
    name: str | None = None
    slug: str | None = None
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input
class RemoveCollectionInput:
    collection_id: strawberry.ID
    expected_version: int | None = strawberry.field(default=None, description=VERSION)


@strawberry.input(description="At most 100 products at once; who is in it already stays.")
class ChangeCollectionProductsInput:
    collection_id: strawberry.ID
    add_product_ids: list[strawberry.ID] = strawberry.field(default_factory=list)
    remove_product_ids: list[strawberry.ID] = strawberry.field(default_factory=list)


@strawberry.type
class CreateCategoryPayload:
    category: Category | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class UpdateCategoryPayload:
    category: Category | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class MoveCategoryPayload:
    category: Category | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class RemoveCategoryPayload:
    category: Category | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class ChangeCategoryProductsPayload:
    category: Category | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class CreateCollectionPayload:
    collection: Collection | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class UpdateCollectionPayload:
    collection: Collection | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class RemoveCollectionPayload:
    collection: Collection | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class ChangeCollectionProductsPayload:
    collection: Collection | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class ArrangingMutations:
    @mutation(WRITE)
    async def create_category(
        self, info: Info, input: CreateCategoryInput
    ) -> CreateCategoryPayload:
        """Make a category, the last below its parent."""
        draft = types.GroupingDraft(name=input.name, slug=input.slug)
        found = await service.create_category(
            info.context, draft, parent_id=_parent(input.parent_id)
        )
        return CreateCategoryPayload(category=Category.of(found, info.context.scope.locales))

    @mutation(WRITE)
    async def update_category(
        self, info: Info, input: UpdateCategoryInput
    ) -> UpdateCategoryPayload:
        """Call a category otherwise, or give it another slug."""
        draft = types.GroupingDraft(name=input.name, slug=input.slug)
        found = await service.update_category(
            info.context,
            decode(CategoryId, input.category_id),
            draft,
            expected_version=input.expected_version,
        )
        return UpdateCategoryPayload(category=Category.of(found, info.context.scope.locales))

    @mutation(WRITE)
    async def move_category(self, info: Info, input: MoveCategoryInput) -> MoveCategoryPayload:
        """Put a category, with all below it, below another one or at the top."""
        found = await service.move_category(
            info.context,
            decode(CategoryId, input.category_id),
            parent_id=_parent(input.parent_id),
            position=input.position,
            expected_version=input.expected_version,
        )
        return MoveCategoryPayload(category=Category.of(found, info.context.scope.locales))

    @mutation(WRITE)
    async def remove_category(
        self, info: Info, input: RemoveCategoryInput
    ) -> RemoveCategoryPayload:
        """Remove a category that nothing is in; one that is used says how much there is."""
        found = await service.remove_category(
            info.context,
            decode(CategoryId, input.category_id),
            expected_version=input.expected_version,
        )
        return RemoveCategoryPayload(category=Category.of(found, info.context.scope.locales))

    @mutation(WRITE)
    async def change_category_products(
        self, info: Info, input: ChangeCategoryProductsInput
    ) -> ChangeCategoryProductsPayload:
        """Put products into a category and take others out."""
        found = await service.change_category_products(
            info.context,
            decode(CategoryId, input.category_id),
            add=[decode(ProductId, one) for one in input.add_product_ids],
            remove=[decode(ProductId, one) for one in input.remove_product_ids],
        )
        return ChangeCategoryProductsPayload(
            category=Category.of(found, info.context.scope.locales)
        )

    @mutation(WRITE)
    async def create_collection(
        self, info: Info, input: CreateCollectionInput
    ) -> CreateCollectionPayload:
        """Make a collection."""
        draft = types.GroupingDraft(name=input.name, slug=input.slug)
        found = await service.create_collection(info.context, draft)
        return CreateCollectionPayload(collection=Collection.of(found, info.context.scope.locales))

    @mutation(WRITE)
    async def update_collection(
        self, info: Info, input: UpdateCollectionInput
    ) -> UpdateCollectionPayload:
        """Call a collection otherwise, or give it another slug."""
        draft = types.GroupingDraft(name=input.name, slug=input.slug)
        found = await service.update_collection(
            info.context,
            decode(CollectionId, input.collection_id),
            draft,
            expected_version=input.expected_version,
        )
        return UpdateCollectionPayload(collection=Collection.of(found, info.context.scope.locales))

    @mutation(WRITE)
    async def remove_collection(
        self, info: Info, input: RemoveCollectionInput
    ) -> RemoveCollectionPayload:
        """Remove a collection that nothing is in."""
        found = await service.remove_collection(
            info.context,
            decode(CollectionId, input.collection_id),
            expected_version=input.expected_version,
        )
        return RemoveCollectionPayload(collection=Collection.of(found, info.context.scope.locales))

    @mutation(WRITE)
    async def change_collection_products(
        self, info: Info, input: ChangeCollectionProductsInput
    ) -> ChangeCollectionProductsPayload:
        """Put products into a collection and take others out."""
        found = await service.change_collection_products(
            info.context,
            decode(CollectionId, input.collection_id),
            add=[decode(ProductId, one) for one in input.add_product_ids],
            remove=[decode(ProductId, one) for one in input.remove_product_ids],
        )
        return ChangeCollectionProductsPayload(
            collection=Collection.of(found, info.context.scope.locales)
        )


def _parent(given: str | None) -> CategoryId | None:
    return None if given is None else decode(CategoryId, given)
