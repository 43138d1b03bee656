"""Plugins whose hooks cannot be used are refused at start, in words."""

import re
from typing import Any

import pytest
from core.tests.kernel.dispatch.ponds import dispatcher, plugin

from koipond.kernel.dispatch import HookMistake, implement


def test_a_misspelt_hook_is_named_with_the_one_that_was_meant() -> None:
    @implement()
    async def pond_validat(ctx: Any) -> Any: ...

    refused(
        "plugin carp: pond_validat is no hook. pond_validate may be meant. "
        "Rename it, or take the mark away.",
        carp=plugin(pond_validat),
    )


def test_a_wrong_argument_is_named_with_those_that_there_are() -> None:
    @implement()
    async def pond_validate(ctx: Any, ponds: str) -> Any: ...

    refused(
        "plugin carp: pond_validate takes an argument ponds, which there is not. "
        "pond may be meant. There are: ctx, pond.",
        carp=plugin(pond_validate),
    )


def test_arguments_that_have_no_names_are_refused() -> None:
    @implement()
    async def pond_validate(ctx: Any, **rest: Any) -> Any: ...

    refused("plugin carp: pond_validate takes **rest: Any: name the", carp=plugin(pond_validate))


def test_a_hook_that_must_wait_and_does_not_is_refused() -> None:
    @implement()
    def pond_validate(ctx: Any) -> Any: ...

    refused(
        "plugin carp: pond_validate is `def`, and must be `async def`.", carp=plugin(pond_validate)
    )


def test_a_calculation_that_would_wait_is_refused() -> None:
    @implement()
    async def fish_prices(pond: str) -> Any: ...

    refused("plugin carp: fish_prices is `async def`, and must be `def`", carp=plugin(fish_prices))


def test_a_hook_that_was_not_marked_is_found() -> None:
    async def pond_validate(ctx: Any) -> Any: ...

    refused("Mark it with @implement()", carp=plugin(pond_validate))


def test_what_is_called_by_key_says_which() -> None:
    @implement()
    async def fish_fry(ctx: Any) -> Any: ...

    refused('mark it with @implement(key="…")', carp=plugin(fish_fry))


def test_a_key_where_none_is_asked_for_is_refused() -> None:
    @implement(key="carp")
    async def pond_validate(ctx: Any) -> Any: ...

    refused("pond_validate is not called by key", carp=plugin(pond_validate))


def test_two_plugins_with_one_key_are_both_named() -> None:
    @implement(key="trout")
    async def fish_fry(ctx: Any) -> Any: ...

    refused(
        "plugin pike: fish_fry answers for the key 'trout', and so does carp.",
        carp=plugin(fish_fry),
        pike=plugin(fish_fry),
    )


def test_plugins_that_want_to_precede_each_other_are_named() -> None:
    @implement(before=("pike",))
    async def pond_validate(ctx: Any) -> Any: ...

    first = plugin(pond_validate)

    @implement(before=("carp",))
    async def pond_validate(ctx: Any) -> Any: ...

    refused(r"pond_validate is to be called before itself", carp=first, pike=plugin(pond_validate))


def test_the_order_is_the_plugins_wish_then_their_names() -> None:
    @implement()
    async def pond_validate(ctx: Any) -> Any: ...

    bream, pike, trout = (plugin(pond_validate) for _ in range(3))

    @implement(after=("pike", "nobody"))
    async def pond_validate(ctx: Any) -> Any: ...

    last = plugin(pond_validate)
    made = dispatcher(pike=pike, carp=last, trout=trout, bream=bream)
    assert made.plugins("pond_validate") == ["bream", "pike", "trout", "carp"]


def refused(words: str, **plugins: Any) -> None:
    with pytest.raises(HookMistake, match=re.escape(words)):
        dispatcher(**plugins)
