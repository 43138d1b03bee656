"""Storing and reading the catalogue, on both databases."""

import asyncio
from typing import Any

import pytest

from koipond.catalog import service
from koipond.catalog.errors import ProductInvalid, SkuTaken, VariantUnknown
from koipond.catalog.types import (
    MediaDraft,
    OptionChoice,
    Outcome,
    ProductDraft,
    ProductFilter,
    ProductSort,
    Refused,
    Saved,
    Sellable,
    Telling,
    VariantDraft,
)
from koipond.channel.errors import ChannelUnknown, CurrencyNotSold
from koipond.kernel.context import Context
from koipond.kernel.ids import ProductId, VariantId, new_id
from koipond.kernel.money import Currency, Money
from koipond.kernel.pages import cursor
from koipond.kernel.texts import Locale
from koipond_sdk.testing.shop import STAFF, RunningShop

pytestmark = pytest.mark.story

EN, ZH = Locale("en"), Locale("zh-Hans")
EUR, CNY = Currency("EUR"), Currency("CNY")


def telling(ctx: Context) -> Telling:
    """Told as the request reads."""
    scope = ctx.scope
    return Telling(locale=scope.locales[0], channel_id=scope.channel_id, currency=scope.currency)


def make(slug: str, /, **changes: Any) -> ProductDraft:
    """A product with all that there can be."""
    given: dict[str, Any] = {
        "slug": slug,
        "name": f"Tea {slug}",
        "description": "<p>good</p>",
        "categories": ("Drinks", "Hot drinks"),
        "collections": ("New",),
        "attributes": (("Origin", "Anhui"), ("Vendor", "Fern Ridge")),
        "options": ("Weight",),
        "media": (MediaDraft(url=f"/{slug}.jpg", alt="A cup"), MediaDraft(url="/leaf.jpg")),
        "variants": tuple(
            VariantDraft(
                sku=f"{slug}-{grams}",
                options=(f"{grams} g",),
                price_minor=grams * 10,
                media=(MediaDraft(url=f"/{slug}-{grams}.jpg"),),
            )
            for grams in (50, 100)
        ),
    }
    return ProductDraft(**(given | changes))


async def save(shop: RunningShop, *drafts: ProductDraft, **where: str) -> list[Saved | Refused]:
    async with shop.context(viewer=STAFF, **where) as ctx:
        return await service.save_products(ctx, drafts, telling(ctx))


async def save_one(shop: RunningShop, draft: ProductDraft, **where: str) -> Saved:
    (saved,) = await save(shop, draft, **where)
    assert isinstance(saved, Saved), saved
    return saved


async def test_a_product_that_is_told_twice_is_stored_once(shop: RunningShop) -> None:
    created = await save_one(shop, make("a"))
    before = await shop.snapshot()
    shop.clock.advance(hours=1)
    with shop.count_statements() as sent:
        again = await save_one(shop, make("a"))
    assert (created.outcome, again.outcome) == (Outcome.CREATED, Outcome.UNCHANGED)
    assert again.variants == created.variants
    assert (created.created, again.created) == ({"a-50", "a-100"}, frozenset())
    assert [one for one in sent if not one.startswith("SELECT")] == []
    assert await shop.snapshot() == before


async def test_a_changed_price_changes_that_price_and_the_time_only(shop: RunningShop) -> None:
    await save_one(shop, make("a"))
    before = await shop.snapshot()
    shop.clock.advance(hours=1)
    fifty, hundred = make("a").variants
    dearer = VariantDraft(
        sku="a-100", options=hundred.options, price_minor=1234, media=hundred.media
    )
    saved = await save_one(shop, make("a", variants=(fifty, dearer)))
    after = await shop.snapshot()
    assert saved.outcome is Outcome.CHANGED
    assert {name for name in after if after[name] != before[name]} == {"price", "product"}
    assert sorted(row["amount_minor"] for row in after["price"]) == [500, 1234]


