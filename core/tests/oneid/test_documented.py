"""docs/one-id.md shows what runs."""

import re
from pathlib import Path
from typing import Any

from core.tests.oneid.people import People

from koipond.kernel.ids import MemberId, encode
from koipond_sdk.testing import STAFF

TEXT = (Path(__file__).parents[3] / "docs" / "one-id.md").read_text(encoding="utf-8")
LOOK, MERGE, UNDO = re.findall(r"```graphql\n(.*?)```", TEXT, re.DOTALL)
BLOCK = "\n\n".join(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))


async def ask(people: People, document: str, **variables: Any) -> dict[str, Any]:
    answer = await people.shop.graphql(document, variables, viewer=STAFF, admin=True)
    assert "errors" not in answer, answer
    [payload] = answer["data"].values()
    found: dict[str, Any] = payload
    return found


async def test_what_is_shown_merges_and_parts(people: People) -> None:
    lin, mei = await people.meet("lin@example.org"), await people.meet("mei@example.org")
    first, second = [
        (await ask(people, LOOK, id=encode(MemberId, one)))["mergeStamp"] for one in (lin, mei)
    ]
    merged = await ask(
        people,
        MERGE,
        survivor=encode(MemberId, lin),
        merged=encode(MemberId, mei),
        first=first,
        second=second,
    )
    assert merged["userErrors"] == []
    shown: dict[str, Any] = {"__name__": "documented"}
    exec(compile(BLOCK, "docs/one-id.md", "exec", dont_inherit=True), shown)
    async with people.shop.context() as ctx:
        assert await shown["greet"](ctx, mei) == lin
    undone = await ask(people, UNDO, merge=merged["merge"]["id"])
    assert undone["userErrors"] == []
    async with people.shop.context() as ctx:
        assert await shown["greet"](ctx, mei) == mei
