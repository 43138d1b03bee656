"""What every graphql.py needs: scalars, Node, Connection, UserError, fields, batch, builder."""

from koipond.kernel.quantity import Quantity
from koipond.kernel.schema.asking import asked
from koipond.kernel.schema.batch import batch
from koipond.kernel.schema.build import Api, SchemaBuilder, SchemaConflict
from koipond.kernel.schema.errors import UserError
from koipond.kernel.schema.fields import (
    MEMBER,
    PUBLIC,
    Access,
    Info,
    mutation,
    needs,
    query,
    subscription,
)
from koipond.kernel.schema.inputs import Choices, grows, make_field, takes_plugins
from koipond.kernel.schema.pages import Connection, connect
from koipond.kernel.schema.types import (
    MoneyInput,
    MoneyType,
    Mutation,
    Node,
    Query,
    Subscription,
    TextInput,
)

__all__ = [
    "MEMBER",
    "PUBLIC",
    "Access",
    "Api",
    "Choices",
    "Connection",
    "Info",
    "MoneyInput",
    "MoneyType",
    "Mutation",
    "Node",
    "Quantity",
    "Query",
    "SchemaBuilder",
    "SchemaConflict",
    "Subscription",
    "TextInput",
    "UserError",
    "asked",
    "batch",
    "connect",
    "grows",
    "make_field",
    "mutation",
    "needs",
    "query",
    "subscription",
    "takes_plugins",
]
