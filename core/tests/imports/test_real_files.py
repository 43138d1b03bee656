"""Files that were not written for tests: Vendure's own catalogue, and that of the demo."""

import os
from pathlib import Path

import pytest

from koipond.imports import service
from koipond.imports.types import Counts, ImportOptions, ImportReport, RefusedRow
from koipond_sdk.testing.shop import STAFF, RunningShop

pytestmark = pytest.mark.story

DEMO = Path(__file__).parents[3] / "examples" / "demo"


async def load(shop: RunningShop, file: Path, **options: str) -> ImportReport:
    async with shop.context(viewer=STAFF) as ctx:
        return await service.import_catalog(ctx, file, ImportOptions(**options))


async def count(shop: RunningShop, *tables: str) -> list[int]:
    return [len(await shop.rows(table)) for table in tables]


@pytest.mark.slow
@pytest.mark.skipif("KOI_TEST_DATA" not in os.environ, reason="KOI_TEST_DATA names no folder")
async def test_vendures_own_catalogue_is_imported_and_a_second_time_changes_nothing(
    shop: RunningShop,
) -> None:
    file = Path(os.environ["KOI_TEST_DATA"]) / "products-vendure.csv"
    first = await load(shop, file, asset_base="https://cdn.example/assets")
    # In the file three variants of one chair share a SKU.
    chair = RefusedRow(
        line=88,
        item="modern-cafe-chair",
        reason="SKU 404.038.96 is already in line 87; it names one variant",
    )
    assert first.refusals == (chair,)
    assert first.counts == Counts(created=53, refused=1, stock_booked=85)
    assert await count(
        shop, "product", "variant", "category", "attribute", "attribute_value", "price", "media"
    ) == [53, 85, 9, 3, 28, 85, 53]
    before = await shop.snapshot()
    again = await load(shop, file, asset_base="https://cdn.example/assets")
    assert again.counts == Counts(unchanged=53, refused=1, stock_left_alone=85)
    after = await shop.snapshot()
    assert {name for name in after if after[name] != before[name]} == {
        "import_run",
        "import_refusal",
    }
    answer = await shop.graphql(
        """{ product(slug: "laptop") {
          name categories { name } attributes { name value } media { url }
          variants { sku name price { amount currency } }
        } }"""
    )
    assert answer["data"]["product"] == {
        "name": "Laptop",
        "categories": [{"name": "Electronics"}, {"name": "Computers"}],
        "attributes": [{"name": "brand", "value": "Apple"}],
        "media": [{"url": "https://cdn.example/assets/derick-david-409858-unsplash.jpg"}],
        "variants": [
            {
                "sku": sku,
                "name": name,
                "price": {"amount": amount, "currency": "EUR"},
            }
            for sku, name, amount in (
                ("L2201308", "13 inch / 8GB", "1299.00"),
                ("L2201508", "15 inch / 8GB", "1399.00"),
                ("L2201316", "13 inch / 16GB", "2199.00"),
                ("L2201516", "15 inch / 16GB", "2299.00"),
            )
        ],
    }


@pytest.mark.slow
async def test_the_demos_two_files_are_one_catalogue_in_two_languages(shop: RunningShop) -> None:
    english = await load(shop, DEMO / "catalog.en.csv", asset_base="/media")
    tables = ("product", "variant", "category", "collection", "attribute", "media")
    counted = await count(shop, *tables)
    chinese = await load(
        shop, DEMO / "catalog.zh.csv", locale="zh-Hans", currency="CNY", asset_base="/media"
    )
    assert english.refusals == chinese.refusals == ()
    assert english.counts.created == chinese.counts.changed == 60
    # The second adds texts and prices, and nothing else.
    assert await count(shop, *tables) == counted
    assert len(await shop.rows("price")) == 2 * len(await shop.rows("variant"))
    before = await shop.snapshot()
    for file, options in (
        ("catalog.en.csv", {}),
        ("catalog.zh.csv", {"locale": "zh-Hans", "currency": "CNY"}),
    ):
        again = await load(shop, DEMO / file, asset_base="/media", **options)
        assert again.counts.unchanged == 60
    after = await shop.snapshot()
    assert {name for name in after if after[name] != before[name]} == {"import_run"}
