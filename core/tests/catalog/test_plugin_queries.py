"""Filters and orders of products that plugins add, compared with naive Python on both databases."""

import random
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest
import pytest_asyncio
from core.tests.graphql.toys import toy
from sqlalchemy import BigInteger, Column, MetaData, Select, String, Table, Uuid, select

from koipond.app import make_hooks, make_schemas
from koipond.catalog import service
from koipond.catalog.types import (
    CatalogFilter,
    CatalogSort,
    ProductDraft,
    ProductFilter,
    ProductSort,
    Saved,
    Subject,
    Telling,
    VariantDraft,
)
from koipond.graphql.assembly import build_schemas
from koipond.kernel.db import Instant
from koipond.kernel.ids import new_id
from koipond.kernel.pages import cursor
from koipond.kernel.schema import SchemaConflict
from koipond_sdk.testing import STAFF, RunningShop, running_shop
from koipond_sdk.testing.clock import START

pytestmark = pytest.mark.story

metadata = MetaData()
rank_product = Table(
    "rank_product",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("product_id", Uuid, nullable=True),
    Column("place", BigInteger, nullable=True),
    Column("ends_at", Instant, nullable=True),
)
rank_variant = Table(
    "rank_variant",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("variant_id", Uuid, nullable=False),
    Column("place", BigInteger, nullable=True),
    Column("word", String(10), nullable=True),
)


def rows_of(*columns: Any) -> Any:
    def rows(now: datetime) -> Select[Any]:
        return select(*columns)

    return rows


def still_running(now: datetime) -> Select[Any]:
    return select(rank_product.c.product_id).where(rank_product.c.ends_at > now)


RANKED = CatalogFilter(
    name="ranked",
    means="It has a place.",
    rows=rows_of(rank_variant.c.variant_id),
    of=Subject.VARIANT,
)
RUNNING = CatalogFilter(name="still_running", means="It has not ended.", rows=still_running)
PLACE = CatalogSort(
    name="place",
    means="The best first.",
    rows=rows_of(rank_product.c.product_id, rank_product.c.place),
    kind=int,
)
ENDING_LAST = CatalogSort(
    name="ending_last",
    means="What ends last comes first.",
    rows=rows_of(rank_product.c.product_id, rank_product.c.ends_at),
    kind=datetime,
    descending=True,
)
VARIANT_PLACE = CatalogSort(
    name="variant_place",
    means="The product of the best variant first.",
    rows=rows_of(rank_variant.c.variant_id, rank_variant.c.place),
    kind=int,
    of=Subject.VARIANT,
    descending=True,
)
WORD = CatalogSort(
    name="word",
    means="By a word.",
    rows=rows_of(rank_variant.c.variant_id, rank_variant.c.word),
    kind=str,
    of=Subject.VARIANT,
)
RANK = toy("rank", queries_products=[RANKED, RUNNING, PLACE, ENDING_LAST, VARIANT_PLACE, WORD])


class Ware(NamedTuple):
    """A product, and what the plugin's tables say of it."""

    id: UUID
    slug: str
    listed: bool
    places: list[int]
    ends: list[datetime]
    variant_places: list[int]
    words: list[str]
    has_variant_row: bool


@pytest_asyncio.fixture
async def shop(database_url: str) -> AsyncIterator[RunningShop]:
    async with running_shop(database_url, plugins=[RANK]) as running:
        async with running.shop.database.writer.begin() as db:
            await db.run_sync(metadata.create_all)
        yield running
        async with running.shop.database.writer.begin() as db:
            await db.run_sync(metadata.drop_all)


