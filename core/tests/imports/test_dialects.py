"""From rows to drafts of products, without a database."""

import csv
import io
from collections.abc import Iterable
from typing import Any

import pytest

from koipond.catalog.types import MediaDraft, ProductDraft, VariantDraft
from koipond.imports import rules
from koipond.imports.errors import FileDamaged, FileEmpty, HeaderTwice, HeaderUnknown, RowTooLong
from koipond.imports.types import Dialect, RefusedProduct, ToldProduct
from koipond.kernel.money import Currency
from koipond.kernel.texts import Locale

Told = list[ToldProduct | RefusedProduct]
VENDURE = (
    "name,slug,description,assets,facets,optionGroups,optionValues,sku,price,taxCategory,"
    "stockOnHand,trackInventory,variantAssets,variantFacets"
)


def open_sheet(content: str, **options: Any) -> rules.Sheet:
    given = {
        "file": "tea.csv",
        "dialect": Dialect.AUTO,
        "locale": Locale("en"),
        "currency": Currency("EUR"),
        "asset_base": "",
    }
    return rules.open_sheet(
        rules.read_rows(io.BytesIO(content.encode()), "utf-8"), **(given | options)
    )


def read(content: str, **options: Any) -> Told:
    return list(rules.read_products(open_sheet(content, **options)))


def one(content: str, **options: Any) -> ToldProduct:
    """Return the only product of a file."""
    (told,) = read(content, **options)
    assert isinstance(told, ToldProduct), told
    return told


def refusals(told: Iterable[object]) -> list[tuple[int, str, str]]:
    return [
        (refused.line, refused.product, refused.reason)
        for refused in told
        if isinstance(refused, RefusedProduct)
    ]


def shopify(*rows: dict[str, str]) -> str:
    """Write a Shopify CSV with the columns that the rows name; each row has a Handle."""
    needed = {"Handle", "Title", "Variant SKU", "Variant Price"}
    columns = sorted(needed.union(*rows))
    written = io.StringIO()
    writer = csv.DictWriter(written, columns, restval="")
    writer.writeheader()
    writer.writerows({"Handle": "tea"} | row for row in rows)
    return written.getvalue()


def tea(**cells: str) -> dict[str, str]:
    """A row that may be imported; `Variant_SKU` is the column `Variant SKU`."""
    given = {"Title": "Tea", "Variant SKU": "T", "Variant Price": "1.00"}
    return given | {name.replace("_", " "): text for name, text in cells.items()}


def test_shopify_rows_of_one_handle_are_one_product() -> None:
    told = one(
        shopify(
            {
                "Title": "Longjing",
                "Body (HTML)": "<p>Flat leaves</p>",
                "Vendor": "Fern Ridge",
                "Product Category": "Food > Tea",
                "Type": "Green tea",
                "Tags": "spring, gift , ,spring",
                "Collection": "Best of",
                "Published": "TRUE",
                "Status": "active",
                "Option1 Name": "Weight",
                "Option1 Value": "50 g",
                "Option2 Name": "Tin",
                "Option2 Value": "red",
                "Variant SKU": "L-50",
                "Variant Price": "19.5",
                "Variant Inventory Tracker": "shopify",
                "Variant Inventory Qty": "180",
                "Variant Grams": "65",
                "Image Src": "https://img.example/b.jpg",
                "Image Position": "2",
                "Image Alt Text": "A cup",
            },
            {
                "Option1 Value": "100 g",
                "Option2 Value": "blue",
                "Variant SKU": "L-100",
                "Variant Price": "36",
                "Variant Inventory Qty": "7",
                "Variant Image": "blue tin.jpg",
            },
            {"Image Src": "a.jpg", "Image Position": "1", "Variant Inventory Qty": ""},
        ),
        asset_base="https://cdn.example/tea/",
    )
    assert told == ToldProduct(
        line=2,
        draft=ProductDraft(
            slug="tea",
            name="Longjing",
            description="<p>Flat leaves</p>",
            categories=("Green tea",),
            collections=("Best of", "spring", "gift"),
            attributes=(("Vendor", "Fern Ridge"),),
            options=("Weight", "Tin"),
            media=(
                MediaDraft(url="https://cdn.example/tea/a.jpg"),
                MediaDraft(url="https://img.example/b.jpg", alt="A cup"),
            ),
            variants=(
                VariantDraft(sku="L-50", options=("50 g", "red"), price_minor=1950, grams=65),
                VariantDraft(
                    sku="L-100",
                    options=("100 g", "blue"),
                    price_minor=3600,
                    track_stock=False,
                    media=(MediaDraft(url="https://cdn.example/tea/blue%20tin.jpg"),),
                ),
            ),
        ),
        stock={"L-50": 180},
    )


