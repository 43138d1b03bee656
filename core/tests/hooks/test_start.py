"""What goes wrong in a hook that is called at start refuses the start, in words."""

import re

import pytest
from core.tests.hooks.toys import SPECS, Broke, Fault, Wrong, going_wrong, hurry, toy
from structlog.testing import capture_logs

from koipond.app import make_hooks, make_schemas
from koipond.extending import gather
from koipond.kernel.dispatch import HookMistake, Kind
from koipond.kernel.plugins import Plugin

AT_START = [name for name, spec in SPECS.items() if spec.declared.kind is Kind.CONTRIBUTE]
HOOKS = pytest.mark.parametrize("hook", AT_START)


def start(plugin: Plugin) -> None:
    """Do what starting a shop does with its plugins."""
    gather([plugin], make_hooks([plugin]), core_jobs={})
    make_schemas((plugin,))


@HOOKS
def test_one_that_raises_is_named_with_its_error_and_the_fix(hook: str) -> None:
    words = f"plugin bad: {hook} raised Broke(). Mend it, or run: koi plugin disable bad."
    with pytest.raises(HookMistake, match=f"^{re.escape(words)}$") as refused:
        start(toy(hook, going_wrong(hook, Fault(Wrong.RAISES))))
    assert isinstance(refused.value.__cause__, Broke)


@HOOKS
def test_one_that_answers_nonsense_is_told_what_is_due(hook: str) -> None:
    words = rf"^plugin bad: {hook} returned object where .+ is due\. Mend it, or run: koi plugin"
    with pytest.raises(HookMistake, match=words):
        start(toy(hook, going_wrong(hook, Fault(Wrong.ANSWERS_NONSENSE))))


@pytest.mark.slow
@HOOKS
def test_one_that_does_not_return_is_named_with_where_it_is(
    hook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch, hook)
    fault = Fault(Wrong.NEVER_RETURNS)
    with capture_logs() as logs:
        make_hooks([toy(hook, going_wrong(hook, fault))])._call.contribute(
            hook, "bad", *[None for _ in SPECS[hook].arguments]
        )
    (said,) = [one for one in logs if one["event"] == "a hook does not end"]
    assert (said["plugin"], said["hook"]) == ("bad", hook)
    assert "time.sleep" in said["stack"]
