"""The catalogue over GraphQL, as a storefront and as staff see it, on both databases."""

from typing import Any

import pytest

from koipond.catalog import service
from koipond.catalog.types import MediaDraft, ProductDraft, Saved, Telling, VariantDraft
from koipond.kernel.ids import (
    CategoryId,
    CollectionId,
    OrderId,
    ProductId,
    VariantId,
    decode,
    encode,
    new_id,
)
from koipond.kernel.viewer import GUEST, Viewer, ViewerKind
from koipond_sdk.testing.shop import STAFF, RunningShop

pytestmark = pytest.mark.story

EVERYTHING = """
query ($slug: String!) {
  product(slug: $slug) {
    slug name description
    categories { slug name }
    collections { slug name }
    attributes { name value }
    media { url alt }
    variants {
      sku name
      options { name value }
      price { amount currency }
      media { url alt }
      product { slug }
    }
  }
}
"""
LIST = """
query ($first: Int, $after: String, $filter: ProductFilter, $sort: ProductSort) {
  products(first: $first, after: $after, filter: $filter, sort: $sort) {
    nodes { slug }
    edges { cursor node { slug } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    totalCount
  }
}
"""
SET_PRICE = """
mutation ($input: SetPriceInput!) {
  setPrice(input: $input) {
    variant { sku price { amount currency } }
    userErrors { __typename code message }
  }
}
"""
TEA = ProductDraft(
    slug="tea",
    name="Tea",
    description="<p>good</p>",
    categories=("Drinks",),
    collections=("New",),
    attributes=(("Origin", "Anhui"),),
    options=("Weight",),
    media=(MediaDraft(url="/tea.jpg", alt="A cup"),),
    variants=(
        VariantDraft(sku="T-50", options=("50 g",), price_minor=1250),
        VariantDraft(sku="T-100", options=("100 g",), media=(MediaDraft(url="/100.jpg"),)),
    ),
)


def plain(slug: str, **changes: Any) -> ProductDraft:
    """A product without a choice."""
    given = {"name": slug, "variants": (VariantDraft(sku=slug, price_minor=100),)} | changes
    return ProductDraft(slug=slug, **given)


async def save(shop: RunningShop, *drafts: ProductDraft, **where: str) -> list[Saved]:
    async with shop.context(viewer=STAFF, **where) as ctx:
        scope = ctx.scope
        telling = Telling(
            locale=scope.locales[0], channel_id=scope.channel_id, currency=scope.currency
        )
        results = await service.save_products(ctx, drafts, telling)
    assert all(isinstance(result, Saved) for result in results)
    return [result for result in results if isinstance(result, Saved)]


async def data(shop: RunningShop, document: str, **variables: Any) -> Any:
    """Ask a storefront; returns the data, with no error."""
    answer = await shop.graphql(document, variables)
    assert "errors" not in answer, answer
    return answer["data"]


async def slugs(shop: RunningShop, **asked: Any) -> list[str]:
    found = (await data(shop, LIST, **asked))["products"]
    return [node["slug"] for node in found["nodes"]]


async def test_a_product_shows_all_that_is_known_of_it(shop: RunningShop) -> None:
    await save(shop, TEA)
    assert (await data(shop, EVERYTHING, slug="tea"))["product"] == {
        "slug": "tea",
        "name": "Tea",
        "description": "<p>good</p>",
        "categories": [{"slug": "drinks", "name": "Drinks"}],
        "collections": [{"slug": "new", "name": "New"}],
        "attributes": [{"name": "Origin", "value": "Anhui"}],
        "media": [{"url": "/tea.jpg", "alt": "A cup"}],
        "variants": [
            {
                "sku": "T-50",
                "name": "50 g",
                "options": [{"name": "Weight", "value": "50 g"}],
                "price": {"amount": "12.50", "currency": "EUR"},
                "media": [],
                "product": {"slug": "tea"},
            },
            {
                "sku": "T-100",
                "name": "100 g",
                "options": [{"name": "Weight", "value": "100 g"}],
                "price": None,
                "media": [{"url": "/100.jpg", "alt": ""}],
                "product": {"slug": "tea"},
            },
        ],
    }


