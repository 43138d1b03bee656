"""Staff arrange categories, collections and what is in them."""

from typing import Any

from koipond.kernel.ids import CategoryId, CollectionId, ProductId, encode, new_id
from koipond.kernel.viewer import GUEST
from koipond.kernel.worker import Worker
from koipond_sdk.testing import STAFF, RunningShop

FIELDS = "userErrors { code message field }"
CATEGORY = f"{{ category {{ id slug name parentId version }} {FIELDS} }}"
COLLECTION = f"{{ collection {{ id slug name version }} {FIELDS} }}"
SHOWN = {
    "Category": CATEGORY,
    "CategoryProducts": CATEGORY,
    "Collection": COLLECTION,
    "CollectionProducts": COLLECTION,
}
TREE = "{ categories { slug name parentId } }"
LISTED = """query($filter: ProductFilter) {
  products(filter: $filter, sort: OLDEST) { nodes { slug } } }"""
VERSION = "query($slug: String) { product(slug: $slug) { version categories { slug } } }"


async def do(shop: RunningShop, verb: str, thing: str, **given: Any) -> dict[str, Any]:
    document = (
        f"mutation($input: {verb.title()}{thing}Input!) "
        f"{{ done: {verb}{thing}(input: $input) {SHOWN[thing]} }}"
    )
    answer = await shop.graphql(document, {"input": given}, viewer=STAFF, admin=True)
    assert "errors" not in answer, answer
    done: dict[str, Any] = answer["data"]["done"]
    return done


async def made(shop: RunningShop, name: str, parent: str | None = None) -> str:
    done = await do(shop, "create", "Category", name=name, parentId=parent)
    assert done["userErrors"] == []
    return str(done["category"]["id"])


async def tree(shop: RunningShop) -> list[tuple[str, str | None]]:
    answer = await shop.graphql(TREE, viewer=STAFF, admin=True)
    return [(one["slug"], one["parentId"]) for one in answer["data"]["categories"]]


async def listed(shop: RunningShop, **wanted: Any) -> list[str]:
    answer = await shop.graphql(LISTED, {"filter": wanted}, viewer=GUEST)
    return [one["slug"] for one in answer["data"]["products"]["nodes"]]


async def product(shop: RunningShop, slug: str) -> str:
    saved = await shop.make_product(slug, name=slug.title())
    return encode(ProductId, saved.product_id)


def codes(done: dict[str, Any]) -> list[str]:
    return [one["code"] for one in done["userErrors"]]


async def test_a_category_is_made_below_another_and_moved(shop: RunningShop) -> None:
    tea = await made(shop, "Tea")
    done = await do(shop, "create", "Category", name="Green Tea", parentId=tea)
    assert done == {
        "category": {
            "id": done["category"]["id"],
            "slug": "green-tea",
            "name": "Green Tea",
            "parentId": tea,
            "version": 1,
        },
        "userErrors": [],
    }
    green, cups = done["category"]["id"], await made(shop, "Cups")
    assert await tree(shop) == [("tea", None), ("green-tea", tea), ("cups", None)]
    moved = await do(
        shop, "move", "Category", categoryId=cups, parentId=None, position=0, expectedVersion=1
    )
    assert (codes(moved), moved["category"]["version"]) == ([], 2)
    moved = await do(shop, "move", "Category", categoryId=green, parentId=None, position=1)
    assert (codes(moved), moved["category"]["parentId"]) == ([], None)
    assert await tree(shop) == [("cups", None), ("green-tea", None), ("tea", None)]
    # Those that only made room are the same to whoever edits them.
    done = await do(shop, "update", "Category", categoryId=tea, name="Teas", expectedVersion=1)
    assert (codes(done), done["category"]["version"]) == ([], 2)


async def test_a_category_cannot_stand_below_itself_nor_too_deep(shop: RunningShop) -> None:
    top = await made(shop, "Level 1")
    low = top
    for number in range(2, 11):
        low = await made(shop, f"Level {number}", low)
    other = await made(shop, "Other")
    before = await shop.snapshot()
    for given, error in [
        ({"categoryId": top, "parentId": low}, "it would stand below itself"),
        ({"categoryId": top, "parentId": top}, "it would stand below itself"),
        ({"categoryId": other, "parentId": low}, "the tree would have 11 levels, at most 10 are"),
        ({"categoryId": top, "parentId": other}, "the tree would have 11 levels, at most 10 are"),
    ]:
        (refused,) = (await do(shop, "move", "Category", **given))["userErrors"]
        assert refused["code"] == "CATEGORY_MOVE_INVALID"
        assert error in refused["message"]
    done = await do(shop, "create", "Category", name="Level 11", parentId=low)
    assert codes(done) == ["CATEGORY_MOVE_INVALID"]
    assert await shop.snapshot() == before


async def test_what_is_used_is_not_removed_and_says_how_much_is_in_it(shop: RunningShop) -> None:
    key = await product(shop, "sencha")
    tea, sale = await made(shop, "Tea"), await do(shop, "create", "Collection", name="Sale")
    below = await made(shop, "Green", tea)
    picked = sale["collection"]["id"]
    await do(shop, "change", "CategoryProducts", categoryId=tea, addProductIds=[key])
    await do(shop, "change", "CollectionProducts", collectionId=picked, addProductIds=[key])
    before = await shop.snapshot()
    assert (await do(shop, "remove", "Category", categoryId=tea))["userErrors"] == [
        {
            "code": "GROUPING_USED",
            "message": "1 products and 1 categories are in this category. Take them out or move "
            "them, then remove it.",
            "field": None,
        }
    ]
    assert codes(await do(shop, "remove", "Collection", collectionId=picked)) == ["GROUPING_USED"]
    assert await shop.snapshot() == before
    await do(shop, "change", "CategoryProducts", categoryId=tea, removeProductIds=[key])
    await do(shop, "change", "CollectionProducts", collectionId=picked, removeProductIds=[key])
    for thing, given in [
        ("Category", {"categoryId": below}),
        ("Category", {"categoryId": tea}),
        ("Collection", {"collectionId": picked}),
    ]:
        assert codes(await do(shop, "remove", thing, **given, expectedVersion=1)) == []
    assert await tree(shop) == []


