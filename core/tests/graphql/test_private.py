import pytest
import strawberry
from graphql import GraphQLSchema

from koipond.graphql.private import core_schema
from koipond.kernel.schema import Info, asked

pytestmark = pytest.mark.story


def test_strawberry_still_keeps_its_schema_where_we_look() -> None:
    @strawberry.type
    class Query:
        name: str

    made = core_schema(strawberry.Schema(query=Query))
    assert isinstance(made, GraphQLSchema)
    assert made.query_type is not None
    assert list(made.query_type.fields) == ["name"]


def test_strawberry_still_hands_on_what_a_field_was_asked_with() -> None:
    @strawberry.type
    class Answer:
        a: int = 1
        b: int = 2

    @strawberry.type
    class Query:
        @strawberry.field
        def answer(self, info: Info) -> Answer:
            seen.append(asked(info))
            return Answer()

    seen: list[frozenset[str]] = []
    strawberry.Schema(query=Query).execute_sync("{ answer { b ... { a } } }")
    assert seen == [frozenset({"a", "b"})]
