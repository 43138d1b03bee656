import pytest
import strawberry
from graphql import GraphQLSchema

from koipond.graphql.private import core_schema

pytestmark = pytest.mark.story


def test_strawberry_still_keeps_its_schema_where_we_look() -> None:
    @strawberry.type
    class Query:
        name: str

    made = core_schema(strawberry.Schema(query=Query))
    assert isinstance(made, GraphQLSchema)
    assert made.query_type is not None
    assert list(made.query_type.fields) == ["name"]
