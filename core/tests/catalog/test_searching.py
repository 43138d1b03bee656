"""Search by text: the same hits in the same order on both databases."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text as sql

from koipond.catalog import service
from koipond.catalog.repository.searching import closeness
from koipond.catalog.rules import asked_terms
from koipond.catalog.rules.searching import AskedTerm
from koipond.catalog.types import (
    ProductDraft,
    ProductFilter,
    ProductSort,
    Saved,
    Telling,
    VariantDraft,
)
from koipond.duties import audits_of
from koipond.kernel.invariants import run_audits
from koipond.kernel.pages import cursor
from koipond.kernel.texts import Locale
from koipond_sdk.testing.shop import STAFF, RunningShop

CHINESE = [
    "青花瓷茶壶",
    "茶",
    "红茶礼盒",
    "明前龙井 绿茶 250g",
    "5G手机壳",
    "纯棉T恤",
    "保温杯",
    "茉莉花茶",
    "花瓶",
    "北京大学纪念T恤",
]


async def save(shop: RunningShop, names: list[str], locale: str = "en", **changes: Any) -> None:
    drafts = [
        ProductDraft(
            slug=f"p{number}",
            name=name,
            **{"variants": (VariantDraft(sku=f"S{number}"),)} | changes,
        )
        for number, name in enumerate(names)
    ]
    async with shop.context(viewer=STAFF, locale=locale) as ctx:
        telling = Telling(
            locale=Locale(locale), channel_id=ctx.scope.channel_id, currency=ctx.scope.currency
        )
        results = await service.save_products(ctx, drafts, telling)
    assert all(isinstance(one, Saved) for one in results), results


async def search(
    shop: RunningShop, text: str, locale: str = "en", *, first: int = 100
) -> list[str]:
    """Names of what a text finds, by relevance, read page by page; as many are counted."""
    wanted, sort = ProductFilter(text=text), ProductSort.RELEVANCE
    names: list[str] = []
    after: str | None = None
    async with shop.context(locale=locale) as ctx:
        while True:
            asked = service.product_page(first, after, sort)
            found = await service.find_products(ctx, asked, wanted, sort)
            names += [one.name[Locale(locale)] for one in found.rows]
            if not found.has_next:
                break
            after = cursor(found.keys[-1])
        assert await service.count_products(ctx, wanted) == len(names)
    return names


@pytest.mark.slow
async def test_any_one_or_two_characters_of_a_name_find_it(shop: RunningShop) -> None:
    names = [*CHINESE, "Teapot, blue", "Ｔｅａ Ｃｕｐ", "さくら抹茶ラテ", "삼성전자 TV", "ชาเขียว"]
    await save(shop, names)
    folded = {name: name for name in names} | {"Ｔｅａ Ｃｕｐ": "Tea Cup"}
    runs = {
        name: "".join(c if c.isalnum() or c == "ี" else " " for c in plain.lower()).split()
        for name, plain in folded.items()
    }
    probes = {
        run[at : at + size]
        for found in runs.values()
        for run in found
        for size in (1, 2)
        for at in range(len(run) - size + 1)
    }
    assert len(probes) > 100
    for probe in sorted(probes):
        holding = {name for name, found in runs.items() if any(probe in run for run in found)}
        assert set(await search(shop, probe)) == holding, probe


async def test_words_come_before_parts_and_names_before_what_stands_beside(
    shop: RunningShop,
) -> None:
    await save(shop, ["steam te", "Teapot", "Green tea", "Cup", "Tea"])
    await save(shop, ["a", "b"], categories=("Tea",))
    # The last two were told again: their names are others now.
    assert await search(shop, "tea") == ["Tea", "Green tea", "b", "a"]
    assert await search(shop, "te") == ["Tea", "Green tea", "b", "a"]
    await save(shop, ["steam te", "Teapot"], categories=("Goods",))
    assert await search(shop, "te") == ["steam te", "Tea", "Green tea", "Teapot"]
    assert await search(shop, "tea") == ["Tea", "Green tea", "Teapot"]
    assert await search(shop, "tea te") == ["Tea", "Green tea", "Teapot"]
    assert await search(shop, "tea cup") == []


async def test_chinese_words_come_before_characters(shop: RunningShop) -> None:
    await save(shop, ["花茶", "茶具 茶", "红茶", "茶壶", "青花瓷茶壶"])
    assert await search(shop, "茶") == ["茶具 茶", "青花瓷茶壶", "茶壶", "红茶", "花茶"]
    assert await search(shop, "茶壶") == ["青花瓷茶壶", "茶壶"]
    assert await search(shop, "花瓷") == ["青花瓷茶壶"]
    assert await search(shop, "瓷茶壶") == ["青花瓷茶壶"]
    assert await search(shop, "茶壶 青花瓷") == ["青花瓷茶壶"]
    assert await search(shop, "壶茶") == []


@pytest.mark.parametrize("first", [1, 2, 3])
async def test_pages_by_relevance_hold_every_hit_once(shop: RunningShop, first: int) -> None:
    names = ["tea", "teapot", "green tea", "cup", "steam", "tea tin", "Tea", "team"]
    await save(shop, names)
    assert await search(shop, "tea", first=first) == [
        "Tea",
        "tea tin",
        "green tea",
        "tea",
        "team",
        "teapot",
    ]


async def test_width_case_and_form_do_not_matter(shop: RunningShop) -> None:
    await save(shop, ["ＴＥＡ Äpfel ﬁlter", "Straße"])
    for text in ("tea", "TEA", "ｔｅａ", "äpfel", "a\u0308PFEL", "filter"):
        assert await search(shop, text) == ["ＴＥＡ Äpfel ﬁlter"], text
    assert await search(shop, "STRAßE") == ["Straße"]


@pytest.mark.slow
async def test_what_a_reader_understands_is_searched(shop: RunningShop) -> None:
    await save(shop, ["Green tea"], options=("Weight",), variants=(
        VariantDraft(sku="S0", options=("50 g",)),))  # fmt: skip
    await save(shop, ["绿茶"], locale="zh-Hans", options=("重量",), variants=(
        VariantDraft(sku="S0", options=("半斤",)),))  # fmt: skip
    assert await search(shop, "绿茶", "zh-Hans") == ["绿茶"]
    assert await search(shop, "半斤", "zh-Hans") == ["绿茶"]
    assert await search(shop, "斤", "zh-Hans") == ["绿茶"]
    # English is what a Chinese reader falls back to, and English readers know no Chinese here.
    assert await search(shop, "green", "zh-Hans") == ["绿茶"]


@pytest.mark.parametrize(
    "text",
    ['"', "'", "tea'", '"tea" OR cup', "tea:*", "tea & !cup", "words:tea", "NEAR(tea cup)", "{",
     "tea*", "-tea", "tea <-> cup", "\\", "\\'", "a\0b", "%", "(", ")", ":", "茶:*", "AND", "NOT",
     "tea NOT cup", "^tea", "$1", "tea; DROP TABLE product", "\ud7a3", "😀", "𠮷", "一" * 200],
)  # fmt: skip
async def test_nothing_that_is_asked_is_syntax(shop: RunningShop, text: str) -> None:
    await save(shop, ["Tea", "Cup"])
    found = await search(shop, text)
    terms = asked_terms(text)
    assert found == (["Tea"] if terms == asked_terms("tea") else [])


@pytest.mark.slow
@given(st.text())
def test_terms_are_letters_marks_and_numbers(text: str) -> None:
    for term in asked_terms(text):
        assert all(word and not set(word) & set("'\"\\:*&|!<>(){}^+- \0") for word in term.words)
        assert all(0 < len(part) <= 2 for part in term.parts)


@pytest.mark.slow
async def test_what_random_texts_are_made_of_is_found(shop: RunningShop) -> None:
    chance = random.Random(7)
    letters = "ab1é茶壶花瓷のกí가9z "
    names = ["".join(chance.choices(letters, k=12)).strip() or "a" for _ in range(60)]
    await save(shop, names)
    for name in names:
        assert name in await search(shop, name), name
        for run in name.split():
            assert name in await search(shop, run[:2]), (name, run)


def test_a_search_is_cut_behind_its_twentieth_word() -> None:
    words = [f"w{number}" for number in range(30)]
    assert asked_terms(" ".join(words)) == asked_terms(" ".join(words[:20]))
    assert asked_terms("Tea") == (AskedTerm(words=("tea",), parts=()),)
    assert asked_terms("ab") == (AskedTerm(words=("ab",), parts=("ab",)),)
    assert asked_terms("青花瓷") == (AskedTerm(words=("青花瓷",), parts=("青花", "花瓷")),)
    assert asked_terms(" - %") == ()


async def test_what_is_told_again_is_found_by_its_new_name_only(shop: RunningShop) -> None:
    await save(shop, ["Teapot", "Cup"])
    await save(shop, ["Kettle"])
    assert await search(shop, "teapot") == []
    assert await search(shop, "kettle") == ["Kettle"]
    assert await search(shop, "cup") == ["Cup"]


async def test_a_transaction_that_fails_leaves_the_index_as_it_was(shop: RunningShop) -> None:
    await save(shop, ["Teapot"])

    async def fail(db: Any) -> None:
        await db.execute(sql("UPDATE product_search SET words = 'kettle'"))
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await shop.shop.database.transact(fail)
    assert await search(shop, "teapot") == ["Teapot"]
    assert await search(shop, "kettle") == []
    assert await findings(shop) == []


@pytest.mark.slow
async def test_texts_that_are_out_of_date_are_found_and_made_again(shop: RunningShop) -> None:
    await save(shop, ["Teapot", "青花瓷", "Cup"])
    before = await shop.snapshot()
    assert await findings(shop) == []

    async def damage(db: Any) -> None:
        await db.execute(
            sql("UPDATE product_search SET edition = '0', words = 'x' WHERE name = 'cup'")
        )
        await db.execute(sql("DELETE FROM product_search WHERE name = 'teapot'"))

    await shop.shop.database.transact(damage)
    assert await search(shop, "teapot") == []
    assert await findings(shop) == [
        "search: 2 products have search texts that are missing or out of date. Run: koi reindex"
    ]
    shown: list[tuple[int, int]] = []
    async with shop.context(viewer=STAFF) as ctx:
        assert await service.reindex(ctx, every=False, show=lambda *at: shown.append(at)) == 2
        assert await service.reindex(ctx, every=False, show=lambda *at: shown.append(at)) == 0
    assert shown == [(2, 2)]
    assert await findings(shop) == []
    assert await search(shop, "teapot") == ["Teapot"]
    assert await search(shop, "cup") == ["Cup"]
    async with shop.context(viewer=STAFF) as ctx:
        assert await service.reindex(ctx, every=True, show=lambda *_: None) == 3
    after = await shop.snapshot()
    assert after["product"] == before["product"]
    assert texts(after) == texts(before)


def texts(tables: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The rows that are searched, without the number that SQLite's index knows them by."""
    rows = [{**row, "number": 0} for row in tables["product_search"]]
    return sorted(rows, key=lambda row: str(row["name"]))


