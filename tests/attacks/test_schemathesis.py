"""Both schemas are asked what schemathesis makes of them, as staff and as a guest.

Whatever is asked, the answer is one of GraphQL: never a failure of ours, never a status of 5xx.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis.graphql
from graphql import print_schema
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.graphql import nodes

from koipond.app import make_schemas
from koipond.graphql.private import core_schema
from koipond.kernel.plugins import discover
from koipond.kernel.viewer import GUEST
from koipond_sdk.testing import STAFF, RunningShop

pytestmark = [pytest.mark.long_attack, pytest.mark.timeout(600)]

# Of each root field.
EXAMPLES = int(os.environ.get("KOI_ATTACK_EXAMPLES", "3"))
# What a caller is told of a failure of ours.
BROKEN = "INTERNAL"
INT64 = 2**63
SCALARS = {
    "Quantity": st.integers(-INT64, INT64).map(nodes.Int),
    "Decimal": st.one_of(
        st.decimals(allow_nan=False, allow_infinity=False).map(str), st.text(max_size=40)
    ).map(nodes.String),
    "Date": st.one_of(st.dates().map(str), st.text(max_size=20)).map(nodes.String),
    "DateTime": st.one_of(
        st.datetimes().map(lambda at: f"{at.isoformat()}Z"), st.text(max_size=30)
    ).map(nodes.String),
    "JSON": st.text(max_size=20).map(nodes.String),
}


@pytest.fixture
def plugins() -> list[str]:
    return [plugin.name for plugin in discover()]


@pytest.mark.parametrize("name", ["storefront", "admin"])
async def test_every_answer_is_one(
    shop: RunningShop, name: str, tell: Callable[[str], None]
) -> None:
    await shop.make_product()
    failed, asked, done = [], 0, 0
    for document in make_documents(name):
        for viewer in (GUEST, STAFF):
            answer = await shop.graphql(document, viewer=viewer, admin=name == "admin")
            codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
            asked, done = asked + 1, done + (not codes)
            if BROKEN in codes:
                failed.append((document, answer))
    tell(f"{name}: {asked} operations as 2 actors, {done} without an error at the top")
    assert not failed, "".join(f"\n{one}" for one in failed)
    # They were not all refused before anything was done.
    assert done > asked / 5


def make_documents(name: str) -> list[str]:
    """Return documents of every root field of a schema, the same in each run."""
    for scalar, values in SCALARS.items():
        schemathesis.graphql.scalar(scalar, values)
    found: list[str] = []
    sdl = print_schema(core_schema(getattr(make_schemas(tuple(discover())), name)))
    for operation in schemathesis.graphql.from_file(sdl).get_all_operations():

        @settings(
            max_examples=EXAMPLES,
            phases=[Phase.generate],
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.ok().as_strategy())
        def collect(case: Any) -> None:
            found.append(case.body)

        collect()
    return found