def test_shopify_needs_no_more_than_four_columns_in_any_order() -> None:
    told = one("Variant Price,Title,Extra,Variant SKU,Handle\n,Tea,x,T,tea\n")
    draft = ProductDraft(
        slug="tea", name="Tea", variants=(VariantDraft(sku="T", track_stock=None),)
    )
    assert told == ToldProduct(line=2, draft=draft, stock={})


def test_shopify_writes_default_title_for_no_choice() -> None:
    told = one(shopify(tea(Option1_Name="Title", Option1_Value="Default Title")))
    assert told.draft.options == ()
    assert told.draft.variants[0].options == ()


def test_shopify_takes_the_last_part_of_its_category_where_there_is_no_type() -> None:
    told = one(shopify(tea(Product_Category="Food > Drinks > Tea & Infusions")))
    assert told.draft.categories == ("Tea & Infusions",)
    assert one(shopify(tea())).draft.categories == ()


@pytest.mark.parametrize(
    ("published", "status", "listed"),
    [
        ("", "", True),
        ("true", "Active", True),
        ("FALSE", "active", False),
        ("TRUE", "draft", False),
        ("", "archived", False),
    ],
)
def test_shopify_lists_what_is_published_and_active(
    published: str, status: str, listed: bool
) -> None:
    assert one(shopify(tea(Published=published, Status=status))).draft.published is listed


@pytest.mark.parametrize(
    ("cells", "tracked", "stock"),
    [
        ({}, None, {}),
        ({"Variant_Inventory_Qty": "5"}, None, {"T": 5}),
        ({"Variant_Inventory_Tracker": "", "Variant_Inventory_Qty": "5"}, False, {}),
        ({"Variant_Inventory_Tracker": "shopify"}, True, {}),
        ({"Variant_Inventory_Tracker": "shopify", "Variant_Inventory_Qty": "0"}, True, {"T": 0}),
    ],
)
def test_shopify_counts_stock_that_has_a_tracker(
    cells: dict[str, str], tracked: bool | None, stock: dict[str, int]
) -> None:
    told = one(shopify(tea(**cells)))
    assert told.draft.variants[0].track_stock is tracked
    assert told.stock == stock


PRICE = (
    "Variant Price: {} is no amount in EUR: from 0 to 92233720368547758.07, at most 2 decimals, "
    "a point before them, no thousands separator. Write it like 12.50"
)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"Title": ""}, "Title is empty"),
        ({"Variant_SKU": ""}, "Variant SKU is empty; prices, stock and a second import find a "
         "variant by it alone"),
        ({"Variant_Price": "abc"}, PRICE.format("'abc'")),
        ({"Variant_Price": "-1.00"}, PRICE.format("'-1.00'")),
        ({"Variant_Price": "1,299.00"}, PRICE.format("'1,299.00'")),
        ({"Variant_Price": "€5"}, PRICE.format("'€5'")),
        ({"Variant_Price": "1e3"}, PRICE.format("'1e3'")),
        ({"Variant_Price": "NaN"}, PRICE.format("'NaN'")),
        ({"Variant_Price": "12.505"}, PRICE.format("'12.505'")),
        ({"Variant_Price": "9" * 19}, PRICE.format("'9999999999999999999'")),
        ({"Variant_Inventory_Qty": "-3"}, "Variant Inventory Qty: -3 is below 0"),
        ({"Variant_Grams": "2.5"}, "Variant Grams: '2.5' is no whole number"),
        ({"Variant_Inventory_Qty": "2.5"}, "Variant Inventory Qty: '2.5' is no whole number"),
        ({"Variant_Inventory_Qty": "many"}, "Variant Inventory Qty: 'many' is no whole number"),
        ({"Variant_Inventory_Qty": "٣"}, "Variant Inventory Qty: '٣' is no whole number"),
        ({"Variant_Inventory_Qty": "1000000001"}, "Variant Inventory Qty: 1000000001 is more than "
         "1,000,000,000"),
        ({"Published": "perhaps"}, "Published: 'perhaps' is neither TRUE nor FALSE"),
        ({"Status": "gone"}, "Status: 'gone' is none of active, draft, archived"),
        ({"Option1_Name": "Size"}, "it has no value for the option Size"),
        ({"Option1_Value": "S"}, "'S' is the value of an option without a name"),
        ({"Option2_Name": "Size", "Option2_Value": "S"}, "an option has a name, the one before it "
         "has none"),
        ({"Image_Src": "a.jpg", "Image_Position": "x"}, "Image Position: 'x' is no whole number"),
    ],
)  # fmt: skip
def test_a_bad_shopify_cell_skips_its_product_with_line_and_reason(
    cells: dict[str, str], reason: str
) -> None:
    good = {"Handle": "good"} | tea(Variant_SKU="G")
    told = read(shopify(tea(**cells), good))
    assert refusals(told) == [(2, "tea", reason)]
    assert isinstance(told[1], ToldProduct)


