"""Assembling a schema, and the conflicts that refuse the start."""

# No `from __future__ import annotations`: strawberry reads the types as they are.
from typing import Any, ClassVar

import strawberry

from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.ids import ProductId, VariantId, encode, new_id
from koipond.kernel.schema import (
    PUBLIC,
    Info,
    Mutation,
    Node,
    Query,
    SchemaBuilder,
    batch,
    query,
)
from koipond.kernel.viewer import GUEST
from koipond_sdk.testing import RunningShop


@strawberry.type
class Fish:
    name: str


@strawberry.type
class FishQueries:
    @query(PUBLIC)
    async def fish(self, info: Info) -> Fish:
        """One fish."""
        return Fish(name="koi")


@strawberry.type(name="Fish")
class OtherFish:
    weight: int


@strawberry.type
class OtherFishQueries:
    @query(PUBLIC)
    async def other(self, info: Info) -> OtherFish:
        """Another fish."""
        return OtherFish(weight=1)


@strawberry.type
class Undeclared:
    @strawberry.field
    def secret_fish(self) -> str:
        return "koi"


@strawberry.type
class Colour:
    @batch
    @staticmethod
    async def colour(parents: list[Fish], info: Info) -> list[str | None]:
        """What it looks like."""
        return ["red" for _ in parents]


@strawberry.type
class SameName:
    @batch
    @staticmethod
    async def name(parents: list[Fish], info: Info) -> list[str | None]:
        """Taken by the type itself."""
        return [None for _ in parents]


@strawberry.type
class Weight:
    @batch
    @staticmethod
    async def weight(parents: list[Fish], info: Info) -> list[int]:
        """Not nullable."""
        return [1 for _ in parents]


@strawberry.type
class Plain:
    length: int


def builder(*parts: tuple[type, type, str]) -> SchemaBuilder:
    made = SchemaBuilder()
    for target, extension, owner in parts:
        made.extend(target, extension, owner=owner)
    return made


def conflicts(*parts: tuple[type, type, str], packages: set[str] | None = None) -> list[str]:
    """Return what refuses the start."""
    made = builder((Query, FishQueries, "koipond"), *parts)
    return sorted(made.find_conflicts(packages or set()))


def build(*parts: tuple[type, type, str], packages: set[str] | None = None) -> strawberry.Schema:
    """Build what has no conflicts."""
    assert conflicts(*parts, packages=packages) == []
    return builder((Query, FishQueries, "koipond"), *parts).build(packages or set())


def test_a_plugin_adds_fields_to_a_type_that_it_does_not_own() -> None:
    made = build((Fish, Colour, "paint"))
    types = {one["name"]: one for one in made.introspect()["__schema"]["types"]}
    fields = [(one["name"], one["description"]) for one in types["Fish"]["fields"]]
    assert fields == [("name", None), ("colour", "What it looks like.")]


def test_two_schemas_of_the_same_types_do_not_share_what_was_added() -> None:
    with_colour = build((Fish, Colour, "paint"))
    without = build()
    assert "colour" in str(with_colour)
    assert "colour" not in str(without)


def test_without_a_mutation_there_is_no_root_for_one() -> None:
    assert "Mutation" not in str(build())
    assert Mutation.__name__ == "Mutation"


def test_a_field_that_two_plugins_add_names_both() -> None:
    assert conflicts((Fish, Colour, "paint"), (Fish, Colour, "dye")) == [
        "dye: Fish.colour is already declared by paint: rename yours"
    ]


def test_a_field_that_the_type_has_is_core_s() -> None:
    (line,) = conflicts((Fish, SameName, "paint"))
    assert line == "paint: Fish.name is already declared by koipond: rename yours"


def test_a_root_field_says_who_may_use_it() -> None:
    (line,) = conflicts((Query, Undeclared, "paint"))
    assert line == (
        "paint: Query.secretFish says nothing about who may use it: declare it with "
        "@query(PUBLIC), @query(MEMBER) or @query(needs(…))"
    )


def test_what_a_plugin_adds_to_core_is_nullable() -> None:
    (line,) = conflicts((Fish, Weight, "scales"))
    assert line.startswith("scales: Fish.weight must be nullable")


def test_a_field_without_a_resolver_cannot_be_added() -> None:
    (line,) = conflicts((Fish, Plain, "ruler"))
    assert line.startswith("ruler: Fish.length has no resolver")


def test_all_conflicts_are_told_at_once() -> None:
    assert len(conflicts((Fish, Weight, "scales"), (Query, Undeclared, "paint"))) == 2


def refusal(package: str, code: str, **fields: Any) -> type[DomainError]:
    """Make a refusal class as if it stood in the errors.py of `package`."""
    namespace = {
        "__module__": f"{package}.errors",
        "__doc__": "A refusal.",
        "__annotations__": {"code": ClassVar[str], **fields},
        "code": code,
    }
    return domain_error(type(code.title().replace("_", ""), (DomainError,), namespace))


def test_same_named_fields_of_two_refusals_have_one_type() -> None:
    kept = refusal("ponds", "POND_FULL", limit=int), refusal("rivers", "RIVER_FULL", limit=str)
    (line,) = conflicts(packages={"ponds", "rivers"})
    assert kept
    assert line == (
        "rivers.errors: RiverFull.limit is str, but PondFull.limit of ponds.errors is int: "
        "give them one type or two names"
    )


def test_two_refusals_have_two_codes() -> None:
    kept = refusal("lakes", "FULL"), refusal("seas", "FULL")
    (line,) = conflicts(packages={"lakes", "seas"})
    assert kept
    assert line == "seas.errors: Full has the code FULL of Full of lakes.errors: give it another"


@domain_error
class BrookDry(DomainError):
    """A brook without water."""

    code: ClassVar[str] = "BROOK_DRY"
    depth: int

    def __str__(self) -> str:
        return f"The brook is {self.depth} cm deep. Wait for rain."


def test_every_refusal_of_the_packages_becomes_a_user_error() -> None:
    text = str(build(packages={__name__.partition(".")[0]}))
    assert "type BrookDry implements UserError {" in text
    assert "depth: Int!" in text


def test_two_types_of_one_name_name_where_they_stand() -> None:
    (line,) = conflicts((Query, OtherFishQueries, "paint"))
    assert line == (
        f"{__name__}: the type Fish is declared twice, as {__name__}.OtherFish and as "
        f"{__name__}.Fish: rename one; a plugin's types carry its prefix"
    )


async def test_a_node_is_found_by_its_id_and_nothing_else_is(shop: RunningShop) -> None:
    made = SchemaBuilder()
    key = ProductId(new_id())

    @strawberry.type
    class Found(Node):
        pass

    async def load(ctx: object, wanted: ProductId) -> Node | None:
        return Found(id=strawberry.ID("it")) if wanted == key else None

    made.node(ProductId, load)
    async with shop.shop.context(viewer=GUEST) as ctx:
        found = await made.find_node(ctx, encode(ProductId, key))
        assert found is not None
        hidden, foreign = ProductId(new_id()), VariantId(key)
        for value in (
            encode(ProductId, hidden),
            encode(VariantId, foreign),
            encode(ProductId, key)[:-1] + "!",
            "prod_",
            "",
        ):
            assert await made.find_node(ctx, value) is None
