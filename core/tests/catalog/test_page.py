"""What docs/catalogue.md shows runs as it stands."""

import re
from pathlib import Path
from typing import Any

from koipond_sdk.testing.shop import RunningShop

PAGE = Path(__file__).parents[3] / "docs" / "catalogue.md"


async def test_every_example_of_the_page_is_answered(shop: RunningShop) -> None:
    await shop.make_product("TEA-100", name="Green tea 茶", price="12.50", stock=3)
    examples = re.findall(r"```graphql\n(.*?)```", PAGE.read_text(), re.S)
    assert len(examples) == 4
    answers: list[Any] = [await shop.graphql(one) for one in examples]
    assert [one.get("errors") for one in answers] == [None] * 4
    found = answers[2]["data"]
    assert found["products"]["nodes"] == [{"slug": "tea-100"}]
    assert found["chinese"]["nodes"] == [{"slug": "tea-100"}]
    assert answers[3]["data"]["products"]["facets"]["inStock"] == 1