@pytest.mark.slow
async def test_an_index_that_lost_rows_is_found_and_built_again(shop: RunningShop) -> None:
    await save(shop, ["Teapot", "Cup"])
    if not shop.shop.database.is_sqlite:
        return  # Its index cannot lose rows.

    async def damage(db: Any) -> None:
        await db.execute(sql("INSERT INTO product_terms (product_terms) VALUES ('delete-all')"))

    await shop.shop.database.transact(damage)
    assert await search(shop, "cup") == []
    assert await findings(shop) == [
        "search: 2 rows differ between the search texts and the index over them. Run: koi reindex"
    ]
    async with shop.context(viewer=STAFF) as ctx:
        assert await service.reindex(ctx, every=False, show=lambda *_: None) == 0
    assert await search(shop, "cup") == ["Cup"]
    assert await findings(shop) == []


@pytest.mark.slow
async def test_the_index_is_used(shop: RunningShop) -> None:
    if shop.shop.database.is_sqlite:
        return  # There is no other way to search.
    await save(shop, [f"Cup {number}" for number in range(500)])
    await save(shop, ["Tea 青花瓷茶壶"])
    async with shop.shop.database.writer.begin() as db:
        # What the index has not sorted in yet makes it look dear.
        await db.execute(sql("SELECT gin_clean_pending_list('ix_product_search_terms')"))
        await db.execute(sql("ANALYZE product_search"))
        # 500 short rows are read whole for about the same, by what the index still has to sort in.
        await db.execute(sql("SET LOCAL enable_seqscan = off"))
        for text in ("tea", "te", "花瓷茶", "tea 花"):
            asked = closeness(db, asked_terms(text), [Locale("en")])
            written = asked.compile(db.sync_engine, compile_kwargs={"literal_binds": True})
            plan = "\n".join((await db.exec_driver_sql(f"EXPLAIN {written}")).scalars())
            assert plan.count("Bitmap Index Scan on ix_product_search_terms") == 4, plan


async def findings(shop: RunningShop) -> list[str]:
    return [str(one) for one in await run_audits(shop.shop, audits_of(shop.shop))]
