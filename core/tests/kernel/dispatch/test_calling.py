"""What each kind of hook does when a plugin raises, is late or answers nonsense."""

import asyncio
import socket
import time
from typing import Any

import pytest
from core.tests.kernel.dispatch.ponds import PondDry, dispatcher, plugin
from core.tests.kernel.dispatch.specs import Ctx, Price
from structlog.testing import capture_logs

from koipond.kernel.dispatch import (
    Dispatcher,
    HookMistake,
    Mood,
    PluginFailed,
    guarding,
    implement,
    watching,
)
from koipond.kernel.dispatch.tracing import draw, traced


@implement()
async def fish_inputs(ctx: Any, pond: str) -> Any:
    return Price(minor=len(pond))


@implement()
def fish_prices(pond: str, inputs: Any) -> Any:
    return [Price(minor=inputs.minor * 10)]


@implement()
async def pond_validate() -> Any:
    return []


GOOD = plugin(fish_inputs, fish_prices, pond_validate)


class Broke(Exception):
    """A plugin's own bug."""


def failing(name: str, wrong: str) -> Any:
    """Make an implementation of the async hook `name` that goes wrong in this way."""

    async def raises() -> Any:
        raise Broke

    async def answers_nonsense() -> Any:
        return object()

    async def never_returns() -> Any:
        await asyncio.Event().wait()

    made = {"raises": raises, "nonsense": answers_nonsense, "never": never_returns}[wrong]
    made.__name__ = name
    return implement()(made)


WRONG = pytest.mark.parametrize("wrong", ["raises", "nonsense", "never"])


@WRONG
async def test_at_checkout_a_load_that_fails_is_a_refusal_that_names_the_plugin(wrong: str) -> None:
    made = dispatcher(bad=plugin(failing("fish_inputs", wrong)), good=GOOD)
    with capture_logs() as logs, pytest.raises(PluginFailed) as refused:
        await made.load("fish_inputs", Ctx(), "west", mood=Mood.REFUSE)
    assert (refused.value.plugin, refused.value.hook) == ("bad", "fish_inputs")
    assert [(one["plugin"], one["hook"]) for one in logs] == [("bad", "fish_inputs")]


@WRONG
async def test_in_a_list_a_load_that_fails_is_left_out_logged_and_counted(wrong: str) -> None:
    made = dispatcher(bad=plugin(failing("fish_inputs", wrong)), good=GOOD)
    with capture_logs() as logs:
        found = await made.load("fish_inputs", Ctx(), "west", mood=Mood.SKIP)
    assert found == {"good": Price(minor=4)}
    assert [one["plugin"] for one in logs] == ["bad"]
    assert failures(made) == {("bad", "fish_inputs"): 1}


@WRONG
async def test_a_validator_that_fails_is_a_refusal_and_the_others_are_asked(wrong: str) -> None:
    @implement()
    async def pond_validate() -> Any:
        return [PondDry()]

    last = plugin(pond_validate)
    made = dispatcher(bad=plugin(failing("pond_validate", wrong)), zander=last)
    found = await made.validate("pond_validate", Ctx(), "west")
    assert [one.code for one in found] == ["PLUGIN_ERROR", "POND_DRY"]


async def test_a_refusal_that_a_validator_raises_is_its_answer() -> None:
    @implement()
    async def pond_validate() -> Any:
        raise PondDry

    made = dispatcher(carp=plugin(pond_validate))
    with capture_logs() as logs:
        assert [one.code for one in await made.validate("pond_validate", Ctx(), "")] == ["POND_DRY"]
    assert logs == []


@WRONG
async def test_who_takes_part_and_fails_ends_the_transaction(wrong: str) -> None:
    made = dispatcher(bad=plugin(failing("pond_filling", wrong)))
    with pytest.raises(PluginFailed) as refused:
        await made.take_part("pond_filling", Ctx, "west")
    assert refused.value.plugin == "bad"


async def test_each_who_takes_part_is_lent_what_is_its_own() -> None:
    seen: list[tuple[str, str]] = []

    @implement()
    async def pond_filling(ctx: Any, pond: str) -> None:
        seen.append((ctx.lent_to, pond))

    made = dispatcher(carp=plugin(pond_filling), pike=plugin(pond_filling))
    await made.take_part("pond_filling", Ctx, "west")
    assert seen == [("carp", "west"), ("pike", "west")]


@pytest.mark.parametrize("mood", Mood)
def test_a_calculation_that_raises_is_a_refusal_or_left_out(mood: Mood) -> None:
    @implement()
    def fish_prices() -> Any:
        raise Broke

    made = dispatcher(bad=plugin(fish_prices), good=GOOD)
    inputs = {"good": Price(minor=2)}
    if mood is Mood.REFUSE:
        with pytest.raises(PluginFailed, match="bad"):
            made.calculate("fish_prices", inputs, "west", mood=mood)
    else:
        found = made.calculate("fish_prices", inputs, "west", mood=mood)
        assert found == [("good", [Price(minor=20)])]


def test_who_loaded_nothing_is_not_asked_and_who_loads_nothing_is() -> None:
    @implement()
    def fish_prices(inputs: Any) -> Any:
        assert inputs is None
        return [Price(minor=1)]

    made = dispatcher(good=GOOD, plain=plugin(fish_prices))
    assert made.calculate("fish_prices", {}, "west", mood=Mood.REFUSE) == [
        ("plain", [Price(minor=1)])
    ]


