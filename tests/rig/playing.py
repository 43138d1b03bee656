"""Plays a state machine of Hypothesis on a database, from a seed that is printed."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from koipond_sdk.testing.databases import Databases, Kind


class Machine(RuleBasedStateMachine):
    """A game against a model. open_database: returns the address of an emptied database."""

    loop: asyncio.AbstractEventLoop
    open_database: Callable[[], Coroutine[Any, Any, str]]


def play(
    machine: type[Machine],
    databases: Databases,
    kind: Kind,
    *,
    steps: int,
    games: int,
    shrinks: bool = False,
    number: int | None = None,
) -> int:
    """Play so many games of so many steps; returns the seed.

    shrinks: look for the shortest way to what failed, which takes up to five minutes. number: the
    seed. KOI_RACE_SEED plays the games of a seed that failed before.
    """
    if number is None:
        number = int(os.environ.get("KOI_RACE_SEED", secrets.randbits(32)))
    print(f"seed {number}")
    loop = asyncio.new_event_loop()

    class Game(machine):  # type: ignore[valid-type, misc]  # a class that is given
        pass

    Game.loop = loop
    Game.open_database = staticmethod(lambda: databases.emptied(kind))
    quietly = settings(
        max_examples=games,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        phases=[Phase.generate, *([Phase.shrink] if shrinks else [])],
    )
    try:
        run_state_machine_as_test(seed(number)(Game), settings=quietly)
    finally:
        loop.run_until_complete(databases.close())
        loop.close()
    return number
