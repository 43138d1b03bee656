"""What a plugin's graphql.py is made of, beside strawberry itself."""

from koipond.catalog.graphql import Product, Variant
from koipond.catalog.types import CatalogFilter, CatalogSort, Subject
from koipond.kernel.schema import (
    MEMBER,
    PUBLIC,
    Access,
    Api,
    Info,
    MoneyType,
    Mutation,
    Query,
    Subscription,
    UserError,
    batch,
    mutation,
    needs,
    query,
    subscription,
)
from koipond.order.graphql import Order

__all__ = [
    "MEMBER",
    "PUBLIC",
    "Access",
    "Api",
    "CatalogFilter",
    "CatalogSort",
    "Info",
    "MoneyType",
    "Mutation",
    "Order",
    "Product",
    "Query",
    "Subject",
    "Subscription",
    "UserError",
    "Variant",
    "batch",
    "mutation",
    "needs",
    "query",
    "subscription",
]
