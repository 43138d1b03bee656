"""All acts of a purchase in any order, against a model; see tests/rig/purchases.py."""

import pytest
from tests.rig.playing import play
from tests.rig.purchases import Purchases

from koipond_sdk.testing.databases import Databases, Kind
from koipond_sdk.testing.plugin import KINDS


@pytest.mark.parametrize("games", [1, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(300)
def test_a_shop_is_what_the_model_says_whatever_is_done(
    databases: Databases, kind: Kind, games: int
) -> None:
    play(Purchases, databases, kind, steps=20, games=games)