def test_a_bad_row_behind_the_first_skips_the_whole_product_with_its_own_line() -> None:
    told = read(
        shopify(
            tea(Option1_Name="Size", Option1_Value="S"),
            {"Option1 Value": "M", "Variant SKU": "", "Variant Price": "2.00"},
            {"Handle": "good"} | tea(Variant_SKU="G"),
        )
    )
    assert refusals(told) == [
        (3, "tea", "Variant SKU is empty; prices, stock and a second import find a variant by it "
         "alone"),
    ]  # fmt: skip
    assert [one.draft.slug for one in told if isinstance(one, ToldProduct)] == ["good"]


def test_a_row_that_lost_its_handle_skips_the_product_above_it() -> None:
    told = read(shopify(tea(), {"Handle": "", "Variant SKU": "T-2", "Variant Price": "1.00"}))
    assert refusals(told) == [(3, "tea", "Handle is empty")]


def test_a_product_that_has_no_handle_is_skipped_alone() -> None:
    told = read(shopify(tea(), {"Handle": ""} | tea(Variant_SKU="U")))
    assert refusals(told) == [(3, "", "Handle is empty")]
    assert isinstance(told[0], ToldProduct)


def test_a_handle_that_comes_back_later_is_skipped_naming_both_lines() -> None:
    told = read(
        shopify(
            tea(),
            {"Handle": "other"} | tea(Variant_SKU="O"),
            tea(Variant_SKU="T-2"),
        )
    )
    assert refusals(told) == [
        (4, "tea", "tea is already the product in line 2; keep its rows together")
    ]
    assert [one.line for one in told if isinstance(one, ToldProduct)] == [2, 3]


def test_a_sku_that_comes_twice_skips_the_second_naming_both_lines() -> None:
    told = read(shopify(tea(), {"Handle": "other"} | tea()))
    assert refusals(told) == [(3, "other", "SKU T is already in line 2; it names one variant")]
    twice = read(
        shopify(
            tea(Option1_Name="Size", Option1_Value="S"),
            {"Option1 Value": "M", "Variant SKU": "T", "Variant Price": "1.00"},
        )
    )
    assert refusals(twice) == [(3, "tea", "SKU T is already in line 2; it names one variant")]


def test_lines_are_counted_as_an_editor_does() -> None:
    content = shopify(tea(**{"Body_(HTML)": "one\ntwo\nthree"}), {"Handle": "b"} | tea())
    assert refusals(read(content)) == [(5, "b", "SKU T is already in line 2; it names one variant")]


def test_prices_have_the_decimals_of_their_currency() -> None:
    def price(text: str, currency: str) -> int | None:
        told = one(shopify(tea(Variant_Price=text)), currency=Currency(currency))
        return told.draft.variants[0].price_minor

    assert price("1250", "JPY") == 1250
    assert price("12.50", "CNY") == 1250
    assert price("12.505", "KWD") == 12505
    assert price("", "EUR") is None
    ((line, _, reason),) = refusals(
        read(shopify(tea(Variant_Price="12.50")), currency=Currency("JPY"))
    )
    assert line == 2
    assert reason == (
        "Variant Price: '12.50' is no amount in JPY: from 0 to 9223372036854775807, at most 0 "
        "decimals, a point before them, no thousands separator. Write it like 1250"
    )


