"""The catalogue in the schema."""

from koipond.catalog.graphql import queries
from koipond.catalog.graphql.arranging import ArrangingMutations, EditedCategory, EditedCollection
from koipond.catalog.graphql.editing import EditedProduct, EditingMutations
from koipond.catalog.graphql.mutations import AdminMutations
from koipond.catalog.graphql.queries import add_plugin_queries
from koipond.catalog.graphql.staff import StaffMutations, StaffProduct, StaffVariant
from koipond.catalog.graphql.types import Category, Collection, Product, Variant
from koipond.kernel.ids import CategoryId, CollectionId, ProductId, VariantId
from koipond.kernel.schema import Api, Mutation, Query

__all__ = ["Category", "Collection", "Product", "Variant", "add_plugin_queries", "register"]


def register(api: Api) -> None:
    """Add the catalogue to both schemas."""
    api.storefront(Query, queries.StorefrontQueries)
    api.admin(Query, queries.AdminQueries)
    api.admin(Mutation, AdminMutations)
    api.admin(Mutation, StaffMutations)
    api.admin(Mutation, EditingMutations)
    api.admin(Product, EditedProduct)
    api.admin(Mutation, ArrangingMutations)
    api.admin(Category, EditedCategory)
    api.admin(Collection, EditedCollection)
    api.admin(Variant, StaffVariant)
    api.admin(Product, StaffProduct)
    api.node(ProductId, queries.load_product)
    api.node(VariantId, queries.load_variant)
    api.node(CategoryId, queries.load_category)
    api.node(CollectionId, queries.load_collection)
