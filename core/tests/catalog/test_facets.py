"""Facets, and the filters that they lead to, on both databases."""

from typing import Any
from uuid import UUID

from koipond.catalog import service
from koipond.catalog.types import GroupingDraft, ProductDraft, Saved, Telling, VariantDraft
from koipond.kernel.ids import CategoryId
from koipond.stock.service import receive
from koipond.stock.types import StockReceipt
from koipond_sdk.testing.shop import STAFF, RunningShop

FACETS = """
query ($filter: ProductFilter) {
  products(filter: $filter) {
    facets {
      categories { category { slug } count }
      collections { collection { slug } count }
      attributes { name values { value count } }
      price { least { amount } most { amount } ranges { least { amount } most { amount } count } }
      inStock
    }
  }
}
"""
LIST = "query ($filter: ProductFilter) { products(filter: $filter) { nodes { slug } totalCount } }"
NOTHING = {"categories": [], "collections": [], "attributes": [], "price": None, "inStock": 0}


def draft(
    slug: str, *prices: int | None, colour: str, categories: tuple[str, ...], **more: Any
) -> ProductDraft:
    variants = tuple(
        VariantDraft(sku=f"{slug}-{place}", options=(f"{place}",), price_minor=price)
        for place, price in enumerate(prices)
    )
    return ProductDraft(
        slug=slug,
        name=slug,
        categories=categories,
        attributes=(("Colour", colour),),
        options=("Size",),
        variants=variants,
        **more,
    )


async def stock_up(shop: RunningShop) -> None:
    drafts = [
        draft("tea", 1000, 1500, colour="Green", categories=("Drinks",)),
        draft("coffee", 2000, colour="Black", categories=("Drinks", "New")),
        draft("cup", 500, colour="Black", categories=("Goods",), collections=("Gifts",)),
        draft("free", None, colour="Red", categories=("Goods",)),
        draft("hidden", 1, colour="Red", categories=("Goods",), published=False),
    ]
    async with shop.context(viewer=STAFF) as ctx:
        telling = Telling(
            locale=ctx.scope.locales[0],
            channel_id=ctx.scope.channel_id,
            currency=ctx.scope.currency,
        )
        saved = await service.save_products(ctx, drafts, telling)
        assert all(isinstance(one, Saved) for one in saved)
        keys = {
            sku: key for one in saved if isinstance(one, Saved) for sku, key in one.variants.items()
        }
        receipts = [
            StockReceipt(variant_id=keys[sku], quantity=3) for sku in ("tea-1", "cup-0", "hidden-0")
        ]
        await receive(ctx, receipts)


async def ask(shop: RunningShop, document: str, **filter: Any) -> Any:
    answer = await shop.graphql(document, {"filter": filter})
    assert "errors" not in answer, answer
    return answer["data"]["products"]


async def slugs(shop: RunningShop, **filter: Any) -> list[str]:
    found = await ask(shop, LIST, **filter)
    assert found["totalCount"] == len(found["nodes"])
    return [one["slug"] for one in found["nodes"]]


async def test_facets_count_what_the_channel_lists(shop: RunningShop) -> None:
    await stock_up(shop)
    assert (await ask(shop, FACETS))["facets"] == {
        "categories": [
            {"category": {"slug": "drinks"}, "count": 2},
            {"category": {"slug": "goods"}, "count": 2},
            {"category": {"slug": "new"}, "count": 1},
        ],
        "collections": [{"collection": {"slug": "gifts"}, "count": 1}],
        "attributes": [
            {
                "name": "Colour",
                "values": [
                    {"value": "Black", "count": 2},
                    {"value": "Green", "count": 1},
                    {"value": "Red", "count": 1},
                ],
            }
        ],
        "price": {
            "least": {"amount": "5.00"},
            "most": {"amount": "20.00"},
            "ranges": [
                {"least": {"amount": "5.00"}, "most": {"amount": "8.00"}, "count": 1},
                {"least": {"amount": "8.01"}, "most": {"amount": "11.01"}, "count": 1},
                {"least": {"amount": "14.03"}, "most": {"amount": "17.03"}, "count": 1},
                {"least": {"amount": "17.04"}, "most": {"amount": "20.00"}, "count": 1},
            ],
        },
        "inStock": 2,
    }


async def test_facets_are_of_what_the_filter_leaves(shop: RunningShop) -> None:
    await stock_up(shop)
    found = (await ask(shop, FACETS, category="goods", inStock=True))["facets"]
    assert found["categories"] == [{"category": {"slug": "goods"}, "count": 1}]
    assert found["attributes"] == [{"name": "Colour", "values": [{"value": "Black", "count": 1}]}]
    assert found["price"]["ranges"] == [
        {"least": {"amount": "5.00"}, "most": {"amount": "5.00"}, "count": 1}
    ]
    assert found["inStock"] == 1
    assert (await ask(shop, FACETS, text="nothing"))["facets"] == NOTHING
    assert (await ask(shop, FACETS, text="tea"))["facets"]["inStock"] == 1


