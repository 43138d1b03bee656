"""docs/staff.md shows what runs."""

import re
from pathlib import Path

from koipond_sdk.testing import STAFF, RunningShop

TEXT = (Path(__file__).parents[3] / "docs" / "staff.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"<!-- as: staff -->\n```graphql\n(.*?)```", TEXT, re.DOTALL)


async def test_all_that_is_shown_is_done_by_staff_one_after_the_other(shop: RunningShop) -> None:
    assert len(SHOWN) == TEXT.count("```graphql") > 9
    for document in SHOWN:
        answer = await shop.graphql(document, viewer=STAFF, admin=True)
        assert "errors" not in answer, (document, answer)
        told = answer["data"].values()
        assert [one["userErrors"] for one in told if "userErrors" in one] in ([], [[]]), answer
