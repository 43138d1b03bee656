"""Lists in every order under every filter, compared with naive Python on both databases."""

import json
import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
import pytest
from core.tests.catalog.test_ranking import nodes
from sqlalchemy import event
from sqlalchemy import text as sql
from sqlalchemy.engine import Engine

from koipond.catalog import repository, service
from koipond.catalog.repository import seeking
from koipond.catalog.tables import product_search
from koipond.catalog.types import (
    PriceRule,
    PriceRuleWish,
    ProductDraft,
    ProductFilter,
    ProductSort,
    Saved,
    Telling,
    VariantDraft,
)
from koipond.kernel.context import Context
from koipond.kernel.ids import PriceRuleId, ProductId, VariantId, new_id
from koipond.kernel.money import Money
from koipond.kernel.pages import cursor
from koipond.member.tables import member_group
from koipond_sdk.testing.clock import START
from koipond_sdk.testing.shop import STAFF, RunningShop

pytestmark = pytest.mark.story

ALL = 1_000_000
AMOUNTS = [None, 0, 100, 100, 200, 300]
HOUR = timedelta(hours=1)
LOW, HIGH = ProductSort.PRICE_LOWEST_FIRST, ProductSort.PRICE_HIGHEST_FIRST


class Ware(NamedTuple):
    """A product. costs: {variant: what it costs now} of those that have a price."""

    id: ProductId
    draft: ProductDraft
    costs: dict[VariantId, int]
    in_stock: bool

    def cheapest(self, wanted: ProductFilter) -> tuple[int, VariantId]:
        least, most = wanted.least_minor or 0, wanted.most_minor or ALL
        return min((cost, key) for key, cost in self.costs.items() if least <= cost <= most)


async def stock_up(shop: RunningShop, chance: random.Random, count: int) -> list[Ware]:
    """Make products of one to three variants, with ties, gaps and rules of all kinds."""
    drafts = [
        ProductDraft(
            slug=f"p{number}",
            name=f"{chance.choice(['tea', 'Tea', 'pot'])} {chance.choice('ab')}",
            published=chance.random() < 0.8,
            categories=tuple({chance.choice(["Drinks", "Goods"]) for _ in range(2)}),
            collections=("New",) if chance.random() < 0.5 else (),
            attributes=(("Grade", chance.choice(["A", "B"])),),
            options=("Size",),
            variants=tuple(
                VariantDraft(
                    sku=f"{number}-{nth}",
                    options=(f"{nth}",),
                    price_minor=chance.choice(AMOUNTS),
                    track_stock=chance.random() < 0.7,
                )
                for nth in range(chance.choice([1, 2, 3]))
            ),
        )
        for number in range(count)
    ]
    async with shop.context(viewer=STAFF) as ctx:
        saved = await service.save_products(ctx, drafts, telling(ctx))
    wares = []
    for draft, one in zip(drafts, saved, strict=True):
        assert isinstance(one, Saved)
        costs = {
            one.variants[told.sku]: told.price_minor
            for told in draft.variants
            if told.price_minor is not None
        }
        in_stock = any(not told.track_stock for told in draft.variants)
        wares.append(Ware(one.product_id, draft, costs, in_stock))
    await rule(shop, chance, wares)
    return wares


def telling(ctx: Context) -> Telling:
    scope = ctx.scope
    return Telling(locale=scope.locales[0], channel_id=scope.channel_id, currency=scope.currency)


async def rule(shop: RunningShop, chance: random.Random, wares: Sequence[Ware]) -> None:
    """Have rules say other prices, some of which hold now for everyone from one unit."""
    async with shop.context(viewer=STAFF) as ctx:
        scope = ctx.scope
        async with ctx.reading() as db:
            key = await repository.find_price_list(db, scope.channel_id, scope.currency)
        assert key is not None
    async with shop.shop.database.writer.begin() as db:
        await db.execute(member_group.insert().values(code="some", name="Some"))
        for ware in wares:
            for variant_id in ware.costs:
                for kind in ("now", "over", "later", "from two", "for some"):
                    if chance.random() < 0.6:
                        continue
                    amount = chance.choice([0, 50, 100, 250])
                    starts_at, ends_at = {
                        "now": (chance.choice([None, START]), chance.choice([None, START + HOUR])),
                        "over": (START - HOUR, START),
                        "later": (START + HOUR, START + 2 * HOUR),
                        "from two": (None, None),
                        "for some": (None, None),
                    }[kind]
                    told = PriceRule(
                        id=PriceRuleId(new_id()),
                        price_list_id=key,
                        variant_id=variant_id,
                        from_quantity=2 if kind == "from two" else 1,
                        group_code="some" if kind == "for some" else None,
                        currency=scope.currency,
                        amount_minor=amount,
                        starts_at=starts_at,
                        ends_at=ends_at,
                    )
                    await repository.save_rule(db, told)
                    if kind == "now":
                        ware.costs[variant_id] = amount


