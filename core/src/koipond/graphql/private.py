"""The one file with names that strawberry and graphql-core do not promise to keep.

core/tests/graphql/test_private.py fails when one of them moves.
"""

import strawberry
from graphql import GraphQLSchema


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """Return the graphql-core schema that a strawberry schema was turned into."""
    return schema._schema
