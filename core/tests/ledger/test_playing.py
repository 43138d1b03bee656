"""All acts on a ledger in any order, against a model; see playing.py.

Its long form is battery 11: 10,000 steps on each database.
"""

import os

import pytest
from core.tests.ledger.playing import Ledgers
from sqlalchemy.exc import IntegrityError
from tests.rig.naive import built
from tests.rig.playing import play

from koipond_sdk.testing.databases import Databases, Kind
from koipond_sdk.testing.plugin import KINDS

STEPS = int(os.environ.get("KOI_RACE_STEPS", "100"))
GAMES = int(os.environ.get("KOI_RACE_GAMES", "100"))
# Builds that differ in one line, and in no lock: one act after the other tells them apart.
BROKEN = [
    "what expires last is spent first",
    "what comes later pays no debt",
    *(
        pytest.param(build, marks=pytest.mark.faults)
        for build in (
            "what comes back is always good for the grace",
            "what comes back in parts comes from the earliest days",
            "what is set aside expires",
        )
    ),
]


@pytest.mark.parametrize("games", [2, pytest.param(6, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(300)
def test_a_ledger_is_what_the_model_says_whatever_is_done(
    databases: Databases, kind: Kind, games: int
) -> None:
    play(Ledgers, databases, kind, steps=30, games=games)


@pytest.mark.slow
@pytest.mark.sqlite
@pytest.mark.parametrize("build", BROKEN)
@pytest.mark.timeout(300)
def test_the_model_finds_what_a_broken_ledger_does(databases: Databases, build: str) -> None:
    with built(build), pytest.raises((AssertionError, IntegrityError)):
        play(Ledgers, databases, Kind.SQLITE, steps=30, games=30, number=7)


@pytest.mark.faults
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(7_200)
def test_a_ledger_is_what_the_model_says_for_ten_thousand_steps(
    databases: Databases, kind: Kind
) -> None:
    play(Ledgers, databases, kind, steps=STEPS, games=GAMES, shrinks=True)
