"""The long form of tests/races/test_purchases.py.

How long: KOI_RACE_GAMES (50) games of up to KOI_RACE_STEPS (50) acts; 200 of 500 take an hour.
"""

import os
from collections.abc import Callable

import pytest
from tests.rig.playing import play
from tests.rig.purchases import Purchases

from koipond_sdk.testing.databases import Databases, Kind
from koipond_sdk.testing.plugin import KINDS

GAMES = int(os.environ.get("KOI_RACE_GAMES", "50"))
STEPS = int(os.environ.get("KOI_RACE_STEPS", "50"))


@pytest.mark.faults
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(7_200)
def test_a_shop_is_what_the_model_says_for_long(
    databases: Databases, kind: Kind, tell: Callable[[str], None]
) -> None:
    number = play(Purchases, databases, kind, steps=STEPS, games=GAMES, shrinks=True)
    tell(f"seed {number}: {GAMES} games of up to {STEPS} acts")