def test_a_product_with_too_many_rows_is_skipped_without_being_kept_in_memory() -> None:
    rows = "".join(f"tea,,P{n},1\n" for n in range(6_000))
    told = read(f"Handle,Title,Variant SKU,Variant Price\ntea,Tea,T,1\n{rows}good,G,G,1\n")
    assert refusals(told) == [(2, "tea", "it has more than 5,000 rows")]
    assert isinstance(told[1], ToldProduct)


def vendure(*rows: str) -> str:
    return "\n".join([VENDURE, *rows])


def test_vendure_rows_without_a_name_are_of_the_product_above() -> None:
    told = one(
        vendure(
            'Laptop , laptop ,"Fast, light" , a.jpg|b c.jpg , category:Electronics|category:'
            'Computers|brand:Apple|category:Electronics,"screen size|RAM:ram","13 inch|8GB" ,'
            "L1,1299.00,standard,100,,,",
            ",,,,,,15 inch|16GB,L2,1399,standard,0,false,side.jpg,color:blue",
            ",,,,,,17 inch|16GB,L3,,standard,,true,,color:red",
        ),
        asset_base="/media",
    )
    assert told == ToldProduct(
        line=2,
        draft=ProductDraft(
            slug="laptop",
            name="Laptop",
            description="Fast, light",
            categories=("Electronics", "Computers"),
            attributes=(("brand", "Apple"), ("color", "blue"), ("color", "red")),
            options=("screen size", "RAM"),
            media=(MediaDraft(url="/media/a.jpg"), MediaDraft(url="/media/b%20c.jpg")),
            variants=(
                VariantDraft(sku="L1", options=("13 inch", "8GB"), price_minor=129_900),
                VariantDraft(
                    sku="L2",
                    options=("15 inch", "16GB"),
                    price_minor=139_900,
                    track_stock=False,
                    media=(MediaDraft(url="/media/side.jpg"),),
                ),
                VariantDraft(sku="L3", options=("17 inch", "16GB")),
            ),
        ),
        stock={"L1": 100},
    )


MANY = (
    "name:en,name:zh_Hans,slug,description:en,description:zh_Hans,assets,facets:en,facets:zh_Hans,"
    "optionGroups,optionValues:en,optionValues:zh_Hans,sku,price,variantAssets,variantFacets,"
    "product:keywords:en\n"
    "Paper,纸,,Thin,薄,,brand:KB,品牌:KB,size,Half,半,P1,45.3,,,x\n"
    ",,,,,,,,,Full,全,P2,59.5,,,\n"
)


def test_vendure_columns_of_one_language_are_read_under_the_same_slug() -> None:
    english = one(MANY)
    chinese = one(MANY, locale=Locale("zh-Hans"))
    assert (english.draft.name, english.draft.description) == ("Paper", "Thin")
    assert (chinese.draft.name, chinese.draft.description) == ("纸", "薄")
    assert chinese.draft.attributes == (("品牌", "KB"),)
    assert [variant.options for variant in chinese.draft.variants] == [("半",), ("全",)]
    assert english.draft.slug == chinese.draft.slug == "paper"


def test_vendure_lacks_a_column_if_it_is_there_in_other_languages_only() -> None:
    with pytest.raises(HeaderUnknown) as caught:
        open_sheet(MANY, locale=Locale("de"), dialect=Dialect.VENDURE)
    assert caught.value.missing == "name, description, facets, optionValues"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",tea,,,,,,T,1,,,,,", "name is empty"),
        ("Tea,tea,,,,,,,1,,,,,", "sku is empty"),
        ("Tea,tea,,,,,,T,x,,,,,", PRICE.replace("Variant Price", "price").format("'x'")),
        ("Tea,tea,,,,,,T,1,,-1,,,", "stockOnHand: -1 is below 0"),
        ("Tea,tea,,,,,,T,1,,1.0,,,", "stockOnHand: '1.0' is no whole number"),
        ("Tea,tea,,,,,,T,1,,1,maybe,,", "trackInventory: 'maybe' is neither TRUE nor FALSE"),
        ("Tea,tea,,,brand,,,T,1,,1,,,", "facet 'brand' is not name:value"),
        ("Tea,tea,,,:Apple,,,T,1,,1,,,", "facet ':Apple' is not name:value"),
        ("Tea,tea,,,,size,,T,1,,1,,,", "optionValues: 0 values for 1 option groups"),
        ("Tea,tea,,,,size,S|M,T,1,,1,,,", "optionValues: 2 values for 1 option groups"),
    ],
)
def test_a_bad_vendure_cell_skips_its_product_with_line_and_reason(row: str, reason: str) -> None:
    told = read(vendure(row, "Good,good,,,,,,G,1,,,,,"))
    assert refusals(told) == [(2, "tea", reason)]
    assert isinstance(told[-1], ToldProduct)


