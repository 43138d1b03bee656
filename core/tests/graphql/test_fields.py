"""What keeps a field of a plugin from being added."""

from typing import Any

import pytest
import strawberry
from core.tests.graphql.toys import Hard, Misplaced, conflicts, made_in, toy

from koipond.catalog.graphql import Product
from koipond.kernel.plugins import Plugin
from koipond.kernel.schema import PUBLIC, Api, Info, Mutation, Query, batch, needs, query
from koipond.order.graphql.mutations import AddToCartInput

pytestmark = pytest.mark.story


def adding(target: type, extension: type, *, admin: bool = False, **manifest: Any) -> Plugin:
    """Make the plugin `toy` that adds one extension."""

    def add(api: Api) -> None:
        (api.admin if admin else api.storefront)(target, extension)

    return toy("toy", add, **manifest)


@strawberry.type
class Shadow:
    @batch
    @staticmethod
    async def name(parents: list[Product], info: Info) -> list[str | None]:
        """Taken by core."""
        return [None for _ in parents]


@strawberry.type
class Waits:
    @strawberry.field
    async def rank(self, info: Info) -> int | None:
        """One statement per product."""
        return 1


@strawberry.type
class Soft:
    @batch
    @staticmethod
    async def rank(parents: list[Product], info: Info) -> list[int | None]:
        """Well made, for storefronts."""
        return [1 for _ in parents]


@strawberry.type
class OpenQueries:
    @strawberry.field
    async def rank(self, info: Info) -> int:
        """For whom?"""
        return 1


@strawberry.type
class Guarded:
    @batch(needs("ranks.read"))
    @staticmethod
    async def rank(parents: list[Product], info: Info) -> list[int | None]:
        """Asks for what nobody has."""
        return [1 for _ in parents]


@pytest.mark.parametrize(
    ("plugin", "line"),
    [
        (
            adding(Product, Shadow, fields=("Product.name",)),
            "toy: Product.name is already declared by koipond: rename yours",
        ),
        (
            adding(Product, Waits, fields=("Product.rank",)),
            "toy: Product.rank is answered parent by parent: declare it with @batch, which answers "
            "for all of them at once",
        ),
        (
            adding(Product, Hard, fields=("Product.rank",)),
            "toy: Product.rank must be nullable: a shop may run without this plugin",
        ),
        (
            adding(Product, Soft, admin=True, fields=("Product.rank",)),
            "toy: Product.rank says nothing about who of the staff may see it: declare it with "
            "@batch(needs(…)), or @batch(PUBLIC) if everyone who sees its parent may",
        ),
        (
            adding(Query, OpenQueries, queries=("rank",)),
            "toy: Query.rank says nothing about who may use it: declare it with @query(PUBLIC), "
            "@query(MEMBER) or @query(needs(…))",
        ),
        (
            adding(Mutation, Misplaced, mutations=("rank",)),
            "toy: Mutation.rank is declared with @query: use @mutation",
        ),
        (
            adding(AddToCartInput, Soft, fields=("AddToCartInput.rank",)),
            "toy: AddToCartInput.rank cannot be added: inputs are not extended. Add one of your "
            "own with api.line_input or api.order_input",
        ),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_field_that_cannot_be_added_says_why_and_what_to_do(plugin: Plugin, line: str) -> None:
    assert conflicts(plugin) == [line]


def test_a_permission_that_nobody_registers_is_named_with_those_that_there_are() -> None:
    (line,) = conflicts(adding(Product, Guarded, admin=True, fields=("Product.rank",)))
    start = (
        "toy: Product.rank asks for the permission ranks.read, which nobody registers: name it in "
        "register_permissions, or ask for one that there is: approval.read, "
    )
    assert line.startswith(start)


def test_a_plugin_s_own_type_does_not_wait_parent_by_parent() -> None:
    async def height(self: Any) -> int:
        return 1

    tower = made_in("toy_toy", "ToyTower", height=strawberry.field(resolver=height))

    @strawberry.type
    class Towers:
        @query(PUBLIC)
        async def towers(self, info: Info) -> list[tower]:  # type: ignore[valid-type]  # made here
            """All towers."""
            return []

    assert conflicts(adding(Query, Towers, queries=("towers",))) == [
        "toy: ToyTower.height is answered parent by parent: declare it with @batch, which answers "
        "for all of them at once"
    ]
