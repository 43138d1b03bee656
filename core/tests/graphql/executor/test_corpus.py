"""A plan answers what graphql-core answers, for the operations of real pages, whoever asks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from core.tests.graphql.executor.comparing import difference, run_by_core, run_by_plan
from core.tests.payment.till import Till, tender
from graphql import DocumentNode, OperationDefinitionNode, parse, separate_operations, validate

from koipond.app import make_schemas
from koipond.catalog.service import save_products
from koipond.catalog.types import MediaDraft, ProductDraft, Saved, Telling, VariantDraft
from koipond.graphql.private import core_schema
from koipond.kernel.ids import MemberId, ProductId, VariantId, encode
from koipond.kernel.viewer import GUEST, Viewer, ViewerKind
from koipond.order.tables import order as order_table
from koipond_sdk.testing import STAFF, RunningShop

HERE = Path(__file__).parent / "corpus"
ACTORS = ("guest", "member", "staff", "service")
# What graphql-core alone answers: questions about the schema itself.
ABOUT_SCHEMA = "Introspected"
ADD = """mutation($input: AddToCartInput!) {
  done: addToCart(input: $input) { token order { lines { id } } }
}"""


def operations(name: str) -> dict[str, DocumentNode]:
    """Return {name: document with its fragments} of a file of the corpus."""
    documents = separate_operations(parse((HERE / f"{name}.graphql").read_text()))
    assert "" not in documents, "an operation of the corpus has a name"
    return documents


@pytest_asyncio.fixture
async def stocked(shop: RunningShop) -> tuple[RunningShop, dict[str, Any]]:
    """A shop with something of everything, and {variable: what it stands for}."""
    till = Till(shop)
    made = await _make_catalog(shop)
    sold, order = await _sell(till, made["variantId"])
    added = await till.ask(ADD, variantId=made["variantId"], quantity=2)
    stale = await till.ask(ADD, variantId=made["variantId"])
    page = await shop.graphql("{ products(first: 1) { pageInfo { endCursor } } }")
    given = {
        **made,
        **sold,
        "memberUuid": UUID(str(order["member_id"])),
        "memberId": encode(MemberId, MemberId(UUID(str(order["member_id"])))),
        "cartToken": added["token"],
        "lineId": added["order"]["lines"][0]["id"],
        "staleToken": stale["token"],
        "after": page["data"]["products"]["pageInfo"]["endCursor"],
        "add": {"variantId": made["variantId"], "quantity": 1},
        **{"key": "0199c0de-0000-7000-8000-00000000abcd", "any": made["productId"]},
        **{"first": 2, "sort": "NAME", "text": "tea", "purpose": "MARKETING"},
        **{"filter": {"text": "tea", "category": "green"}, "yes": True, "no": False},
    }
    return shop, given


async def _make_catalog(shop: RunningShop) -> dict[str, Any]:
    draft = ProductDraft(
        slug="mao-feng",
        name="Mao Feng tea",
        description="<p>Green</p>",
        categories=("Green",),
        collections=("Spring",),
        attributes=(("Origin", "Anhui"),),
        options=("Weight",),
        media=(MediaDraft(url="https://example.org/a.jpg", alt="A tin"),),
        variants=(
            VariantDraft(sku="MF-50", price_minor=9_00, options=("50 g",), track_stock=False),
            VariantDraft(sku="MF-100", price_minor=16_00, options=("100 g",), track_stock=False),
        ),
    )
    async with shop.context(viewer=STAFF, currency="EUR", locale="en") as ctx:
        told = Telling(locale=ctx.scope.locales[0], channel_id=ctx.scope.channel_id, currency="EUR")
        (tea,) = await save_products(ctx, [draft], told)
    assert isinstance(tea, Saved)
    mug = await shop.make_product("MUG", slug="mug", name="Mug", price="12.00")
    sold_out = await shop.make_product("RARE", name="Rare tea", stock=0)
    unpriced = await shop.make_product("GIFT", name="Gift tea", price=None)
    return {
        "slug": "mao-feng",
        "productId": encode(ProductId, tea.product_id),
        "variantId": encode(VariantId, tea.variants["MF-50"]),
        "mugId": encode(VariantId, mug.variants["MUG"]),
        "soldOutId": encode(VariantId, sold_out.variants["RARE"]),
        "unpricedId": encode(VariantId, unpriced.variants["GIFT"]),
    }


async def _sell(till: Till, variant: str) -> tuple[dict[str, Any], dict[str, Any]]:
    key = "0199c0de-0000-7000-8000-000000000001"
    placed = await till.place(variant, tender(), idempotencyKey=key)
    assert placed["userErrors"] == [], placed
    (order,) = await till.shop.rows(order_table)
    told = {
        "orderId": placed["order"]["id"],
        "orderToken": placed["token"],
        "orderNumber": order["number"],
        "placedKey": key,
    }
    return told, order


def _viewer(actor: str, given: Mapping[str, Any]) -> Viewer:
    match actor:
        case "member":
            return Viewer(kind=ViewerKind.MEMBER, id=given["memberUuid"])
        case "staff":
            return STAFF
        case "service":
            return Viewer(kind=ViewerKind.SERVICE, permissions=frozenset({"catalog.read"}))
        case _:
            return GUEST


@pytest.mark.slow
@pytest.mark.one_database
@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("name", ["storefront", "admin"])
async def test_every_operation_is_answered_as_graphql_core_answers_it(
    stocked: tuple[RunningShop, dict[str, Any]], name: str, actor: str
) -> None:
    shop, given = stocked
    schema = core_schema(getattr(make_schemas([]), name))
    differing, failed = [], 0
    for operation, document in operations(name).items():
        assert validate(schema, document) == [], operation
        variables = _variables_of(document, given)
        results = []
        for run in (run_by_plan, run_by_core):
            if run is run_by_plan and operation.startswith(ABOUT_SCHEMA):
                continue
            async with shop.context(viewer=_viewer(actor, given)) as ctx:
                results.append(await run(schema, document, variables, ctx))
        failed += bool(results[0].errors)
        found = difference(results[0], results[-1])
        if found is not None:
            differing.append(f"{operation}: {found}")
    assert differing == []
    # Who may not do what they ask for is told so by both; nobody is refused everything.
    assert 0 < failed < len(operations(name))


def _variables_of(document: DocumentNode, given: Mapping[str, Any]) -> dict[str, Any]:
    (operation,) = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    wanted = {one.variable.name.value: one for one in operation.variable_definitions or ()}
    known = {name: given[name] for name in wanted if name in given}
    assert all(one.default_value for name, one in wanted.items() if name not in known), wanted
    return known


def test_the_corpus_is_large() -> None:
    assert len(operations("storefront")) + len(operations("admin")) >= 150
