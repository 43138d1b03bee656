"""What docs/catalogue.md shows runs as it stands, on the catalogue of the demo."""

import re
from pathlib import Path
from typing import Any

from core.tests.imports.loading import load

from koipond_sdk.testing.shop import RunningShop

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "catalogue.md"
DEMO = ROOT / "examples" / "demo"


async def test_every_example_of_the_page_finds_something_in_the_demo(shop: RunningShop) -> None:
    await load(shop, DEMO / "catalog.en.csv")
    await load(shop, DEMO / "catalog.zh.csv", locale="zh-Hans", currency="CNY")
    examples = re.findall(r"```graphql\n(.*?)```", PAGE.read_text(), re.S)
    there = {"Koi-Locale": "zh-Hans", "Koi-Currency": "CNY"}
    answers: list[Any] = [await shop.graphql(one, headers=there) for one in examples]
    assert [one.get("errors") for one in answers] == [None] * 4
    product, page, search, facets = (one["data"] for one in answers)
    assert [one["sku"] for one in product["product"]["variants"]] == [
        "TEA-LJ-050",
        "TEA-LJ-100",
        "TEA-LJ-250",
    ]
    assert page["products"]["totalCount"] == 5
    assert search["products"]["nodes"]
    assert len(search["chinese"]["nodes"]) == 5
    assert facets["products"]["facets"]["categories"]
