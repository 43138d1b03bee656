"""Importing files into a shop, on both databases."""

import csv
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from core.tests.imports.loading import HEADER, goods, load, rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from koipond.catalog import service as catalog
from koipond.channel.errors import ChannelUnknown, CurrencyNotSold
from koipond.imports.errors import (
    EncodingUnknown,
    EncodingWrong,
    FieldTooLarge,
    FileDamaged,
    FileEmpty,
    FileUnreadable,
    HeaderTwice,
    HeaderUnknown,
    RowTooLong,
)
from koipond.imports.types import Counts, ImportReport, RefusedRow
from koipond.kernel.errors import DomainError
from koipond.kernel.texts import Locale, LocaleUnknown
from koipond.stock.errors import LocationUnknown
from koipond_sdk.testing.shop import RunningShop

pytestmark = pytest.mark.story

EN, ZH = Locale("en"), Locale("zh-Hans")


async def refused(shop: RunningShop, file: Path, **options: Any) -> DomainError:
    """Import a file that must be refused as a whole; nothing at all is changed by it."""
    before = await shop.snapshot()
    with pytest.raises(DomainError) as caught:
        await load(shop, file, **options)
    assert await shop.snapshot() == before
    return caught.value


async def test_a_file_becomes_products_with_prices_and_stock(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    report = await load(shop, write("tea,Green tea,T-1,12.50,shopify,7"))
    assert report == ImportReport(
        counts=Counts(created=1, stock_booked=1),
        resumed_at=0,
        refusals=(),
        run_id=report.run_id,
    )
    answer = await shop.graphql(
        '{ product(slug: "tea") { name variants { sku price { amount } availability { state } } } }'
    )
    assert answer["data"]["product"] == {
        "name": "Green tea",
        "variants": [
            {"sku": "T-1", "price": {"amount": "12.50"}, "availability": {"state": "IN_STOCK"}}
        ],
    }
    (level,) = await shop.rows("stock_level")
    (movement,) = await shop.rows("stock_movement")
    assert (level["on_hand"], movement["delta"], movement["reason"]) == (7, 7, "import")
    assert movement["reference"].startswith("tea.csv ")


@pytest.mark.slow
async def test_the_same_file_again_changes_nothing(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    file = write(*rows(250))
    first = await load(shop, file)
    before = await goods(shop)
    shop.clock.advance(hours=1)
    again = await load(shop, file)
    assert first.counts == Counts(created=250, stock_booked=250)
    assert again.counts == Counts(unchanged=250, stock_left_alone=250)
    assert await goods(shop) == before


async def test_stock_of_known_variants_is_left_alone(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    await load(shop, write(*rows(1, stock=5)))
    report = await load(shop, write(*rows(2, price="2.00", stock=90)))
    assert report.counts == Counts(created=1, changed=1, stock_booked=1, stock_left_alone=1)
    assert sorted(row["on_hand"] for row in await shop.rows("stock_level")) == [5, 90]


async def test_stock_goes_to_the_named_location_and_an_unknown_one_is_refused(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    file = write(*rows(1))
    error = await refused(shop, file, location="moon")
    assert isinstance(error, LocationUnknown)
    await load(shop, file, location="main")
    assert [row["code"] for row in await shop.rows("stock_location")] == ["main"]
    assert len(await shop.rows("stock_level")) == 1


async def test_a_bad_row_skips_its_product_and_is_reported_with_line_and_reason(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    file = write(
        "a,A,A,1.00,,",
        "b,B,B,free,,",
        "c,C,C,1.00,,-1",
        "d,,D,1.00,,",
        "e,E,,1.00,,",
        "a,A again,A2,1.00,,",
        "f,F,A,1.00,,",
        "g h,G,G,1.00,,",
        "h,H,H,1.00,,",
    )
    report = await load(shop, file)
    assert report.counts == Counts(created=2, refused=7)
    assert report.refusals == (
        RefusedRow(
            line=3,
            item="b",
            reason="Variant Price: 'free' is no amount in EUR: from 0 to 92233720368547758.07, "
            "at most 2 decimals, a point before them, no thousands separator. Write it like 12.50",
            column="Variant Price",
            code="AMOUNT_INVALID",
        ),
        RefusedRow(
            line=4,
            item="c",
            reason="Variant Inventory Qty: -1 is below 0",
            column="Variant Inventory Qty",
        ),
        RefusedRow(line=5, item="d", reason="Title is empty", column="Title"),
        RefusedRow(
            line=6,
            item="e",
            reason="Variant SKU is empty; prices, stock and a second import find a variant by it "
            "alone",
        ),
        RefusedRow(
            line=7, item="a", reason="a is already the product in line 2; keep its rows together"
        ),
        RefusedRow(line=8, item="f", reason="SKU A is already in line 2; it names one variant"),
        RefusedRow(
            line=9,
            item="g h",
            reason="Product 'g h' cannot be stored: its slug is part of an address: no spaces and "
            "none of / ? # % \\.",
            code="PRODUCT_INVALID",
        ),
    )
    assert sorted(row["slug"] for row in await shop.rows("product")) == ["a", "h"]
    assert sorted(row["sku"] for row in await shop.rows("variant")) == ["A", "H"]


async def test_a_sku_of_a_product_in_the_shop_is_refused(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    await shop.make_product("TAKEN", slug="mine")
    before = await goods(shop)
    report = await load(shop, write("other,Other,TAKEN,1.00,,"))
    assert report.refusals == (
        RefusedRow(
            line=2,
            item="other",
            reason="SKU TAKEN belongs to the product mine. A SKU names one variant.",
            code="SKU_TAKEN",
        ),
    )
    assert await goods(shop) == before


async def test_two_languages_and_currencies_of_one_catalogue(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    await load(shop, write(*rows(3)), locale="en", currency="EUR")
    chinese = [row.replace("Tea", "茶").replace("1.00", "88.00") for row in rows(3)]
    file = write(*chinese, name="zh.csv")
    report = await load(shop, file, locale="zh-Hans", currency="CNY")
    assert report.counts == Counts(changed=3, stock_left_alone=3)
    async with shop.context(currency="CNY", locale="zh-Hans") as ctx:
        found = await catalog.find_variant_ids(ctx, ["SKU-1"])
        sold = await catalog.find_sellables(ctx, [found["SKU-1"]])
    (sellable,) = sold.values()
    assert (sellable.name, sellable.price_minor) == ({EN: "Tea 1", ZH: "茶 1"}, 8800)
    before = await goods(shop)
    for again, options in (
        (write(*rows(3)), {"locale": "en", "currency": "EUR"}),
        (write(*chinese, name="zh.csv"), {"locale": "zh-Hans", "currency": "CNY"}),
    ):
        report = await load(shop, again, **options)
        assert report.counts == Counts(unchanged=3, stock_left_alone=3)
    assert await goods(shop) == before


async def test_the_number_of_statements_of_a_batch_does_not_depend_on_its_size(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    await load(shop, write(*rows(1)))
    counts = []
    for name, first, last in (("one.csv", 1, 2), ("many.csv", 2, 102)):
        file = write(*rows(102)[first:last], name=name)
        with shop.count_statements() as sent:
            report = await load(shop, file)
        assert report.counts.created == last - first
        counts.append(len(sent))
    assert counts[0] == counts[1]


async def test_a_file_that_is_none_is_refused(shop: RunningShop, tmp_path: Path) -> None:
    error = await refused(shop, tmp_path / "none.csv")
    assert isinstance(error, FileUnreadable)
    assert error.reason == "no such file or directory"
    error = await refused(shop, tmp_path)
    assert isinstance(error, FileUnreadable)
    assert error.reason == "it is a folder"
    error = await refused(shop, Path("/dev/null"))
    assert isinstance(error, FileUnreadable)
    assert error.reason == "it is no file that can be read twice"


async def test_a_file_that_is_no_sound_csv_is_refused_before_anything_is_stored(
    shop: RunningShop, tmp_path: Path
) -> None:
    good = "\n".join([HEADER, *rows(150), ""]).encode()
    cases: list[tuple[bytes, type[DomainError], dict[str, object]]] = [
        (b"", FileEmpty, {"file": "bad.csv"}),
        (good + "p,绿茶,S,1,,\n".encode("gb18030"), EncodingWrong, {"line": 152}),
        (good + b"p,a\0b,S,1,,\n", FileDamaged, {"line": 152}),
        (good + b'p,"Tea,S,1,,\n', FileDamaged, {"line": 152}),
        (good + b"p,Tea,S", FileDamaged, {"line": 152}),
        (good + b"p,Tea,S,1,,,x\n", RowTooLong, {"line": 152, "cells": 7, "columns": 6}),
        (good + b"p," + b"x" * 10_000_000 + b",S,1,,\n", FieldTooLarge, {"line": 152}),
        (good.replace(b"Handle", b"Handel"), HeaderUnknown, {"missing": "Handle"}),
        (good.replace(b"Variant Price", b"Price"), HeaderUnknown, {"missing": "Variant Price"}),
        (good.replace(b"Title", b"Handle"), HeaderTwice, {"column": "Handle"}),
    ]
    file = tmp_path / "bad.csv"
    for content, kind, fields in cases:
        file.write_bytes(content)
        error = await refused(shop, file)
        assert type(error) is kind
        assert {name: getattr(error, name) for name in fields} == fields


async def test_options_that_do_not_fit_the_shop_are_refused(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    file = write(*rows(1))
    cases: list[tuple[dict[str, str], type[DomainError]]] = [
        ({"channel": "moon"}, ChannelUnknown),
        ({"currency": "USD"}, CurrencyNotSold),
        ({"locale": "fr"}, LocaleUnknown),
        ({"locale": "en-GB"}, LocaleUnknown),
        ({"encoding": "klingon"}, EncodingUnknown),
        ({"encoding": "utf-16"}, EncodingUnknown),
    ]
    for options, kind in cases:
        assert type(await refused(shop, file, **options)) is kind


async def test_a_name_of_a_file_may_hold_bytes_that_are_no_text(
    shop: RunningShop, tmp_path: Path
) -> None:
    file = tmp_path / os.fsdecode(b"\xff.csv")
    assert isinstance(await refused(shop, file), FileUnreadable)
    file.write_text("\n".join([HEADER, *rows(1)]))
    assert (await load(shop, file)).counts.created == 1
    assert [row["file_name"] for row in await shop.rows("import_run")] == ["?.csv"]


async def test_chinese_text_comes_in_as_utf_8_and_as_gb18030(
    shop: RunningShop, tmp_path: Path
) -> None:
    file = tmp_path / "茶.csv"
    for number, (mark, encoding) in enumerate(
        ((b"", "utf-8"), (b"\xef\xbb\xbf", "utf-8"), (b"", "gb18030"))
    ):
        text = f"{HEADER}\ntea-{number},明前龙井㐀,T-{number},1.00,,\n"
        file.write_bytes(mark + text.encode(encoding))
        report = await load(shop, file, encoding=encoding, locale="zh-Hans")
        assert report.counts == Counts(created=1)
        async with shop.context() as ctx:
            found = await catalog.find_product(ctx, slug=f"tea-{number}")
        assert found is not None
        assert found.name == {ZH: "明前龙井㐀"}


NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=8
).filter(lambda text: text == text.strip() and text[0].isalnum())
PRODUCTS = st.lists(
    st.tuples(
        NAMES,
        st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 999)), min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.slow
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(PRODUCTS)
async def test_what_is_written_into_a_file_is_what_the_shop_sells(
    shop: RunningShop, tmp_path_factory: pytest.TempPathFactory, products: Any
) -> None:
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow([*HEADER.split(","), "Option1 Name", "Option1 Value"])
    run = tmp_path_factory.mktemp("random")
    mark = run.name
    for n, (name, variants) in enumerate(products):
        for m, (price, stock) in enumerate(variants):
            first = [f"{mark}-{n}", name if m == 0 else "", f"{mark}-{n}-{m}"]
            amount = f"{price // 100}.{price % 100:02}"
            writer.writerow([*first, amount, "shopify", stock, "Size" * (m == 0), f"{name} {m}"])
    file = run / "random.csv"
    file.write_text(written.getvalue(), encoding="utf-8", newline="")
    report = await load(shop, file)
    assert report.counts.created == len(products)
    expected = {
        f"{mark}-{n}-{m}": (name, f"{name} {m}", price)
        for n, (name, variants) in enumerate(products)
        for m, (price, _) in enumerate(variants)
    }
    async with shop.context() as ctx:
        ids = await catalog.find_variant_ids(ctx, list(expected))
        sold = await catalog.find_sellables(ctx, list(ids.values()))
    assert {
        one.sku: (one.name[EN], one.options[0].value[EN], one.price_minor) for one in sold.values()
    } == expected
    before = await goods(shop)
    assert (await load(shop, file)).counts.unchanged == len(products)
    assert await goods(shop) == before