async def test_by_key_the_one_that_declares_it_is_called() -> None:
    @implement(key="trout")
    async def fish_fry(pond: str) -> int:
        return len(pond)

    made = dispatcher(carp=plugin(fish_fry))
    assert await made.ask_by_key("fish_fry", "trout", Ctx(), "west") == 4
    assert set(made.registry.keys["fish_fry"]) == {"trout"}


async def test_an_event_that_a_plugin_fails_on_is_to_be_told_again() -> None:
    made = dispatcher(bad=plugin(failing("rained", "raises")))
    with pytest.raises(PluginFailed):
        await made.tell("rained", "bad", Ctx(), None)


def test_at_start_a_plugin_that_raises_or_answers_nonsense_is_named() -> None:
    @implement()
    def register_names(prefix: str) -> Any:
        return prefix if prefix == "text" else {}[prefix]

    made = dispatcher(bad=plugin(register_names))
    with pytest.raises(HookMistake, match=r"plugin bad: register_names raised KeyError\('x'\)"):
        made.contribute("register_names", "bad", "x")
    words = r"plugin bad: register_names returned str where list\[str\] is due"
    with pytest.raises(HookMistake, match=words):
        made.contribute("register_names", "bad", "text")
    assert made.contribute("register_names", "nobody", "x") is None


async def test_who_is_off_in_a_channel_is_asked_nothing_there() -> None:
    @implement()
    async def pond_validate(ctx: Any) -> Any:
        return [PondDry()]

    class There:
        plugins_off = frozenset({"carp"})

    made = dispatcher(carp=plugin(pond_validate), pike=plugin(pond_validate))
    assert len(await made.validate("pond_validate", There(), "pond")) == 1
    assert len(await made.validate("pond_validate", None, "pond")) == 2


async def test_who_cancels_the_caller_is_not_taken_for_a_deadline() -> None:
    made = dispatcher(slow=plugin(failing("pond_validate", "never")))
    task = asyncio.create_task(made.validate("pond_validate", Ctx(), ""))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert failures(made) == {}


async def test_a_loop_that_is_asked_twice_to_cut_a_call_cuts_it_once() -> None:
    @implement()
    async def pond_validate() -> Any:
        # As a busy loop does: it comes to both of what the watching thread has asked meanwhile.
        (running,) = watching._running
        running.cut()
        running.cut()
        await asyncio.Event().wait()

    made = dispatcher(slow=plugin(pond_validate))
    assert len(await made.validate("pond_validate", Ctx(), "")) == 1


async def test_a_deadline_leaves_the_caller_free_to_wait_again() -> None:
    made = dispatcher(slow=plugin(failing("pond_validate", "never")))
    assert len(await made.validate("pond_validate", Ctx(), "")) == 1
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


@pytest.mark.slow
def test_a_calculation_that_does_not_end_is_named_with_where_it_is() -> None:
    @implement()
    def fish_prices() -> Any:
        time.sleep(0.8)
        return []

    made = dispatcher(slow=plugin(fish_prices))
    with capture_logs() as logs:
        made.calculate("fish_prices", {}, "west", mood=Mood.REFUSE)
    (said,) = [one for one in logs if one["event"] == "a hook does not end"]
    assert (said["plugin"], said["hook"]) == ("slow", "fish_prices")
    assert "time.sleep(0.8)" in said["stack"]


def reach_out() -> Any:
    socket.create_connection(("127.0.0.1", 9), timeout=1)


async def test_a_calculation_that_reaches_out_is_refused() -> None:
    guarding.refuse_reaching_out()

    @implement()
    def fish_prices() -> Any:
        reach_out()

    made = dispatcher(chatty=plugin(fish_prices))
    with capture_logs() as logs, pytest.raises(PluginFailed):
        made.calculate("fish_prices", {}, "west", mood=Mood.REFUSE)
    assert told(logs).startswith("plugin chatty: fish_prices reaches out (socket.")


async def test_who_takes_part_and_reaches_out_is_refused() -> None:
    guarding.refuse_reaching_out()

    @implement()
    async def pond_filling() -> None:
        reach_out()

    made = dispatcher(chatty=plugin(pond_filling))
    with capture_logs() as logs, pytest.raises(PluginFailed):
        await made.take_part("pond_filling", Ctx, "west")
    assert told(logs).startswith("plugin chatty: pond_filling reaches out (socket.")


def told(logs: Any) -> str:
    (one,) = logs
    return str(one["exc_info"])


async def test_what_was_called_is_drawn_as_a_tree() -> None:
    made = dispatcher(bad=plugin(failing("fish_inputs", "raises")), good=GOOD)
    with traced() as calls:
        inputs = await made.load("fish_inputs", Ctx(), "west", mood=Mood.SKIP)
        made.calculate("fish_prices", inputs, "west", mood=Mood.SKIP)
    drawn = draw("mutation placeOrder", calls).splitlines()
    assert [line.split("  ")[0] for line in drawn[:2]] == ["mutation placeOrder", "├─ fish_inputs"]
    assert [line.rpartition("  ")[0].split("  ")[0] for line in drawn[2:]] == [
        "│",
        "│",
        "└─ fish_prices",
        "",
    ]
    assert "bad" in drawn[2]
    assert "failed: Broke()" in drawn[2]


def failures(made: Dispatcher) -> dict[tuple[str, str], int]:
    return {
        (plugin, hook): one.failures
        for plugin, hook, one in made.registry.measures()
        if one.failures
    }
