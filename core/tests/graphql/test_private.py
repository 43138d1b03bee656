import pytest
import strawberry
from graphql import GraphQLSchema

from koipond.graphql.private import core_schema, is_told_by_class
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


def test_strawberry_s_own_check_of_a_type_is_still_told_from_others() -> None:
    @strawberry.interface
    class Named:
        name: str

    @strawberry.type
    class Ours(Named):
        """Checked by its class."""

    @strawberry.type
    class Theirs(Named):
        @classmethod
        def is_type_of(cls, value: object, info: object) -> bool:
            return getattr(value, "name", "") == "theirs"

    @strawberry.type
    class Query:
        ours: Ours
        theirs: Theirs

    made = core_schema(strawberry.Schema(query=Query))
    told = {name: made.get_type(name) for name in ("Ours", "Theirs")}
    one, cast = Ours(name="a"), strawberry.cast(Ours, Ours(name="b"))
    assert is_told_by_class(told["Ours"], one)
    assert not is_told_by_class(told["Ours"], cast)
    assert not is_told_by_class(told["Theirs"], one)
