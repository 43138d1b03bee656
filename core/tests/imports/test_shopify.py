"""Shopify's rows become drafts of products, without a database."""

import pytest
from core.tests.imports.sheets import PRICE, one, read, refusals, shopify

from koipond.catalog.types import MediaDraft, ProductDraft, VariantDraft
from koipond.imports.types import ToldProduct
from koipond.kernel.money import Currency


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