async def stock_up(shop: RunningShop, chance: random.Random, count: int) -> list[Ware]:
    """Make products with two variants each, and rows about some of them: ties, gaps and NULLs."""
    drafts = [
        ProductDraft(
            slug=f"p{number}",
            name=f"p{number}",
            published=chance.random() < 0.8,
            options=("Size",),
            variants=(
                VariantDraft(sku=f"{number}-a", options=("a",)),
                VariantDraft(sku=f"{number}-b", options=("b",)),
            ),
        )
        for number in range(count)
    ]
    async with shop.context(viewer=STAFF) as ctx:
        telling = Telling(
            locale=ctx.scope.locales[0],
            channel_id=ctx.scope.channel_id,
            currency=ctx.scope.currency,
        )
        saved = list(await service.save_products(ctx, drafts, telling))
    made = [one for one in saved if isinstance(one, Saved)]
    wares, products, variants = [], [], []
    for draft, one in zip(drafts, made, strict=True):
        own = [
            {
                "id": new_id(),
                "product_id": one.product_id,
                "place": chance.choice([None, 1, 1, 2, 3]),
                "ends_at": chance.choice([None, START, START + timedelta(hours=1)]),
            }
            for _ in range(chance.choice([0, 0, 1, 2]))
        ]
        of_variants = [
            {
                "id": new_id(),
                "variant_id": variant_id,
                "place": chance.choice([None, 1, 2]),
                "word": chance.choice([None, "a", "b"]),
            }
            for variant_id in one.variants.values()
            if chance.random() < 0.5
        ]
        products += own
        variants += of_variants
        wares.append(
            Ware(
                id=one.product_id,
                slug=one.slug,
                listed=draft.published,
                places=[row["place"] for row in own if row["place"] is not None],
                ends=[row["ends_at"] for row in own if row["ends_at"] is not None],
                variant_places=[r["place"] for r in of_variants if r["place"] is not None],
                words=[row["word"] for row in of_variants if row["word"] is not None],
                has_variant_row=bool(of_variants),
            )
        )
    products.append({"id": new_id(), "product_id": new_id(), "place": 1, "ends_at": None})
    products.append({"id": new_id(), "product_id": None, "place": 1, "ends_at": None})
    variants.append({"id": new_id(), "variant_id": new_id(), "place": 1, "word": "a"})
    async with shop.shop.database.writer.begin() as db:
        await db.execute(rank_product.insert(), products)
        await db.execute(rank_variant.insert(), variants)
    return wares


def keys_of(ware: Ware, sort: CatalogSort) -> Sequence[Any]:
    return {
        "place": ware.places,
        "ending_last": ware.ends,
        "variant_place": ware.variant_places,
        "word": ware.words,
    }[sort.name]


def naive(
    wares: Sequence[Ware], sort: CatalogSort, plugins: dict[str, bool], *, everywhere: bool
) -> list[str]:
    """Return the slugs in order, by plain Python."""
    wanted = [one for one in wares if one.listed or everywhere]
    if "ranked" in plugins:
        wanted = [one for one in wanted if one.has_variant_row == plugins["ranked"]]
    if "still_running" in plugins:
        wanted = [
            one
            for one in wanted
            if any(end > START for end in one.ends) == plugins["still_running"]
        ]
    best = max if sort.descending else min
    keyed = [(best(keys_of(one, sort)), one) for one in wanted if keys_of(one, sort)]
    keyed.sort(key=lambda pair: pair[1].id)
    # Sorting is stable, in reverse as well: ties stay by id.
    keyed.sort(key=lambda pair: pair[0], reverse=sort.descending)
    last = sorted((one for one in wanted if not keys_of(one, sort)), key=lambda one: one.id)
    return [one.slug for _, one in keyed] + [one.slug for one in last]


@pytest.mark.parametrize("seed", range(3))
async def test_pages_are_those_of_naive_python(shop: RunningShop, seed: int) -> None:
    chance = random.Random(seed)
    wares = await stock_up(shop, chance, 14)
    async with shop.context() as ctx:
        for sort in (PLACE, ENDING_LAST, VARIANT_PLACE, WORD):
            for plugins in ({}, {"ranked": True}, {"ranked": False, "still_running": True}):
                everywhere = chance.random() < 0.5
                wanted = ProductFilter(plugins=plugins)
                expected = naive(wares, sort, plugins, everywhere=everywhere)
                seen: list[str] = []
                after: str | None = None
                while True:
                    page = service.product_page(chance.choice([1, 2, 5]), after, sort)
                    found = await service.find_products(
                        ctx, page, wanted, sort, everywhere=everywhere
                    )
                    seen += [one.slug for one in found.rows]
                    if not found.has_next:
                        break
                    after = cursor(found.keys[-1])
                assert seen == expected
                count = await service.count_products(ctx, wanted, everywhere=everywhere)
                assert count == len(expected)


async def test_filters_and_orders_of_plugins_cost_no_statement_more(shop: RunningShop) -> None:
    await stock_up(shop, random.Random(1), 6)
    counts = []
    async with shop.context() as ctx:
        for sort, plugins in (
            (ProductSort.NEWEST, {}),
            (VARIANT_PLACE, {"ranked": True, "still_running": False}),
        ):
            page = service.product_page(5, None, sort)
            with shop.count_statements() as sent:
                await service.find_products(ctx, page, ProductFilter(plugins=plugins), sort)
            counts.append(len(sent))
    assert counts == [1, 1]