async def test_a_category_holds_what_is_in_all_below_it(shop: RunningShop) -> None:
    await stock_up(shop)
    rows = {row["slug"]: CategoryId(UUID(str(row["id"]))) for row in await shop.rows("category")}
    async with shop.context(viewer=STAFF) as ctx:
        top = await service.create_category(ctx, GroupingDraft(name="All"))
        for slug, parent in (("goods", top.id), ("drinks", rows["goods"]), ("new", rows["drinks"])):
            await service.move_category(ctx, rows[slug], parent_id=parent)
    assert await slugs(shop, category="new") == ["coffee"]
    assert await slugs(shop, category="drinks") == ["coffee", "tea"]
    assert await slugs(shop, category="goods") == ["free", "cup", "coffee", "tea"]
    assert await slugs(shop, category="all") == ["free", "cup", "coffee", "tea"]
    facets = (await ask(shop, FACETS, category="all"))["facets"]["categories"]
    assert [(one["category"]["slug"], one["count"]) for one in facets] == [
        *(("goods", 4), ("all", 4)),
        *(("drinks", 2), ("new", 1)),
    ]
    shown = await shop.graphql("{ categories { slug } }")
    assert sorted(one["slug"] for one in shown["data"]["categories"]) == sorted([*rows, "all"])
    document = '{ products(filter: {category: "all"}) { nodes { slug variants { sku } } } }'
    await shop.graphql(document)
    with shop.count_statements() as sent:
        await shop.graphql(document)
    # How many are in it, which they are, the page and its variants: as many for any tree.
    assert len(sent) == 4


async def test_prices_and_stock_narrow_a_list(shop: RunningShop) -> None:
    await stock_up(shop)
    assert await slugs(shop, price={"least": "10", "most": "10.00"}) == ["tea"]
    assert await slugs(shop, price={"least": "15.01"}) == ["coffee"]
    assert await slugs(shop, price={"most": "14.99"}) == ["cup", "tea"]
    assert await slugs(shop, price={}) == ["free", "cup", "coffee", "tea"]
    assert await slugs(shop, inStock=True) == ["cup", "tea"]
    assert await slugs(shop, inStock=False) == ["free", "coffee"]
    assert await slugs(shop, inStock=True, price={"least": "6"}) == ["tea"]
    answer = await shop.graphql(LIST, {"filter": {"price": {"least": "1.001"}}})
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "AMOUNT_INVALID"


async def test_what_nobody_asks_for_is_not_counted(shop: RunningShop) -> None:
    await stock_up(shop)

    async def statements(document: str) -> int:
        await shop.graphql(document)
        with shop.count_statements() as sent:
            answer = await shop.graphql(document)
        assert "errors" not in answer, answer
        return len(sent)

    assert await statements("{ products { nodes { slug } } }") == 1
    assert await statements("{ products { nodes { slug } facets { inStock } } }") == 2
    assert await statements("{ products { totalCount facets { categories { count } } } }") == 3
    assert await statements("{ products { facets { price { least { amount } } } } }") == 2


async def test_pages_are_read_in_two_statements_whatever_their_size(shop: RunningShop) -> None:
    await stock_up(shop)

    async def sent_for(document: str) -> list[str]:
        await shop.graphql(document)
        with shop.count_statements() as sent:
            answer = await shop.graphql(document)
        assert "errors" not in answer, answer
        return sent

    one = "slug name description variants { id sku name options { name value } price { amount } "
    detail = await sent_for(f'{{ product(slug: "tea") {{ {one} availability {{ state }} }} }} }}')
    assert len(detail) == 2
    for first in (1, 4):
        page = await sent_for(f"{{ products(first: {first}) {{ nodes {{ {one} }} }} }} }}")
        assert len(page) == 2
    # Nothing is read that is not asked for.
    for document in ("{ products { nodes { slug } } }", '{ product(slug: "tea") { slug } }'):
        (sent,) = await sent_for(document)
        assert "description" not in sent
        assert "variant" not in sent
    (_, sent) = await sent_for("{ products { nodes { variants { sku } } } }")
    assert "price" not in sent
    assert "option" not in sent
    named = "fragment F on Product { variants { ...G } } fragment G on Variant { price { amount } }"
    assert len(await sent_for(f'{{ product(slug: "tea") {{ ...F }} }} {named}')) == 1