async def test_another_language_and_currency_stand_beside_the_first(shop: RunningShop) -> None:
    first = await save_one(shop, make("a"))
    chinese = ProductDraft(
        slug="a",
        name="茶",
        categories=("饮料", "热饮"),
        options=("重量",),
        variants=(VariantDraft(sku="a-50", options=("50克",), price_minor=8800),),
    )
    second = await save_one(shop, chinese, currency="CNY", locale="zh-Hans")
    assert second.outcome is Outcome.CHANGED
    fifty, hundred = first.variants["a-50"], first.variants["a-100"]
    async with shop.context(currency="CNY", locale="zh-Hans") as ctx:
        sold = await service.find_sellables(ctx, [fifty, hundred])
        categories = await service.find_categories(ctx, [first.product_id])
    assert sold == {
        fifty: Sellable(
            variant_id=fifty,
            product_id=first.product_id,
            sku="a-50",
            name={EN: "Tea a", ZH: "茶"},
            options=(
                OptionChoice(name={EN: "Weight", ZH: "重量"}, value={EN: "50 g", ZH: "50克"}),
            ),
            track_stock=True,
            price_minor=8800,
        ),
        hundred: Sellable(
            variant_id=hundred,
            product_id=first.product_id,
            sku="a-100",
            name={EN: "Tea a", ZH: "茶"},
            options=(OptionChoice(name={EN: "Weight", ZH: "重量"}, value={EN: "100 g"}),),
            track_stock=True,
            price_minor=None,
        ),
    }
    assert [one.name for one in categories[first.product_id]] == [
        {EN: "Drinks", ZH: "饮料"},
        {EN: "Hot drinks", ZH: "热饮"},
    ]
    assert [one.slug for one in categories[first.product_id]] == ["drinks", "hot-drinks"]


async def test_both_languages_told_again_change_nothing(shop: RunningShop) -> None:
    chinese = make("a", name="茶", categories=("饮料", "热饮"), collections=("新品",),
                   attributes=(("产地", "安徽"), ("厂家", "蕨岭")), options=("重量",))  # fmt: skip
    await save_one(shop, make("a"))
    await save_one(shop, chinese, currency="CNY", locale="zh-Hans")
    before = await shop.snapshot()
    shop.clock.advance(hours=1)
    outcomes = [
        (await save_one(shop, make("a"))).outcome,
        (await save_one(shop, chinese, currency="CNY", locale="zh-Hans")).outcome,
    ]
    assert outcomes == [Outcome.UNCHANGED, Outcome.UNCHANGED]
    assert await shop.snapshot() == before


async def test_a_refused_draft_leaves_no_trace_and_the_others_are_stored(shop: RunningShop) -> None:
    await save_one(shop, make("a"))
    before = await shop.snapshot()
    taken = make("b", categories=("Never",), variants=(VariantDraft(sku="a-50", options=("1",)),))
    nameless = make("c", name="", collections=("Never",))
    results = await save(shop, taken, nameless)
    assert [type(one.error) for one in results if isinstance(one, Refused)] == [
        SkuTaken,
        ProductInvalid,
    ]
    assert await shop.snapshot() == before
    results = await save(shop, taken, make("d"))
    assert [type(one) for one in results] == [Refused, Saved]
    assert {row["slug"] for row in await shop.rows("product")} == {"a", "d"}


async def test_text_that_no_database_can_hold_is_refused_before_it_is_asked(
    shop: RunningShop,
) -> None:
    before = await shop.snapshot()
    results = await save(shop, make("a", slug="a\0b"), make("b", name="\ud800"))
    assert [str(one.error) for one in results if isinstance(one, Refused)] == [
        "Product 'a\\x00b' cannot be stored: a text has the character U+0000.",
        "Product 'b' cannot be stored: a text has half a character (a lone surrogate).",
    ]
    assert await shop.snapshot() == before