async def test_headers_choose_the_language_and_the_currency(shop: RunningShop) -> None:
    chinese = ProductDraft(
        slug="tea",
        name="茶",
        options=("重量",),
        variants=(VariantDraft(sku="T-50", options=("50克",), price_minor=8800),),
    )
    await save(shop, TEA)
    await save(shop, chinese, currency="CNY", locale="zh-Hans")
    headers = {"Koi-Currency": "CNY", "Koi-Locale": "zh-Hans"}
    document = '{ product(slug: "tea") { name description variants { name price { amount } } } }'
    answer = await shop.graphql(document, headers=headers)
    assert answer["data"]["product"] == {
        "name": "茶",
        "description": "<p>good</p>",
        "variants": [
            {"name": "50克", "price": {"amount": "88.00"}},
            {"name": "100 g", "price": None},
        ],
    }


async def test_a_variant_without_a_choice_is_called_like_its_product(shop: RunningShop) -> None:
    await save(shop, plain("a", name="Black tea"))
    found = await data(shop, '{ product(slug: "a") { variants { name options { name } } } }')
    assert found["product"]["variants"] == [{"name": "Black tea", "options": []}]


@pytest.mark.parametrize("admin", [False, True])
@pytest.mark.parametrize(
    "asked",
    ["product { slug }", "product(id: null) { slug }", 'product(id: "%s", slug: "tea") { id }'],
)
async def test_a_product_is_asked_for_by_its_id_or_else_its_slug(
    shop: RunningShop, asked: str, admin: bool
) -> None:
    (saved,) = await save(shop, TEA)
    asked = asked.replace("%s", encode(ProductId, saved.product_id))
    answer = await shop.graphql(f"{{ {asked} }}", viewer=STAFF if admin else GUEST, admin=admin)
    (error,) = answer["errors"]
    assert error["message"] == (
        "Say what is wanted by one of these, not by several or none: id, slug."
    )
    assert error["extensions"] == {"code": "NAMES_AMBIGUOUS", "names": "id, slug"}
    assert answer["data"] == {"product": None}


async def test_what_is_not_there_is_null_whatever_the_id_looks_like(shop: RunningShop) -> None:
    (saved,) = await save(shop, TEA)
    known = encode(ProductId, saved.product_id)
    document = "query ($id: ID, $slug: String) { product(id: $id, slug: $slug) { slug } }"

    async def product(**asked: str) -> Any:
        return (await data(shop, document, **asked))["product"]

    assert await product(id=known) == {"slug": "tea"}
    strange = [
        encode(ProductId, ProductId(new_id())),
        encode(OrderId, OrderId(new_id())),
        known[:-1],
        known.upper(),
        "",
        "prod_",
        "'; DROP TABLE product; --",
        "茶",
    ]
    assert [await product(id=one) for one in strange] == [None] * len(strange)
    assert await product(slug="nothing") is None


async def test_buyers_see_what_the_channel_lists_and_staff_see_everything(
    shop: RunningShop,
) -> None:
    await save(shop, plain("shown", categories=("Open",), collections=("Open",)))
    (saved,) = await save(
        shop, plain("hidden", categories=("Shut",), collections=("Shut",), published=False)
    )
    document = """{
      product(slug: "hidden") { slug }
      products { nodes { slug } totalCount }
      categories { slug }
      collections { slug }
    }"""
    assert await data(shop, document) == {
        "product": None,
        "products": {"nodes": [{"slug": "shown"}], "totalCount": 1},
        "categories": [{"slug": "open"}],
        "collections": [{"slug": "open"}],
    }
    node = "query ($id: ID!) { node(id: $id) { id } }"
    for key in (
        encode(ProductId, saved.product_id),
        encode(VariantId, saved.variants["hidden"]),
    ):
        assert await data(shop, node, id=key) == {"node": None}
    answer = await shop.graphql(document, viewer=STAFF, admin=True)
    assert answer["data"] == {
        "product": {"slug": "hidden"},
        "products": {"nodes": [{"slug": "hidden"}, {"slug": "shown"}], "totalCount": 2},
        "categories": [{"slug": "open"}, {"slug": "shut"}],
        "collections": [{"slug": "open"}, {"slug": "shut"}],
    }