async def test_products_that_are_put_in_are_found_by_it_and_are_another_version(
    shop: RunningShop,
) -> None:
    keys = [await product(shop, slug) for slug in ("sencha", "gyokuro", "cup")]
    tea = await made(shop, "Tea")
    added = await do(shop, "change", "CategoryProducts", categoryId=tea, addProductIds=keys[:2])
    assert codes(added) == []
    assert await listed(shop, category="tea") == ["sencha", "gyokuro"]
    assert await listed(shop, text="tea") == ["sencha", "gyokuro"]
    answer = await shop.graphql(VERSION, {"slug": "sencha"}, viewer=STAFF, admin=True)
    assert answer["data"]["product"] == {"version": 2, "categories": [{"slug": "tea"}]}
    # Again, it changes nothing.
    before = await shop.snapshot()
    again = await do(shop, "change", "CategoryProducts", categoryId=tea, addProductIds=keys[:2])
    assert (codes(again), await shop.snapshot()) == ([], before)
    await do(
        shop,
        "change",
        "CategoryProducts",
        categoryId=tea,
        addProductIds=keys[2:],
        removeProductIds=keys[:1],
    )
    assert await listed(shop, text="tea") == ["gyokuro", "cup"]


async def test_what_is_called_otherwise_is_found_by_its_new_name(shop: RunningShop) -> None:
    key = await product(shop, "sencha")
    sale = (await do(shop, "create", "Collection", name="Sale"))["collection"]["id"]
    await do(shop, "change", "CollectionProducts", collectionId=sale, addProductIds=[key])
    told = {"name": "Harvest", "slug": "harvest-2026"}
    done = await do(shop, "update", "Collection", collectionId=sale, expectedVersion=1, **told)
    assert done["collection"] == {"id": sale, **told, "version": 2}
    await Worker(shop.shop).run_once()
    assert (await listed(shop, text="harvest"), await listed(shop, text="sale")) == (["sencha"], [])
    assert await listed(shop, collection="harvest-2026") == ["sencha"]


async def test_an_edit_of_what_was_changed_since_changes_nothing(shop: RunningShop) -> None:
    tea = await made(shop, "Tea")
    sale = (await do(shop, "create", "Collection", name="Sale"))["collection"]["id"]
    await do(shop, "update", "Category", categoryId=tea, name="Teas")
    await do(shop, "update", "Collection", collectionId=sale, name="Sales")
    before = await shop.snapshot()
    for verb, thing, given in [
        ("update", "Category", {"categoryId": tea, "name": "A"}),
        ("move", "Category", {"categoryId": tea, "parentId": None}),
        ("remove", "Category", {"categoryId": tea}),
        ("update", "Collection", {"collectionId": sale, "name": "A"}),
        ("remove", "Collection", {"collectionId": sale}),
    ]:
        (refused,) = (await do(shop, verb, thing, **given, expectedVersion=1))["userErrors"]
        assert refused["code"] == "VERSION_CONFLICT", verb
        assert "was read as version 1 and is version 2 now" in refused["message"]
    assert await shop.snapshot() == before


async def test_what_cannot_be_kept_is_refused(shop: RunningShop) -> None:
    key, tea = await product(shop, "sencha"), await made(shop, "Tea")
    await do(shop, "create", "Collection", name="Sale")
    nowhere = encode(CategoryId, CategoryId(new_id()))
    nothing = encode(CollectionId, CollectionId(new_id()))
    nobody = encode(ProductId, ProductId(new_id()))
    before = await shop.snapshot()
    for verb, thing, given, error in [
        ("create", "Category", {"name": " "}, "GROUPING_INVALID"),
        ("create", "Category", {"name": "!"}, "GROUPING_INVALID"),
        ("create", "Category", {"name": "A", "slug": "A b"}, "GROUPING_INVALID"),
        ("create", "Category", {"name": "TEA"}, "GROUPING_SLUG_TAKEN"),
        ("create", "Category", {"name": "A", "parentId": nowhere}, "CATEGORY_UNKNOWN"),
        ("update", "Category", {"categoryId": nowhere, "name": "A"}, "CATEGORY_UNKNOWN"),
        ("create", "Collection", {"name": "Sale"}, "GROUPING_SLUG_TAKEN"),
        ("update", "Collection", {"collectionId": nothing}, "COLLECTION_UNKNOWN"),
        (
            *("change", "CategoryProducts"),
            {"categoryId": tea, "addProductIds": [nobody]},
            "PRODUCT_UNKNOWN",
        ),
        (
            *("change", "CategoryProducts"),
            {"categoryId": tea, "addProductIds": [key], "removeProductIds": [key]},
            "GROUPING_BATCH_INVALID",
        ),
        (
            *("change", "CategoryProducts"),
            {"categoryId": tea, "addProductIds": [key] * 101},
            "GROUPING_BATCH_INVALID",
        ),
    ]:
        assert codes(await do(shop, verb, thing, **given)) == [error], given
    assert await shop.snapshot() == before
