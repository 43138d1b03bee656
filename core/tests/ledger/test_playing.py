"""All acts on a ledger in any order, against a model; see playing.py.

Its long form is battery 11: 10,000 steps on each database.
"""

import os

import pytest
from core.tests.ledger.playing import play

from koipond_sdk.testing.databases import Databases, Kind
from koipond_sdk.testing.plugin import KINDS

STEPS = int(os.environ.get("KOI_RACE_STEPS", "100"))
GAMES = int(os.environ.get("KOI_RACE_GAMES", "100"))


@pytest.mark.parametrize("games", [2, pytest.param(6, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(300)
def test_a_ledger_is_what_the_model_says_whatever_is_done(
    databases: Databases, kind: Kind, games: int
) -> None:
    play(databases, kind, steps=30, games=games)


@pytest.mark.faults
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(7_200)
def test_a_ledger_is_what_the_model_says_for_ten_thousand_steps(
    databases: Databases, kind: Kind
) -> None:
    play(databases, kind, steps=STEPS, games=GAMES, shrinks=True)
