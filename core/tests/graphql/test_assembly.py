"""Plugins in both schemas: what they add, and everything that refuses the start, told at once."""

# No `from __future__ import annotations`: strawberry reads the types as they are.
from collections.abc import AsyncGenerator
from typing import Any, ClassVar
from uuid import uuid4

import pytest
import strawberry
from core.tests.graphql.toys import Hard, Misplaced, build, conflicts, made_in, toy

from koipond.catalog.graphql import Product
from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.plugins import Manifest
from koipond.kernel.schema import (
    MEMBER,
    PUBLIC,
    Api,
    Info,
    Mutation,
    Query,
    Subscription,
    batch,
    mutation,
    needs,
    query,
    subscription,
)
from koipond.kernel.schema.owners import find_prefix
from koipond.kernel.viewer import Viewer, ViewerKind
from koipond_sdk import PluginInput
from koipond_sdk.testing import running_shop

pytestmark = pytest.mark.story

Sale = made_in("toy_sale", "SaleRound")
Unprefixed = made_in("toy_sale", "Round")


@strawberry.type
class SaleOnProduct:
    @batch
    @staticmethod
    async def sale_round(parents: list[Product], info: Info) -> list[Sale | None]:
        """The round in which it is sold."""
        return [None for _ in parents]


@strawberry.type
class StaffSaleOnProduct:
    @batch(needs("sale.read"))
    @staticmethod
    async def sale_units(parents: list[Product], info: Info) -> list[int | None]:
        """How many are left."""
        return [3 for _ in parents]


@strawberry.type
class SaleQueries:
    @query(PUBLIC)
    async def sale_rounds(self, info: Info) -> list[Sale]:
        """All rounds."""
        return []


@strawberry.type
class SaleMutations:
    @mutation(MEMBER)
    async def remind_me(self, info: Info) -> Sale:
        """Ask to be told when a round begins."""
        return Sale(amount=1)


@strawberry.type
class SaleSubscriptions:
    @subscription(PUBLIC)
    async def sale_ticks(self, info: Info) -> AsyncGenerator[int, None]:
        """Count down."""
        yield 1


def add_sale(api: Api) -> None:
    api.storefront(Query, SaleQueries)
    api.storefront(Mutation, SaleMutations)
    api.storefront(Subscription, SaleSubscriptions)
    api.storefront(Product, SaleOnProduct)
    api.admin(Product, StaffSaleOnProduct)


SALE = toy(
    "sale",
    add_sale,
    queries=("saleRounds",),
    mutations=("remindMe",),
    subscriptions=("saleTicks",),
    fields=("Product.saleRound", "Product.saleUnits"),
    permissions=("sale.read",),
)


def test_a_plugin_adds_to_every_root_and_to_types_of_core() -> None:
    schemas = build(SALE)
    storefront, admin = str(schemas.storefront), str(schemas.admin)
    for line in (
        "  saleRounds: [SaleRound!]!",
        "  remindMe: SaleRound!",
        "  saleTicks: Int!",
        "  saleRound: SaleRound",
        "type SaleRound {\n  amount: Int!\n}",
    ):
        assert line in storefront
        assert line not in admin
    assert "  saleUnits: Int" in admin
    assert "saleUnits" not in storefront
    assert "sale.read" in schemas.permissions


def test_without_the_plugin_nothing_of_it_is_there() -> None:
    schemas = build()
    for text in (str(schemas.storefront), str(schemas.admin)):
        assert "Sale" not in text
        assert "saleTicks" not in text


def test_a_field_that_the_manifest_lacks_is_named_with_its_list() -> None:
    bare = toy("sale", add_sale)
    found = [line for line in conflicts(bare) if "plugin.toml" in line]
    assert found == [
        'sale: Mutation.remindMe is not in its plugin.toml: add "remindMe" to mutations, or do not '
        "add the field",
        "sale: Product.saleRound is not in its plugin.toml: add "
        '"Product.saleRound" to fields, or do not add the field',
        "sale: Product.saleUnits is not in its plugin.toml: add "
        '"Product.saleUnits" to fields, or do not add the field',
        'sale: Query.saleRounds is not in its plugin.toml: add "saleRounds" to queries, or do not '
        "add the field",
        'sale: Subscription.saleTicks is not in its plugin.toml: add "saleTicks" to subscriptions, '
        "or do not add the field",
    ]


def test_a_name_that_nothing_adds_is_named_with_its_list() -> None:
    silent = toy("sale", lambda api: None, queries=("sales",), fields=("Variant.sale",))
    assert conflicts(silent) == [
        "sale: Query.sales is in queries of its plugin.toml, and nothing adds it: take it out "
        "there, or add the field",
        "sale: Variant.sale is in fields of its plugin.toml, and nothing adds it: take it out "
        "there, or add the field",
    ]


@strawberry.type
class UnprefixedQueries:
    @query(PUBLIC)
    async def rounds(self, info: Info) -> list[Unprefixed]:
        """All rounds."""
        return []


def test_a_type_without_the_plugin_s_prefix_is_refused() -> None:
    plugin = toy("sale", lambda api: api.storefront(Query, UnprefixedQueries), queries=("rounds",))
    assert conflicts(plugin) == [
        "sale: the type Round lacks the prefix of the plugin: call it SaleRound, or set "
        "graphql_prefix in its plugin.toml"
    ]


@pytest.mark.parametrize(
    ("name", "given", "prefix"),
    [
        ("groupbuy", "", "Groupbuy"),
        ("group-buy", "", "GroupBuy"),
        ("group_buy", "", "GroupBuy"),
        ("groupbuy", "GroupBuy", "GroupBuy"),
    ],
)
def test_the_prefix_is_the_name_in_capitals_if_it_is_not_said(
    name: str, given: str, prefix: str
) -> None:
    manifest = Manifest(name=name, version="1", api="0.1", table_prefix=name, graphql_prefix=given)
    assert find_prefix(manifest) == prefix


