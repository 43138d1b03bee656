"""A plan answers what graphql-core answers, for random schemas, objects and operations."""

import os
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from core.tests.graphql.executor.comparing import difference, run_by_core, run_by_plan
from core.tests.graphql.executor.operations import Written
from core.tests.graphql.executor.worlds import World
from graphql import parse, validate

from koipond.graphql.executor import completing
from koipond.graphql.executor.completing import Completing
from koipond.graphql.executor.failing import FAILED, Run
from koipond.kernel.context import Context
from koipond_sdk.testing import RunningShop

# `make fuzz` sets more.
CASES = int(os.environ.get("KOI_FUZZ_CASES", "1000"))
OPERATIONS_OF_A_WORLD = 20
PARTS = 10


@pytest.mark.fuzz
@pytest.mark.one_database
@pytest.mark.parametrize("part", range(PARTS))
async def test_a_plan_answers_what_graphql_core_answers(shop: RunningShop, part: int) -> None:
    worlds = range(part, CASES // OPERATIONS_OF_A_WORLD, PARTS)
    async with shop.context() as ctx:
        differing = [
            f"seed {seed}:\n{text}\n{found}" async for seed, text, found in differences(ctx, worlds)
        ]
    assert differing == []


@pytest.mark.slow
@pytest.mark.one_database
@pytest.mark.parametrize("broken", ["null", "error", "order", "type", "place"])
async def test_a_broken_executor_is_found(
    shop: RunningShop, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    BREAKING[broken](monkeypatch)
    async with shop.context() as ctx:
        async for _ in differences(ctx, range(25)):
            return
    pytest.fail("500 cases, and no difference")


async def differences(ctx: Context, worlds: Iterable[int]) -> AsyncIterator[tuple[int, str, str]]:
    """Yield (seed, operation, what differs) of some worlds."""
    for seed in worlds:
        world = World(seed)
        for n in range(OPERATIONS_OF_A_WORLD):
            written = Written(world.core, seed * OPERATIONS_OF_A_WORLD + n)
            document = parse(written.text)
            # Validating takes as long as all else: one in twenty shows that they are valid.
            assert n or validate(world.core, document) == [], written.text
            ours = await run_by_plan(world.core, document, written.variables, ctx)
            theirs = await run_by_core(world.core, document, written.variables, ctx)
            found = difference(ours, theirs)
            if found is not None:
                yield seed, written.text, found


def let_null_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Completing, "_without_null", lambda self, values, places: values)


def forget_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "fail", lambda self, error, field, path: FAILED)


def turn_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = completing._closed
    monkeypatch.setattr(
        completing,
        "_closed",
        lambda items, may_be_null: closed(items[::-1], may_be_null=may_be_null),
    )


def believe_types(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check_nothing(self: Any, *_: Any) -> None:
        """Take every value for one of its type."""

    monkeypatch.setattr(Completing, "_check_types", check_nothing)


def lose_places(monkeypatch: pytest.MonkeyPatch) -> None:
    fail = Run.fail
    monkeypatch.setattr(Run, "fail", lambda self, error, field, path: fail(self, error, field, []))


BREAKING = {
    "null": let_null_pass,
    "error": forget_errors,
    "order": turn_lists,
    "type": believe_types,
    "place": lose_places,
}