def naive(
    wares: Sequence[Ware], wanted: ProductFilter, sort: ProductSort, *, everywhere: bool
) -> list[str]:
    """Return the slugs in order, by plain Python."""
    listed = [one for one in wares if one.draft.published or everywhere]
    if sort in {LOW, HIGH}:
        priced = [one for one in listed if one.costs]
        priced.sort(key=lambda one: one.cheapest(wanted), reverse=sort is HIGH)
        last = sorted((one for one in listed if not one.costs), key=lambda one: one.id)
        return [one.draft.slug for one in (*priced, *last)]
    if sort is ProductSort.NAME:
        listed.sort(key=lambda one: (one.draft.name.casefold(), one.id))
    else:
        listed.sort(key=lambda one: one.id, reverse=sort is not ProductSort.OLDEST)
    return [one.draft.slug for one in listed]


FILTERS: Sequence[tuple[dict[str, Any], Callable[[Ware], bool]]] = [
    ({}, lambda ware: True),
    ({"category": "drinks"}, lambda ware: "Drinks" in ware.draft.categories),
    ({"collection": "new"}, lambda ware: "New" in ware.draft.collections),
    ({"attributes": (("Grade", "A"),)}, lambda ware: ("Grade", "A") in ware.draft.attributes),
    ({"in_stock": False}, lambda ware: not ware.in_stock),
    ({"least_minor": 100}, lambda ware: any(it >= 100 for it in ware.costs.values())),
    ({"most_minor": 50}, lambda ware: any(it <= 50 for it in ware.costs.values())),
    (
        {"least_minor": 100, "most_minor": 200, "text": "TEA", "category": "goods"},
        lambda ware: (
            any(100 <= it <= 200 for it in ware.costs.values())
            and "tea" in ware.draft.name.casefold()
            and "Goods" in ware.draft.categories
        ),
    ),
]


@pytest.mark.parametrize("many", [0, 4, ALL])
@pytest.mark.parametrize("seed", range(2))
async def test_pages_are_those_of_naive_python(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch, seed: int, many: int
) -> None:
    monkeypatch.setattr(seeking, "MANY", many)
    chance = random.Random(seed)
    wares = await stock_up(shop, chance, 16)
    async with shop.context() as ctx:
        for asked, fits in FILTERS:
            wanted, fitting = ProductFilter(**asked), [one for one in wares if fits(one)]
            for sort in ProductSort:
                if sort is ProductSort.RELEVANCE and wanted.text:
                    continue  # test_ranking.py
                everywhere = chance.random() < 0.5
                expected = naive(fitting, wanted, sort, everywhere=everywhere)
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
                assert seen == expected, (asked, sort)
                assert await service.count_products(ctx, wanted, everywhere=everywhere) == len(seen)


async def test_the_price_of_an_hour_is_sorted_by_for_an_hour(shop: RunningShop) -> None:
    drafts = [one_variant("a", price_minor=100), one_variant("b", price_minor=200)]
    async with shop.context(viewer=STAFF) as ctx:
        saved = await service.save_products(ctx, drafts, telling(ctx))
        assert isinstance(saved[1], Saved)
        wish = PriceRuleWish(
            variant_id=saved[1].variants["b"],
            channel="main",
            price=Money(50, ctx.scope.currency),
            from_quantity=1,
            ends_at=START + HOUR,
        )
        await service.set_price_rule(ctx, wish)
    assert await slugs(shop, LOW) == ["b", "a"]
    assert await slugs(shop, HIGH) == ["a", "b"]
    shop.clock.set(START + HOUR)
    assert await slugs(shop, LOW) == ["a", "b"]


async def test_what_is_not_sold_in_a_currency_comes_last_there(shop: RunningShop) -> None:
    for currency, price in (("EUR", 100), ("CNY", 900)):
        async with shop.context(viewer=STAFF, currency=currency) as ctx:
            await service.save_products(ctx, [one_variant("a", price_minor=price)], telling(ctx))
    async with shop.context(viewer=STAFF, currency="CNY") as ctx:
        drafts = [one_variant("b", price_minor=800), one_variant("c", price_minor=None)]
        await service.save_products(ctx, drafts, telling(ctx))
    assert await slugs(shop, LOW, currency="EUR") == ["a", "b", "c"]
    assert await slugs(shop, HIGH, currency="EUR") == ["a", "b", "c"]
    assert await slugs(shop, LOW, currency="CNY") == ["b", "a", "c"]


