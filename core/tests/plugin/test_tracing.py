"""Which hooks a request called, told as a tree."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from core.tests.kernel.dispatch.ponds import dispatcher, plugin

from koipond.cli import koi
from koipond.cli.tracing import HookTrace
from koipond.kernel.dispatch import implement


async def test_after_a_request_its_hooks_are_told_and_without_any_nothing_is() -> None:
    @implement()
    async def pond_validate() -> Any:
        return []

    hooks = dispatcher(carp=plugin(pond_validate))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/graphql":
            await hooks.validate("pond_validate", None, "deep")

    told: list[str] = []
    answering: Any = app
    traced: Any = HookTrace(answering, told.append)
    await traced({"type": "http", "method": "GET", "path": "/health"}, None, None)
    assert told == []
    await traced({"type": "http", "method": "POST", "path": "/graphql"}, None, None)
    (tree,) = told
    first, second, third = tree.splitlines()
    assert first.startswith("POST /graphql  ")
    assert second.startswith("└─ pond_validate  ")
    assert third.startswith("   └─ carp  ")
    assert all(line.endswith(" ms") for line in (first, second, third))


@pytest.mark.slow
def test_a_purchase_is_traced_in_a_shop_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(koi, ["plugin", "trace"], prog_name="koi")
    assert result.exit_code == 0, result.output
    assert '"userErrors": []' in result.stdout, result.output
    assert list(tmp_path.iterdir()) == []
