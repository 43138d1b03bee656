"""The names of strawberry that the generated inputs stand on, though it does not promise them."""

# No `from __future__ import annotations`: strawberry reads the types as they are.
from typing import Any

import strawberry
from strawberry.types.arguments import InputContext
from strawberry.types.base import StrawberryObjectDefinition, get_object_definition
from strawberry.types.field import StrawberryField


@strawberry.input
class PondInput:
    depth: int


@strawberry.input
class FishInput:
    name: str
    pond: PondInput | None = None


@strawberry.input
class AddedInput:
    weight: int | None = None


@strawberry.type
class Query:
    @strawberry.field
    def fish(self, input: FishInput) -> str:
        return str(input)


class Extended(strawberry.Schema):
    def get_fields(self, type_definition: StrawberryObjectDefinition) -> list[StrawberryField]:
        more = get_object_definition(AddedInput, strict=True).fields
        own = type_definition.fields
        return [*own, *more] if type_definition.origin is FishInput else own


async def test_strawberry_asks_for_an_input_s_fields_and_lets_it_build_itself() -> None:
    seen: list[tuple[Any, ...]] = []

    def build(cls: type, value: Any, context: InputContext) -> Any:
        assert context.info is not None
        fields = context.info.schema.get_fields(get_object_definition(cls, strict=True))
        names = [context.config.name_converter.get_graphql_name(one) for one in fields]
        pond = fields[1].resolve_type(type_definition=None)
        seen.append((names, value, context.convert(value["pond"], pond, "pond")))
        return FishInput(name=value["name"])

    get_object_definition(FishInput, strict=True).from_input = build
    schema = Extended(query=Query)
    assert "weight: Int = null" in schema.as_str()
    document = '{ fish(input: {name: "koi", weight: 2, pond: {depth: 3}}) }'
    answer = await schema.execute(document)
    assert answer.errors is None
    given = {"name": "koi", "weight": 2, "pond": {"depth": 3}}
    assert seen == [(["name", "pond", "weight"], given, PondInput(depth=3))]
