"""Staff make and change products."""

from typing import Any

from koipond.kernel.ids import ProductId, encode, new_id
from koipond.kernel.viewer import GUEST
from koipond_sdk.testing import STAFF, RunningShop

CREATE = """mutation($input: CreateProductInput!) { done: createProduct(input: $input) {
  product { id slug name version variants { sku price { amount currency } } categories { name } }
  userErrors { code message field } } }"""
UPDATE = CREATE.replace("CreateProduct", "UpdateProduct").replace("createProduct", "updateProduct")
SEEN = '{ product(slug: "green-tea") { name } }'
TEA = {
    "slug": "green-tea",
    "name": "Green tea",
    "description": "<p>From Fujian</p><script>x</script>",
    "categories": ["Tea"],
    "attributes": [{"name": "Origin", "value": "Fujian"}],
    "options": ["Size"],
    "media": [{"url": "https://example.org/tea.jpg", "alt": "Tea"}],
    "variants": [{"sku": "TEA-1", "options": ["50 g"], "price": "12.50", "grams": 50}],
}


async def act(shop: RunningShop, document: str, **given: Any) -> dict[str, Any]:
    answer = await shop.graphql(document, {"input": given}, viewer=STAFF, admin=True)
    assert "errors" not in answer, answer
    done: dict[str, Any] = answer["data"]["done"]
    return done


def code(done: dict[str, Any]) -> list[str]:
    return [one["code"] for one in done["userErrors"]]


async def seen(shop: RunningShop) -> Any:
    return (await shop.graphql(SEEN, viewer=GUEST))["data"]["product"]


async def test_a_product_is_made_shown_and_taken_off(shop: RunningShop) -> None:
    done = await act(shop, CREATE, **TEA)
    key = done["product"].pop("id")
    assert done == {
        "product": {
            "slug": "green-tea",
            "name": "Green tea",
            "version": 1,
            "variants": [{"sku": "TEA-1", "price": {"amount": "12.50", "currency": "EUR"}}],
            "categories": [{"name": "Tea"}],
        },
        "userErrors": [],
    }
    assert await seen(shop) == {"name": "Green tea"}
    told = {"name": "Longjing", "variants": [{"sku": "TEA-1", "options": ["50 g"], "price": "13"}]}
    changed = await act(shop, UPDATE, productId=key, expectedVersion=1, options=["Size"], **told)
    assert (code(changed), changed["product"]["version"]) == ([], 2)
    assert changed["product"]["variants"][0]["price"] == {"amount": "13.00", "currency": "EUR"}
    # What was left empty stays.
    assert changed["product"]["categories"] == [{"name": "Tea"}]
    assert await seen(shop) == {"name": "Longjing"}
    off = await act(shop, UPDATE, productId=key, options=["Size"], published=False, **told)
    assert (code(off), off["product"]["version"], await seen(shop)) == ([], 3, None)


async def test_an_edit_of_a_product_that_was_changed_since_changes_nothing(
    shop: RunningShop,
) -> None:
    key = (await act(shop, CREATE, **TEA))["product"]["id"]
    told = {"name": "A", "options": ["Size"], "variants": TEA["variants"]}
    assert code(await act(shop, UPDATE, productId=key, expectedVersion=1, **told)) == []
    before = await shop.snapshot()
    done = await act(shop, UPDATE, productId=key, expectedVersion=1, **(told | {"name": "B"}))
    assert done["userErrors"] == [
        {
            "code": "VERSION_CONFLICT",
            "message": f"{key} was read as version 1 and is version 2 now. Read it again, then "
            "edit that.",
            "field": "expectedVersion",
        }
    ]
    assert await shop.snapshot() == before


async def test_what_cannot_be_a_product_is_refused(shop: RunningShop) -> None:
    key = (await act(shop, CREATE, **TEA))["product"]["id"]
    nobody = encode(ProductId, ProductId(new_id()))
    before = await shop.snapshot()
    variants = TEA["variants"]
    for document, given, error in [
        (CREATE, TEA, "PRODUCT_SLUG_TAKEN"),
        (CREATE, TEA | {"slug": "b"}, "SKU_TAKEN"),
        (CREATE, TEA | {"slug": "b", "variants": []}, "PRODUCT_INVALID"),
        (CREATE, TEA | {"slug": "b", "variants": [{"sku": "B", "price": "-1"}]}, "AMOUNT_INVALID"),
        (UPDATE, {"productId": key, "name": "", "variants": variants}, "PRODUCT_INVALID"),
        (UPDATE, {"productId": nobody, "name": "A", "variants": variants}, None),
    ]:
        done = await act(shop, document, **given)
        assert code(done) == [error or "PRODUCT_UNKNOWN"], given
    assert await shop.snapshot() == before