async def test_unpublished_means_not_listed_and_can_be_taken_back(shop: RunningShop) -> None:
    saved = await save_one(shop, make("a", published=False))
    (variant_id, *_) = saved.variants.values()

    async def seen() -> tuple[bool, bool, int, int]:
        async with shop.context() as ctx:
            page = service.product_page(None, None, ProductSort.NEWEST)
            found = await service.find_products(ctx, page, ProductFilter(), ProductSort.NEWEST)
            return (
                await service.find_product(ctx, slug="a") is not None,
                variant_id in await service.find_variants_by_ids(ctx, [variant_id]),
                len(await service.find_sellables(ctx, [variant_id])),
                len(found.rows),
            )

    assert await seen() == (False, False, 0, 0)
    async with shop.context(viewer=STAFF) as ctx:
        assert await service.find_product(ctx, slug="a", everywhere=True) is not None
        assert variant_id in await service.find_variants_by_ids(ctx, [variant_id])
    assert (await save_one(shop, make("a"))).outcome is Outcome.CHANGED
    assert await seen() == (True, True, 1, 1)
    assert (await save_one(shop, make("a", published=False))).outcome is Outcome.CHANGED
    assert await seen() == (False, False, 0, 0)


async def test_the_number_of_statements_does_not_depend_on_that_of_drafts(
    shop: RunningShop,
) -> None:
    async def count(numbers: range) -> tuple[int, int, int]:
        sent = []
        for price in (100, 100, 200):
            variants = [
                VariantDraft(sku=f"{n}", options=("x",), price_minor=price) for n in numbers
            ]
            drafts = [
                make(f"p{n}", variants=(variant,))
                for n, variant in zip(numbers, variants, strict=True)
            ]
            with shop.count_statements() as statements:
                results = await save(shop, *drafts)
            assert all(isinstance(result, Saved) for result in results)
            sent.append(len(statements))
        created, unchanged, changed = sent
        return created, unchanged, changed

    # The first makes the price list and what products share.
    await count(range(1))
    assert await count(range(1, 2)) == await count(range(2, 102))


async def test_two_savers_at_once_share_what_both_would_make(shop: RunningShop) -> None:
    results = await asyncio.gather(*(save_one(shop, make(f"p{n}")) for n in range(6)))
    assert [one.outcome for one in results] == [Outcome.CREATED] * 6
    assert sorted(row["slug"] for row in await shop.rows("category")) == ["drinks", "hot-drinks"]
    assert len(await shop.rows("price_list")) == 1


async def test_a_price_is_set_where_there_was_one_and_where_there_was_none(
    shop: RunningShop,
) -> None:
    saved = await save_one(shop, make("a"))
    variant_id = saved.variants["a-50"]
    async with shop.context(viewer=STAFF) as ctx:
        for price in (Money(555, EUR), Money(4_200, CNY)):
            changed = await service.set_price(ctx, variant_id, price, channel="main")
            assert changed.sku == "a-50"
    for price in (Money(555, EUR), Money(4_200, CNY)):
        async with shop.context(currency=price.currency) as ctx:
            assert await service.find_prices(ctx, [variant_id]) == {variant_id: price}


async def test_a_price_is_not_set_for_what_there_is_not(shop: RunningShop) -> None:
    saved = await save_one(shop, make("a"))
    variant_id = saved.variants["a-50"]
    before = await shop.snapshot()
    async with shop.context(viewer=STAFF) as ctx:
        with pytest.raises(VariantUnknown):
            await service.set_price(ctx, VariantId(new_id()), Money(1, EUR), channel="main")
        with pytest.raises(ChannelUnknown):
            await service.set_price(ctx, variant_id, Money(1, EUR), channel="moon")
        with pytest.raises(CurrencyNotSold):
            await service.set_price(ctx, variant_id, Money(1, Currency("USD")), channel="main")
    assert await shop.snapshot() == before


async def test_variants_are_found_by_their_skus(shop: RunningShop) -> None:
    saved = await save_one(shop, make("a"))
    async with shop.context() as ctx:
        found = await service.find_variant_ids(ctx, ["a-50", "none", "a-50"])
    assert found == {"a-50": saved.variants["a-50"]}


async def test_nothing_is_found_for_no_question(shop: RunningShop) -> None:
    await save_one(shop, make("a"))
    async with shop.context() as ctx:
        assert await service.find_product(ctx) is None
        assert await service.find_product(ctx, slug="a", product_id=ProductId(new_id())) is None
        assert await service.find_sellables(ctx, []) == {}


