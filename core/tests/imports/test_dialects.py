"""How a file of products is told to be of a dialect, and read row by row; without a database."""

import pytest
from core.tests.imports.sheets import VENDURE, one, open_sheet, shopify, vendure

from koipond.catalog.types import ProductDraft, VariantDraft
from koipond.imports import rules
from koipond.imports.errors import FileDamaged, FileEmpty, HeaderTwice, HeaderUnknown, RowTooLong
from koipond.imports.types import Dialect, RefusedRow, ToldProduct


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

    refused = RefusedRow(line=1, item="x", reason="y")
    small = [product(1)] * 250
    assert [len(batch) for batch in rules.batches(small)] == [100, 100, 50]
    assert [len(batch) for batch in rules.batches([refused] * 100)] == [100]
    assert [len(batch) for batch in rules.batches([product(2_000)] * 4)] == [3, 1]
    assert list(rules.batches([])) == []