async def test_a_filter_is_asked_with_the_shop_s_time(shop: RunningShop) -> None:
    wares = await stock_up(shop, random.Random(2), 8)
    running = sum(1 for one in wares if any(end > START for end in one.ends))
    assert running > 0
    wanted = ProductFilter(plugins={"still_running": True})
    async with shop.context(viewer=STAFF) as ctx:
        assert await service.count_products(ctx, wanted, everywhere=True) == running
        shop.clock.set(START + timedelta(hours=1))
        assert await service.count_products(ctx, wanted, everywhere=True) == 0


LIST = """
query ($after: String, $filter: ProductFilter, $sort: ProductSort) {
  products(first: 4, after: $after, filter: $filter, sort: $sort) {
    totalCount nodes { slug } pageInfo { endCursor hasNextPage }
  }
}
"""


@pytest.mark.parametrize("admin", [False, True])
async def test_storefronts_and_staff_filter_and_sort_by_name(
    shop: RunningShop, admin: bool
) -> None:
    wares = await stock_up(shop, random.Random(3), 12)
    expected = naive(wares, ENDING_LAST, {"ranked": False}, everywhere=admin)
    seen: list[str] = []
    asked: dict[str, Any] = {
        "sort": "ENDING_LAST",
        "filter": {"plugins": {"ranked": False, "stillRunning": None}},
    }
    while True:
        answer = await shop.graphql(LIST, asked, viewer=STAFF, admin=admin)
        assert "errors" not in answer, answer
        page = answer["data"]["products"]
        assert page["totalCount"] == len(expected)
        seen += [one["slug"] for one in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        asked["after"] = page["pageInfo"]["endCursor"]
    assert seen == expected


async def test_core_s_own_orders_stay_beside_those_of_plugins(shop: RunningShop) -> None:
    wares = await stock_up(shop, random.Random(4), 3)
    for sort, expected in (
        ("OLDEST", [one.slug for one in wares]),
        ("NEWEST", [one.slug for one in wares[::-1]]),
    ):
        answer = await shop.graphql(LIST, {"sort": sort}, viewer=STAFF, admin=True)
        assert [one["slug"] for one in answer["data"]["products"]["nodes"]] == expected


async def test_a_cursor_of_another_order_is_refused(shop: RunningShop) -> None:
    after = cursor(("word", str(new_id())))
    answer = await shop.graphql(LIST, {"sort": "PLACE", "after": after})
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_the_schema_has_them_with_their_words_only_with_the_plugin() -> None:
    with_it, without = make_schemas((RANK,)), make_schemas(())
    for text in (str(with_it.storefront), str(with_it.admin)):
        assert "  plugins: ProductPluginsFilter = null" in text
        assert '  """It has not ended."""\n  stillRunning: Boolean = null' in text
        assert (
            "_HIGHEST_FIRST\n  RELEVANCE\n  PLACE\n  ENDING_LAST\n  VARIANT_PLACE\n  WORD\n" in text
        )
        assert "ENDING_LAST: What ends last comes first." in text
    for text in (str(without.storefront), str(without.admin)):
        assert "ProductPluginsFilter" not in text
        assert "ENDING_LAST" not in text


def test_what_is_wrong_with_a_plugin_s_queries_is_told_at_start() -> None:
    def broken(now: datetime) -> Select[Any]:
        raise KeyError("rank")

    other = toy(
        "other",
        queries_products=[
            CatalogFilter(name="ranked", means="", rows=still_running),
            CatalogFilter(name="notSnake", means="", rows=still_running),
            CatalogFilter(name="wide", means="", rows=PLACE.rows),
            CatalogFilter(name="broken", means="", rows=broken),
            CatalogSort(name="newest", means="", rows=still_running, kind=int),
        ],
    )
    plugins = (other, RANK)
    with pytest.raises(SchemaConflict) as refused:
        build_schemas(plugins, make_hooks(plugins))
    assert str(refused.value).splitlines() == [
        "other: the filter broken cannot be asked for its rows: KeyError('rank')",
        "other: the filter notSnake is named in another way than words_like_this: rename it",
        "other: the filter wide selects 2 columns: select the id",
        "other: the sort newest is already declared by koipond: rename yours",
        "other: the sort newest selects 1 columns: select the id, then the key",
        "rank: the filter ranked is already declared by other: rename yours",
    ]
