"""Whatever staff edit, an edit of what was changed since it was read is refused, and changes
nothing."""

from typing import Any
from uuid import UUID

import pytest
from core.tests.order.counter import ONCE, Counter
from core.tests.payment.till import Till
from graphql import GraphQLInputObjectType, GraphQLInt, GraphQLNonNull

from koipond.app import make_schemas
from koipond.graphql.private import core_schema
from koipond.kernel.ids import MemberId, PriceRuleId, ProductId, VariantId, encode, new_id
from koipond_sdk.testing import STAFF, RunningShop

SEEN = 7
CONFLICT = "... on VersionConflict { expectedVersion currentVersion }"
ZONE = {"code": "eu", "name": "EU", "places": ["DE"]}
TAX = {"code": "food", "name": "Food"}
HOME = {"line1": "1 Tea Road", "city": "Hangzhou", "country": "CN"}
TEXT = [{"locale": "en", "text": "A"}]
RATE = {"zone": "eu", "category": "food", "ratePpm": 70_000, "label": TEXT}
METHOD = {"channel": "main", "code": "fast", "name": TEXT, "rates": []}
ROLE = {"key": "desk", "name": "Desk", "permissions": ["order.read"]}
MONEY = {"amount": "9.00", "currency": "EUR"}


async def act(shop: RunningShop, name: str, made: str, given: dict[str, Any]) -> dict[str, Any]:
    document = (
        f"mutation($input: {name[0].upper()}{name[1:]}Input!) {{ done: {name}(input: $input) "
        f"{{ {made} userErrors {{ code {CONFLICT} }} }} }}"
    )
    answer = await shop.graphql(document, {"input": given}, viewer=STAFF, admin=True)
    assert "errors" not in answer, answer
    done: dict[str, Any] = answer["data"]["done"]
    return done


async def make(shop: RunningShop, mutation: str, made: str, /, **given: Any) -> Any:
    done = await act(shop, mutation, f"{made} {{ id }}", given)
    assert done["userErrors"] == []
    return done[made]["id"]


def edits() -> set[str]:
    """Return the mutations of core's staff that take a version, or none."""
    schema = core_schema(make_schemas(()).admin)
    assert schema.mutation_type is not None
    found = set()
    for name, field in schema.mutation_type.fields.items():
        given = field.args["input"].type
        assert isinstance(given, GraphQLNonNull)
        assert isinstance(given.of_type, GraphQLInputObjectType)
        version = given.of_type.fields.get("expectedVersion")
        if version is not None and version.type is GraphQLInt:
            found.add(name)
    return found


@pytest.mark.slow
async def test_a_stale_edit_of_anything_changes_nothing(shop: RunningShop) -> None:
    bought = await Counter(Till(shop)).bought(3)
    await bought.deliver()
    returned = await bought.send_back(1)
    (sold,) = await shop.rows("variant")
    variant = encode(VariantId, VariantId(UUID(str(sold["id"]))))
    key = encode(ProductId, ProductId(UUID(str(sold["product_id"]))))
    for name, given in [
        ("setZone", ZONE),
        ("setTaxCategory", TAX),
        ("setShippingMethod", METHOD),
        ("setMemberGroup", TAX),
        ("setRole", ROLE),
    ]:
        assert (await act(shop, name, "", given))["userErrors"] == []
    (buyer,) = await shop.rows("member")
    member = encode(MemberId, MemberId(UUID(str(buyer["id"]))))
    rate = await make(shop, "addTaxRate", "taxRate", **RATE)
    category = await make(shop, "createCategory", "category", name="Tea")
    collection = await make(shop, "createCollection", "collection", name="Sale")
    staff = await make(shop, "createStaff", "staff", email="lin@example.org", name="Lin", roles=[])
    draft = await make(shop, "createDraftOrder", "draftOrder")
    rule = {"variantId": variant, "channel": "main", "price": MONEY, "fromQuantity": 5}
    assert (await act(shop, "setPriceRule", "", rule))["userErrors"] == []
    (stored,) = await shop.rows("price_rule")
    rule_id = encode(PriceRuleId, PriceRuleId(UUID(str(stored["id"]))))
    cases: dict[str, dict[str, Any]] = {
        "setChannel": {"code": "main", "name": "A"},
        "setZone": ZONE,
        "setTaxCategory": TAX,
        "endTaxRate": {"id": rate},
        "removeTaxRate": {"id": rate},
        "setShippingMethod": METHOD,
        "setMemberGroup": TAX,
        "updateMember": {"memberId": member, "name": "A"},
        "changeMemberGroups": {"memberId": member, "join": ["food"]},
        "setPrice": {"variantId": variant, "channel": "main", **MONEY},
        "setPriceRule": rule,
        "removePriceRule": {"id": rule_id},
        "setVariantWeight": {"variantId": variant, "grams": 5},
        "setProductTaxCategory": {"productId": key, "taxCategory": "food"},
        "updateProduct": {"productId": key, "name": "A", "variants": [{"sku": "TEA-1"}]},
        "updateCategory": {"categoryId": category, "name": "A"},
        "moveCategory": {"categoryId": category, "parentId": None},
        "removeCategory": {"categoryId": category},
        "updateCollection": {"collectionId": collection, "name": "A"},
        "removeCollection": {"collectionId": collection},
        "updateStaff": {"staffId": staff, "name": "A"},
        "setRole": ROLE,
        "editOrder": {"orderId": bought.id, "added": [{"variantId": variant}]},
        "updateDraftOrder": {"draftOrderId": draft, "note": "A"},
        "placeDraftOrder": {"draftOrderId": draft},
        "removeDraftOrder": {"draftOrderId": draft},
        "changeOrderAddress": {"orderId": bought.id, "shippingAddress": HOME},
        "exchangeReturn": {"returnId": returned, "added": [{"variantId": variant}]},
    }
    assert edits() == set(cases)
    before = await shop.snapshot()
    for name, given in cases.items():
        key_of = {"idempotencyKey": str(new_id())} if name in ONCE else {}
        done = await act(shop, name, "", {**given, **key_of, "expectedVersion": SEEN})
        (refused,) = done["userErrors"]
        assert refused["code"] == "VERSION_CONFLICT", name
        assert refused["expectedVersion"] == SEEN
        assert 1 <= refused["currentVersion"] < SEEN, name
    assert await shop.snapshot() == before
