"""docs/events.md shows what there is."""

import re
from pathlib import Path

import pytest
from graphql import parse, validate

from koipond.app import make_schemas
from koipond.kernel.schedules import Misfire

TEXT = (Path(__file__).parents[3] / "docs" / "events.md").read_text(encoding="utf-8")
REQUESTS = re.findall(r"```graphql\n(.*?)```", TEXT, re.DOTALL)
PROGRAMS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("block", REQUESTS)
def test_every_request_that_is_shown_can_be_sent(block: str) -> None:
    assert validate(make_schemas(()).admin._schema, parse(block)) == []


def test_every_program_that_is_shown_runs_and_is_taken(tmp_path: Path) -> None:
    from types import ModuleType

    from koipond.app import make_hooks
    from koipond.duties import JOBS
    from koipond.extending import gather
    from koipond.kernel.plugins import Manifest, Plugin

    hooks = ModuleType("shown")
    for block in PROGRAMS:
        exec(block, vars(hooks))
    manifest = Manifest(name="shown", version="1", api="0.1", summary="", table_prefix="shown")
    plugin = Plugin(manifest=manifest, package="shown", folder=tmp_path, hooks=hooks)
    made = make_hooks([plugin])
    found = gather([plugin], made, core_jobs=JOBS)
    assert [one.recurs for one in found.recurring] == ["30 2 * * * Europe/Berlin"]
    (consumer,) = made.consumers()
    assert [event.name() for event in consumer.events] == ["OrderConfirmed", "Refunded"]


def test_every_policy_for_missed_ticks_is_explained() -> None:
    assert re.findall(r"\| `([A-Z]+)` \|", TEXT) == [
        one.name for one in (Misfire.ONCE, Misfire.SKIP, Misfire.ALL)
    ]
