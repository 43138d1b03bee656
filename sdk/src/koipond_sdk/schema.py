"""What a plugin's graphql.py is made of, beside strawberry itself."""

from koipond.catalog.graphql import Product, Variant
from koipond.catalog.types import CatalogFilter, CatalogSort, Subject
from koipond.kernel.schema import (
    MEMBER,
    PUBLIC,
    Access,
    Api,
    Info,
    MoneyInput,
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

__all__ = [
    "MEMBER",
    "PUBLIC",
    "Access",
    "Api",
    "CatalogFilter",
    "CatalogSort",
    "Info",
    "MoneyInput",
    "MoneyType",
    "Mutation",
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
