"""docs/orders.md shows what the schemas have."""

import re
from pathlib import Path

import pytest
from graphql import parse, validate

from koipond.app import make_schemas
from koipond.order import rules

TEXT = (Path(__file__).parents[3] / "docs" / "orders.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```graphql\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_request_that_is_shown_can_be_sent(block: str) -> None:
    schemas = make_schemas(())
    schema = schemas.storefront if "token" in block else schemas.admin
    assert validate(schema._schema, parse(block)) == []


def test_every_reason_is_shown_with_what_can_be_done_about_it() -> None:
    rows = dict(re.findall(r"\| `([A-Z_]+)` \| [^|]+ \| ([^|]+) \|", TEXT))
    assert {reason: re.findall(r"`(\w+)`", actions) for reason, actions in rows.items()} == {
        reason.name: [str(one) for one in actions]
        for reason, actions in rules.ATTENTION_ACTIONS.items()
    }
