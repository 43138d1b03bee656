"""Vendure's rows become drafts of products, without a database."""

import pytest
from core.tests.imports.sheets import PRICE, one, open_sheet, read, refusals, vendure

from koipond.catalog.types import MediaDraft, ProductDraft, VariantDraft
from koipond.imports.errors import HeaderUnknown
from koipond.imports.types import Dialect, ToldProduct
from koipond.kernel.texts import Locale


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
