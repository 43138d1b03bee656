"""Runs the state machine of purchases on a database, from a seed that is printed."""

from __future__ import annotations

import asyncio
import secrets

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.rig.purchases import Purchases

from koipond_sdk.testing.databases import Databases, Kind


def play(databases: Databases, kind: Kind, *, steps: int, games: int, chosen: int = 0) -> int:
    """Play so many games of so many steps; returns the seed. chosen: one that failed before."""
    number = chosen or secrets.randbits(32)
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
    )
    try:
        run_state_machine_as_test(seed(number)(Game), settings=quietly)
    finally:
        loop.run_until_complete(databases.close())
        loop.close()
    return number