async def test_names_are_in_order_across_languages_and_what_has_none_comes_last(
    shop: RunningShop,
) -> None:
    for locale, names in (("zh-Hans", {"a": "m", "b": "x"}), ("en", {"b": "a", "c": "n"})):
        async with shop.context(viewer=STAFF, locale=locale) as ctx:
            drafts = [one_variant(slug, name=name) for slug, name in names.items()]
            await service.save_products(ctx, drafts, telling(ctx))
    # Each language falls back to the other.
    assert await slugs(shop, ProductSort.NAME, locale="en") == ["b", "a", "c"]
    assert await slugs(shop, ProductSort.NAME, locale="zh-Hans") == ["a", "c", "b"]
    async with shop.shop.database.writer.begin() as db:
        await db.execute(product_search.delete().where(product_search.c.name == "m"))
    assert await slugs(shop, ProductSort.NAME, locale="en") == ["b", "c", "a"]
    assert await slugs(shop, ProductSort.NAME, locale="zh-Hans") == ["c", "b", "a"]


COPY = """
INSERT INTO product SELECT (jsonb_populate_record(p, jsonb_build_object(
    'id', gen_random_uuid(), 'slug', 'copy-' || n))).*
FROM product p, generate_series(1, 6000) n WHERE p.slug = 'a';
INSERT INTO product_search SELECT (jsonb_populate_record(s, jsonb_build_object(
    'product_id', c.id, 'number', 10 + row_number() OVER (), 'name', c.slug))).*
FROM product_search s, product p, product c
WHERE p.slug = 'a' AND s.product_id = p.id AND c.slug LIKE 'copy-%';
INSERT INTO product_listing SELECT l.channel_id, c.id
FROM product_listing l, product c WHERE c.slug LIKE 'copy-%';
INSERT INTO product_category SELECT c.id, l.category_id, 0
FROM product_category l, product c WHERE c.slug LIKE 'copy-%';
INSERT INTO variant SELECT (jsonb_populate_record(v, jsonb_build_object(
    'id', gen_random_uuid(), 'product_id', c.id, 'sku', c.slug || n))).*
FROM variant v, product c, generate_series(1, 2) n WHERE c.slug LIKE 'copy-%';
INSERT INTO price SELECT l.id, v.id, split_part(v.sku, '-', 2)::integer, 1
FROM price_list l, variant v WHERE v.sku LIKE 'copy-%';
ANALYZE"""


@pytest.mark.slow
@pytest.mark.parametrize("sort", [LOW, HIGH, ProductSort.NAME, ProductSort.NEWEST])
@pytest.mark.parametrize(
    "asked", [{}, {"category": "all"}, {"least_minor": 0, "most_minor": 50_000}]
)
async def test_the_rows_that_are_read_do_not_grow_with_the_catalogue(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch, sort: ProductSort, asked: dict[str, Any]
) -> None:
    if shop.shop.database.is_sqlite:
        return  # It tells no numbers of rows.
    async with shop.context(viewer=STAFF) as ctx:
        draft = msgspec.structs.replace(one_variant("a"), categories=("All",))
        await service.save_products(ctx, [draft], telling(ctx))
    async with shop.shop.database.writer.begin() as db:
        for statement in COPY.split(";"):
            await db.execute(sql(statement))
    monkeypatch.setattr(seeking, "MANY", 200)
    sent: list[tuple[str, Any]] = []

    def note(_db: object, _cursor: object, statement: str, given: Any, *_: object) -> None:
        sent.append((statement, tuple(given)))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        async with shop.context() as ctx:
            page = service.product_page(20, None, sort)
            found = await service.find_products(ctx, page, ProductFilter(**asked), sort)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len(found.rows) == 20
    for statement, given in sent:
        async with shop.shop.database.writer.begin() as db:
            told = (
                await db.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", given)
            ).scalar_one()
        plan = told if isinstance(told, list) else json.loads(told)
        read = [one["Actual Rows"] * one["Actual Loops"] for one in nodes(plan)]
        assert max(read) <= 201, (read, statement)


def one_variant(slug: str, *, name: str = "tea", price_minor: int | None = 100) -> ProductDraft:
    return ProductDraft(
        slug=slug, name=name, variants=(VariantDraft(sku=slug, price_minor=price_minor),)
    )


async def slugs(shop: RunningShop, sort: ProductSort, **where: str) -> list[str]:
    """All in an order, one product on a page."""
    found: list[str] = []
    after: str | None = None
    async with shop.context(**where) as ctx:
        while True:
            page = service.product_page(1, after, sort)
            one = await service.find_products(ctx, page, ProductFilter(), sort)
            found += [row.slug for row in one.rows]
            if not one.has_next:
                return found
            after = cursor(one.keys[-1])
