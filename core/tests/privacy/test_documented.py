"""docs/privacy.md shows what runs."""

import re
from pathlib import Path
from typing import Any

from core.tests.oneid.people import People
from core.tests.payment.till import Till
from core.tests.privacy.test_erasing import session_of
from msgspec import structs

from koipond_sdk.hooks import Erasure
from koipond_sdk.testing import RunningShop

TEXT = (Path(__file__).parents[3] / "docs" / "privacy.md").read_text(encoding="utf-8")
[FORGET] = re.findall(r"```graphql\n(.*?)```", TEXT, re.DOTALL)
[BLOCK] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


async def test_what_is_shown_asks_to_be_forgotten(shop: RunningShop) -> None:
    people = People(Till(shop))
    lin = await people.meet("lin@example.org")
    session = await session_of(people, lin)
    viewer = structs.replace(people.viewer(lin), session_id=session)
    answer = await shop.graphql(FORGET, {"confirm": "lin@example.org"}, viewer=viewer)
    assert answer["data"]["eraseMe"] == {"request": {"state": "WAITING"}, "userErrors": []}


def test_what_is_shown_declares_a_table() -> None:
    shown: dict[str, Any] = {"__name__": "documented"}
    exec(compile(BLOCK, "docs/privacy.md", "exec", dont_inherit=True), shown)
    [said] = shown["register_privacy"]()
    assert (said.table, said.erasure) == ("wish_item", Erasure.DELETE)
