"""A search that much fits: the same pages in the same order, without ranking all that it finds."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from core.tests.catalog.test_searching import save, search
from sqlalchemy import event
from sqlalchemy import text as sql
from sqlalchemy.engine import Engine

from koipond.catalog import service
from koipond.catalog.repository import seeking
from koipond.catalog.types import ProductFilter, ProductSort
from koipond.kernel.pages import cursor
from koipond_sdk.testing.shop import RunningShop

ALL = 1_000_000
SYLLABLES = ["te", "tea", "a", "pot", "茶", "壶", "red", "teapot", "ea"]


@pytest.mark.slow
@pytest.mark.parametrize(("many", "first"), [(0, 3), (2, 2), (5, 5)])
async def test_pages_are_the_same_however_few_hits_are_ranked_at_once(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch, many: int, first: int
) -> None:
    chance = random.Random(many)
    names = [
        " ".join(chance.choice(SYLLABLES) + chance.choice(["", *SYLLABLES]) for _ in range(2))
        for _ in range(12)
    ]
    await save(shop, names)
    # Some have other words in a language that is understood too.
    await save(shop, [f"{chance.choice(SYLLABLES)} {name}" for name in names[:6]], "zh-Hans")
    for text in ("te", "ea", "a", "茶"):
        for locale in ("en", "zh-Hans"):
            monkeypatch.setattr(seeking, "MANY", ALL)
            wanted = await search_slugs(shop, text, locale, 100)
            monkeypatch.setattr(seeking, "MANY", many)
            assert await search_slugs(shop, text, locale, first) == wanted
            assert len(wanted) == len(set(wanted))
    assert await search(shop, "zz") == []


async def search_slugs(shop: RunningShop, text: str, locale: str, first: int) -> list[str]:
    """What a text finds, page by page."""
    wanted, sort = ProductFilter(text=text), ProductSort.RELEVANCE
    slugs: list[str] = []
    after: str | None = None
    async with shop.context(locale=locale) as ctx:
        while True:
            page = service.product_page(first, after, sort)
            found = await service.find_products(ctx, page, wanted, sort)
            slugs += [one.slug for one in found.rows]
            if not found.has_next:
                return slugs
            after = cursor(found.keys[-1])


COPY = """
INSERT INTO product SELECT (jsonb_populate_record(p, jsonb_build_object(
    'id', gen_random_uuid(), 'slug', 'copy-' || n))).*
FROM product p, generate_series(1, 6000) n WHERE p.slug = 'p0';
INSERT INTO product_search SELECT (jsonb_populate_record(s, jsonb_build_object(
    'product_id', c.id, 'number', 10 + row_number() OVER ()))).*
FROM product_search s, product p, product c
WHERE p.slug = 'p0' AND s.product_id = p.id AND c.slug LIKE 'copy-%';
INSERT INTO product_listing SELECT (jsonb_populate_record(l, jsonb_build_object(
    'product_id', c.id))).*
FROM product_listing l, product p, product c
WHERE p.slug = 'p0' AND l.product_id = p.id AND c.slug LIKE 'copy-%'"""


@pytest.mark.slow
@pytest.mark.parametrize("text", ["tea", "te", "ea", "green te"])
async def test_the_rows_that_are_read_do_not_grow_with_the_hits(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    if shop.shop.database.is_sqlite:
        return  # It tells no numbers of rows, and reads the index only.
    await save(shop, ["green tea"])
    async with shop.shop.database.writer.begin() as db:
        for statement in COPY.split(";"):
            await db.execute(sql(statement))
        await db.execute(sql("ANALYZE"))
    monkeypatch.setattr(seeking, "MANY", 200)
    sent: list[tuple[str, Any]] = []

    def note(_db: object, _cursor: object, statement: str, given: Any, *_: object) -> None:
        sent.append((statement, given))

    wanted, sort = ProductFilter(text=text), ProductSort.RELEVANCE
    event.listen(Engine, "before_cursor_execute", note)
    try:
        async with shop.context() as ctx:
            page = service.product_page(20, None, sort)
            found = await service.find_products(ctx, page, wanted, sort)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len(found.rows) == 20
    for statement, given in sent:
        async with shop.shop.database.writer.begin() as db:
            asked = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
            told = (await db.exec_driver_sql(asked, given)).scalar_one()
        plan = told if isinstance(told, list) else json.loads(told)
        read = {one["Node Type"]: one["Actual Rows"] * one["Actual Loops"] for one in nodes(plan)}
        # The index is asked where all hits are; of their rows, in two languages, no more are read.
        read.pop("Bitmap Index Scan", None)
        assert max(read.values()) <= 2 * 200 + 1, (read, statement)


def nodes(plan: Any) -> Iterator[dict[str, Any]]:
    for one in plan:
        node = one.get("Plan", one)
        yield node
        yield from nodes(node.get("Plans", []))