async def test_a_node_is_found_again_by_its_id(shop: RunningShop) -> None:
    await save(shop, TEA)
    document = """{ product(slug: "tea") {
      id categories { id } collections { id } variants { id }
    } }"""
    product = (await data(shop, document))["product"]
    keys = [
        product["id"],
        product["categories"][0]["id"],
        product["collections"][0]["id"],
        product["variants"][0]["id"],
    ]
    assert decode(CategoryId, keys[1])
    assert decode(CollectionId, keys[2])
    node = "query ($id: ID!) { node(id: $id) { __typename id } }"
    found = [(await data(shop, node, id=key))["node"] for key in keys]
    assert [one["id"] for one in found] == keys
    assert [one["__typename"] for one in found] == ["Product", "Category", "Collection", "Variant"]


async def test_pages_are_followed_by_their_cursors(shop: RunningShop) -> None:
    await save(shop, *(plain(slug) for slug in "abcde"))
    first = (await data(shop, LIST, first=2, sort="NAME"))["products"]
    assert [node["slug"] for node in first["nodes"]] == ["a", "b"]
    assert [edge["node"]["slug"] for edge in first["edges"]] == ["a", "b"]
    assert first["totalCount"] == 5
    assert first["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "startCursor": first["edges"][0]["cursor"],
        "endCursor": first["edges"][1]["cursor"],
    }
    end = first["pageInfo"]["endCursor"]
    last = (await data(shop, LIST, first=3, after=end, sort="NAME"))["products"]
    assert [node["slug"] for node in last["nodes"]] == ["c", "d", "e"]
    assert last["pageInfo"]["hasNextPage"] is False
    assert last["pageInfo"]["hasPreviousPage"] is True
    assert last["totalCount"] == 5


async def test_the_newest_come_first_if_nothing_is_said(shop: RunningShop) -> None:
    await save(shop, *(plain(slug) for slug in "abc"))
    assert await slugs(shop) == ["c", "b", "a"]
    assert await slugs(shop, sort=None) == ["c", "b", "a"]
    assert await slugs(shop, sort="OLDEST") == ["a", "b", "c"]


async def test_filters_narrow_the_list_and_an_unknown_one_empties_it(shop: RunningShop) -> None:
    await save(shop, TEA, plain("coffee", attributes=(("Origin", "Yunnan"),)))
    assert await slugs(shop, filter={"text": "anHUI"}) == ["tea"]
    assert await slugs(shop, filter={"category": "drinks", "collection": "new"}) == ["tea"]
    assert await slugs(shop, filter={"category": "unknown"}) == []
    wanted = [{"name": "Origin", "value": "Yunnan"}]
    assert await slugs(shop, filter={"attributes": wanted}) == ["coffee"]
    assert await slugs(shop, filter={}) == ["coffee", "tea"]


async def test_a_question_that_cannot_be_answered_is_refused(shop: RunningShop) -> None:
    pages: list[dict[str, Any]] = [
        {"first": 0},
        {"first": -1},
        {"first": 101},
        {"after": "nonsense"},
        {"after": "kaNhYmM"},
        {"after": ""},
    ]
    for asked in pages:
        assert await refusal(shop, **asked) == "BAD_USER_INPUT", asked
    assert await refusal(shop, filter={"text": "x" * 201}) == "PRODUCT_FILTER_INVALID"


async def refusal(shop: RunningShop, **asked: Any) -> str:
    """Ask for a list; returns the code of the one error that is the answer."""
    answer = await shop.graphql(LIST, asked)
    assert answer.get("data") is None
    (error,) = answer["errors"]
    code: str = error["extensions"]["code"]
    return code


async def test_a_cursor_of_another_order_is_refused(shop: RunningShop) -> None:
    await save(shop, plain("a"), plain("b"))
    found = (await data(shop, LIST, first=1, sort="NAME"))["products"]
    end = found["pageInfo"]["endCursor"]
    assert await refusal(shop, after=end, sort="NEWEST") == "BAD_USER_INPUT"