OtherSale = made_in("toy_outlet", "SaleRound")


@strawberry.type
class OutletQueries:
    @query(PUBLIC)
    async def sale_rounds(self, info: Info) -> list[OtherSale]:
        """All rounds of the outlet."""
        return []


def test_two_plugins_with_one_field_and_one_type_are_both_named() -> None:
    outlet = toy(
        "outlet",
        lambda api: api.storefront(Query, OutletQueries),
        queries=("saleRounds",),
        graphql_prefix="Sale",
    )
    sale = toy("sale", lambda api: api.storefront(Query, SaleQueries), queries=("saleRounds",))
    assert conflicts(outlet, sale) == [
        "outlet and sale: the type SaleRound is declared twice, as toy_sale.graphql.SaleRound and "
        "as toy_outlet.graphql.SaleRound: rename one; a plugin's types carry its prefix",
        "sale: Query.saleRounds is already declared by outlet: rename yours",
    ]


def refusal(package: str, code: str, **fields: Any) -> type[DomainError]:
    """Make a refusal class as if it stood in the errors.py of `package`."""
    namespace = {
        "__module__": f"{package}.errors",
        "__doc__": "A refusal.",
        "__annotations__": {"code": ClassVar[str], **fields},
        "code": code,
    }
    return domain_error(type(code.title().replace("_", ""), (DomainError,), namespace))


def test_refusals_that_do_not_go_together_name_their_plugins() -> None:
    kept = (
        refusal("toy_left", "LEFT_FULL", toy_limit=int),
        refusal("toy_right", "RIGHT_FULL", toy_limit=str),
        refusal("toy_right", "LEFT_FULL"),
        refusal("toy_right", "RIGHT_ODD", odd=float),
    )
    left, right = (toy(name, lambda api: None) for name in ("left", "right"))
    assert kept
    assert conflicts(left, right) == [
        "right: LeftFull has the code LEFT_FULL of LeftFull of left: give it another",
        "right: RightFull.toy_limit is str, but LeftFull.toy_limit of left is int: give them one "
        "type or two names",
        "right: RightOdd.odd: <class 'float'> cannot be a field of a refusal: use str, int, bool, "
        "date, datetime, Money, a StrEnum or an id. What may be missing makes two refusals",
    ]


class Wish(PluginInput, frozen=True, kw_only=True):
    """What a toy reads."""


def reads_wish(self: Any) -> Wish:
    """Return the wish."""
    return Wish()


def reads_text(self: Any) -> str:
    """Return no Struct."""
    return ""


def input_in(package: str, name: str, read: Any = reads_wish) -> Any:
    return made_in(package, name, is_input=True, n=int, read=read)


def test_inputs_that_cannot_be_told_apart_or_read_are_refused() -> None:
    def add_east(api: Api) -> None:
        api.line_input("wish", input_in("toy_east", "EastWish"))
        api.line_input("more", input_in("toy_east", "EastMore"))
        api.order_input("order", made_in("toy_east", "EastOrder"))

    def add_west(api: Api) -> None:
        api.line_input("wish", input_in("toy_west", "WestWish"))
        api.order_input("wish", input_in("toy_west", "Wish", reads_text))

    assert conflicts(toy("east", add_east), toy("west", add_west)) == [
        "east: the line input plugins.more is its second one beside plugins.wish: put both into "
        "one input",
        "east: the order input plugins.order is EastOrder, no input: mark it with "
        "@strawberry.input",
        "west: the line input plugins.wish is already declared by east: rename yours",
        "west: the order input plugins.wish cannot be read: give Wish a method `read(self)` whose "
        "return annotation is your subclass of PluginInput",
        "west: the type Wish lacks the prefix of the plugin: call it WestWish, or set "
        "graphql_prefix in its plugin.toml",
    ]


def test_everything_is_told_at_once_and_once() -> None:
    def add(api: Api) -> None:
        api.both(Product, Hard)
        api.storefront(Query, UnprefixedQueries)
        api.admin(Mutation, Misplaced)

    found = conflicts(toy("sale", add, queries=("sales",)))
    assert len(found) == len(set(found)) == 7
    assert all(line.startswith("sale: ") for line in found)


@strawberry.type
class Costs:
    @batch(needs("catalog.read"))
    @staticmethod
    async def cost(parents: list[Product], info: Info) -> list[int | None]:
        """For whoever may read the catalogue."""
        return [7 for _ in parents]


async def test_a_field_is_for_those_who_have_its_permission(database_url: str) -> None:
    plugin = toy("toy", lambda api: api.both(Product, Costs), fields=("Product.cost",))
    document = "{ products { nodes { slug cost } } }"
    clerk = Viewer(kind=ViewerKind.STAFF, id=uuid4(), permissions=frozenset({"catalog.read"}))
    async with running_shop(database_url, plugins=[plugin]) as shop:
        for sku in ("TEA-1", "TEA-2"):
            await shop.make_product(sku=sku)
        allowed = await shop.graphql(document, viewer=clerk)
        refused = await shop.graphql(document)
    assert allowed == {
        "data": {"products": {"nodes": [{"slug": one, "cost": 7} for one in ("tea-2", "tea-1")]}}
    }
    assert [one["cost"] for one in refused["data"]["products"]["nodes"]] == [None, None]
    assert {one["extensions"]["code"] for one in refused["errors"]} == {"PERMISSION_MISSING"}
    assert {one["extensions"]["permission"] for one in refused["errors"]} == {"catalog.read"}
