"""What a plugin's graphql.py is made of, beside strawberry itself."""

from koipond.catalog.graphql import Product, Variant
from koipond.catalog.types import CatalogFilter, CatalogSort, Subject
from koipond.kernel.pages import FIRST_DEFAULT, page
from koipond.kernel.schema import (
    MEMBER,
    PUBLIC,
    Access,
    Api,
    Connection,
    Info,
    MoneyInput,
    MoneyType,
    Mutation,
    Query,
    Subscription,
    UserError,
    batch,
    connect,
    mutation,
    needs,
    query,
    subscription,
)
from koipond.member.graphql import Member
from koipond.order.graphql import Order

__all__ = [
    "FIRST_DEFAULT",
    "MEMBER",
    "PUBLIC",
    "Access",
    "Api",
    "CatalogFilter",
    "CatalogSort",
    "Connection",
    "Info",
    "Member",
    "MoneyInput",
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
    "connect",
    "mutation",
    "needs",
    "page",
    "query",
    "subscription",
]