async def test_a_list_costs_the_same_statements_for_one_product_and_for_many(
    shop: RunningShop,
) -> None:
    document = """query ($first: Int) { products(first: $first) { nodes {
      name categories { name } collections { name } attributes { name } media { url }
      variants { name price { amount } options { name } media { url } product { name } }
    } } }"""
    drafts = [
        ProductDraft(
            slug=f"p{n}",
            name=f"P {n}",
            categories=("Drinks",),
            options=("Weight",),
            variants=tuple(VariantDraft(sku=f"{n}-{m}", options=(f"{m}",)) for m in range(3)),
        )
        for n in range(20)
    ]
    await save(shop, *drafts)
    await data(shop, document, first=1)
    counts = []
    for first in (1, 20):
        with shop.count_statements() as sent:
            await data(shop, document, first=first)
        counts.append(len(sent))
    assert counts[0] == counts[1]


async def test_the_total_is_counted_only_if_asked_for(shop: RunningShop) -> None:
    await save(shop, plain("a"))
    for document, counted in (
        ("{ products { nodes { slug } } }", 0),
        ("{ products { nodes { slug } totalCount } }", 1),
    ):
        with shop.count_statements() as sent:
            await data(shop, document)
        assert sum("count(" in statement.lower() for statement in sent) == counted


async def set_price(shop: RunningShop, variant: str, viewer: Viewer = STAFF, **changes: str) -> Any:
    given = {"variantId": variant, "channel": "main", "amount": "9.99", "currency": "EUR"}
    return await shop.graphql(SET_PRICE, {"input": given | changes}, viewer=viewer, admin=True)


async def test_staff_set_a_price_and_buyers_see_it(shop: RunningShop) -> None:
    (saved,) = await save(shop, plain("a"))
    variant = encode(VariantId, saved.variants["a"])
    answer = await set_price(shop, variant, amount="1234.5")
    assert answer["data"]["setPrice"] == {
        "variant": {"sku": "a", "price": {"amount": "1234.50", "currency": "EUR"}},
        "userErrors": [],
    }
    found = await data(shop, '{ product(slug: "a") { variants { price { amount } } } }')
    assert found["product"]["variants"] == [{"price": {"amount": "1234.50"}}]


async def test_a_price_that_cannot_be_set_is_refused_and_changes_nothing(
    shop: RunningShop,
) -> None:
    (saved,) = await save(shop, plain("a"))
    variant = encode(VariantId, saved.variants["a"])
    before = await shop.snapshot()
    cases = [
        ({"amount": "12.505"}, "AmountInvalid"),
        ({"amount": "-1"}, "AmountInvalid"),
        ({"amount": "1e3"}, "AmountInvalid"),
        ({"amount": ""}, "AmountInvalid"),
        ({"amount": "12.50", "currency": "JPY"}, "AmountInvalid"),
        ({"currency": "eur"}, "CurrencyUnknown"),
        ({"currency": "USD"}, "CurrencyNotSold"),
        ({"channel": "moon"}, "ChannelUnknown"),
        ({"variantId": "var_0"}, "IdInvalid"),
        ({"variantId": encode(VariantId, VariantId(new_id()))}, "VariantUnknown"),
    ]
    for changes, error in cases:
        answer = await set_price(shop, **({"variant": variant} | changes))
        assert answer["data"]["setPrice"]["variant"] is None
        errors = [one["__typename"] for one in answer["data"]["setPrice"]["userErrors"]]
        assert errors == [error], changes
    assert await shop.snapshot() == before


async def test_staff_need_the_permission_for_what_they_do(shop: RunningShop) -> None:
    (saved,) = await save(shop, plain("a"))
    variant = encode(VariantId, saved.variants["a"])

    def staff(*permissions: str) -> Viewer:
        return Viewer(kind=ViewerKind.STAFF, id=STAFF.id, permissions=frozenset(permissions))

    before = await shop.snapshot()
    answer = await set_price(shop, variant, staff("catalog.read", "stock.write"))
    assert [one["extensions"]["code"] for one in answer["errors"]] == ["PERMISSION_MISSING"]
    assert await shop.snapshot() == before
    answer = await shop.graphql(LIST, viewer=staff("catalog.write"), admin=True)
    assert [one["extensions"]["code"] for one in answer["errors"]] == ["PERMISSION_MISSING"]
    answer = await shop.graphql(LIST, viewer=staff("catalog.read"), admin=True)
    assert answer["data"]["products"]["totalCount"] == 1