async def names_of(shop: RunningShop, **asked: Any) -> list[str]:
    """Names of the products that a filter finds, by name, and as many are counted."""
    async with shop.context(locale=asked.pop("locale", "en")) as ctx:
        page = service.product_page(None, None, ProductSort.NAME)
        wanted = ProductFilter(**asked)
        found = await service.find_products(ctx, page, wanted, ProductSort.NAME)
        assert await service.count_products(ctx, wanted) == len(found.rows)
        return [one.name.get(ctx.scope.locales[0], one.slug) for one in found.rows]


async def test_filters_find_what_fits_all_of_them(shop: RunningShop) -> None:
    await save(
        shop,
        make("a", name="Green 100% LEAF", attributes=(("Origin", "Anhui"), ("Tin", "Red"))),
        make("b", name="Black_tea", categories=("Cold drinks",), attributes=(("Tin", "Red"),)),
        make("c", name="Äpfel", collections=("Old",), attributes=()),
    )
    await save(
        shop,
        make("a", name="绿茶", attributes=(("产地", "安徽"), ("罐", "红")), categories=(),
             collections=(), media=(), options=("重",)),
        locale="zh-Hans",
    )  # fmt: skip
    assert await names_of(shop) == ["Black_tea", "Green 100% LEAF", "Äpfel"]
    assert await names_of(shop, text="leaf") == ["Green 100% LEAF"]
    assert await names_of(shop, text="green 100%") == ["Green 100% LEAF"]
    # What has no letter and no digit is in no name; a box with nothing in it asks for nothing.
    assert await names_of(shop, text="%") == []
    assert await names_of(shop, text="_") == []
    assert await names_of(shop, text=" ") == ["Black_tea", "Green 100% LEAF", "Äpfel"]
    assert await names_of(shop, text="ÄPFEL") == ["Äpfel"]
    assert await names_of(shop, text="B-100") == ["Black_tea"]
    assert await names_of(shop, text="cold") == ["Black_tea"]
    assert await names_of(shop, text="绿茶") == ["Green 100% LEAF"]
    assert await names_of(shop, text="\\") == []
    assert await names_of(shop, category="drinks") == ["Green 100% LEAF", "Äpfel"]
    assert await names_of(shop, category="none") == []
    assert await names_of(shop, collection="old") == ["Äpfel"]
    assert await names_of(shop, attributes=(("origin", "anhui"),)) == ["Green 100% LEAF"]
    assert await names_of(shop, attributes=(("产地", "安徽"),)) == ["Green 100% LEAF"]
    assert await names_of(shop, attributes=(("Tin", "Red"),)) == ["Black_tea", "Green 100% LEAF"]
    assert await names_of(shop, attributes=(("Tin", "Red"), ("Origin", "Anhui"))) == [
        "Green 100% LEAF"
    ]
    assert await names_of(shop, attributes=(("Origin", "Red"),)) == []
    assert await names_of(shop, text="tea", category="cold-drinks") == ["Black_tea"]
    # Those without a Chinese name stand where their English one does.
    assert await names_of(shop, locale="zh-Hans") == ["b", "c", "绿茶"]


@pytest.mark.parametrize("sort", list(ProductSort))
async def test_pages_hold_every_product_once_in_their_order(
    shop: RunningShop, sort: ProductSort
) -> None:
    slugs = ["d", "b", "c", "a", "e"]
    await save(shop, *(make(slug, name="same" if slug in "bc" else slug) for slug in slugs))
    seen: list[str] = []
    after: str | None = None
    async with shop.context() as ctx:
        while True:
            page = service.product_page(2, after, sort)
            found = await service.find_products(ctx, page, ProductFilter(), sort)
            seen += [one.slug for one in found.rows]
            if not found.has_next:
                break
            after = cursor(found.keys[-1])
    expected = {
        ProductSort.OLDEST: slugs,
        ProductSort.NEWEST: slugs[::-1],
        ProductSort.NAME: ["a", "d", "e", "b", "c"],
        # All cost the same.
        ProductSort.PRICE_LOWEST_FIRST: slugs,
        ProductSort.PRICE_HIGHEST_FIRST: slugs[::-1],
        # Without a text all fit as well.
        ProductSort.RELEVANCE: slugs[::-1],
    }
    assert seen == expected[sort]
