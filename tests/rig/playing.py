"""Runs the state machine of purchases on a database, from a seed that is printed."""

from __future__ import annotations

import asyncio
import os
import secrets

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.rig.purchases import Purchases

from koipond_sdk.testing.databases import Databases, Kind


def play(databases: Databases, kind: Kind, *, steps: int, games: int, shrinks: bool = False) -> int:
    """Play so many games of so many steps; returns the seed.

    shrinks: look for the shortest way to what failed, which takes up to five minutes.
    KOI_RACE_SEED plays the games of a seed that failed before.
    """
    number = int(os.environ.get("KOI_RACE_SEED", secrets.randbits(32)))
    print(f"seed {number}")
    loop = asyncio.new_event_loop()

    class Game(Purchases):
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