def test_the_dialect_is_told_by_the_header() -> None:
    assert open_sheet(vendure()).dialect is Dialect.VENDURE
    assert open_sheet(shopify()).dialect is Dialect.SHOPIFY


def test_a_wrong_header_is_refused_naming_the_closest_dialect_and_what_it_lacks() -> None:
    with pytest.raises(HeaderUnknown) as caught:
        open_sheet("Handle,Title,Variant SKU\n")
    assert str(caught.value) == (
        "The header is closest to the dialect shopify, but lacks: Variant Price. Known dialects: "
        "shopify, vendure. Nothing was imported."
    )
    with pytest.raises(HeaderUnknown) as caught:
        open_sheet(VENDURE.replace("price,", "").replace("facets,", ""))
    assert (caught.value.dialect, caught.value.missing) == ("vendure", "facets, price")


def test_a_named_dialect_is_the_only_one_that_is_tried() -> None:
    with pytest.raises(HeaderUnknown) as caught:
        open_sheet(vendure(), dialect=Dialect.SHOPIFY)
    assert (caught.value.dialect, caught.value.missing) == (
        "shopify",
        "Handle, Title, Variant SKU, Variant Price",
    )
    assert str(caught.value) == (
        "The header is not of the dialect shopify, but of vendure. Add the option --dialect "
        "vendure, or leave it out. Nothing was imported."
    )


def test_a_column_that_is_there_twice_is_refused() -> None:
    with pytest.raises(HeaderTwice) as caught:
        open_sheet("Handle,Title,Variant SKU,Variant Price,Tags, Tags\n")
    assert str(caught.value) == (
        "The header names the column 'Tags' twice. Remove or rename one. Nothing was imported."
    )


def test_columns_without_a_name_are_ignored() -> None:
    assert one("Handle,Title,Variant SKU,Variant Price,,\ntea,Tea,T,1,x,y\n").draft.slug == "tea"


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", " , \n"])
def test_a_file_without_a_header_is_refused(content: str) -> None:
    with pytest.raises(FileEmpty, match=r"tea\.csv is empty"):
        open_sheet(content)


def test_a_row_with_too_many_cells_is_refused_with_its_line() -> None:
    sheet = open_sheet("Handle,Title,Variant SKU,Variant Price\ntea,Tea, black,T,1\n")
    with pytest.raises(RowTooLong) as caught:
        rules.count_products(sheet)
    assert str(caught.value) == (
        "The row in line 2 has 5 cells, the header has 4 columns. Put cells with commas in quotes. "
        "Nothing was imported."
    )


def test_cells_that_are_missing_at_the_end_of_a_row_are_empty() -> None:
    told = one("Handle,Title,Variant SKU,Variant Price,Tags,Type\ntea,Tea,T,1\n")
    assert told.draft.collections == ()


def test_a_file_that_ends_in_the_middle_of_a_row_is_refused() -> None:
    sheet = open_sheet("Handle,Title,Variant SKU,Variant Price,Tags\na,A,A,1,x\ntea,Tea,T,1")
    with pytest.raises(FileDamaged) as caught:
        rules.count_products(sheet)
    assert (caught.value.line, caught.value.reason) == (
        3,
        "the file ends in the middle of it, 1 cells before its end",
    )


def test_batches_have_100_products_or_fewer_if_they_have_many_variants() -> None:
    def product(variants: int) -> ToldProduct:
        draft = ProductDraft(
            slug="x",
            name="X",
            variants=tuple(VariantDraft(sku=str(n)) for n in range(variants)),
        )
        return ToldProduct(line=1, draft=draft, stock={})

    refused = RefusedProduct(line=1, product="x", reason="y")
    small = [product(1)] * 250
    assert [len(batch) for batch in rules.batches(small)] == [100, 100, 50]
    assert [len(batch) for batch in rules.batches([refused] * 100)] == [100]
    assert [len(batch) for batch in rules.batches([product(2_000)] * 4)] == [3, 1]
    assert list(rules.batches([])) == []
