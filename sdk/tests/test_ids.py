"""Ids of a plugin's own type."""

from typing import NewType
from uuid import UUID

import pytest

from koipond.kernel.ids import PREFIXES, IdInvalid, IdPrefixTaken
from koipond_sdk import OrderId, declare_id, decode, encode, new_id

PondId = NewType("PondId", UUID)
FishId = NewType("FishId", UUID)


@pytest.fixture(autouse=True)
def prefixes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Declare for this test only."""
    for kind in (PondId, FishId):
        monkeypatch.setitem(PREFIXES, kind, "")
        del PREFIXES[kind]


def test_an_id_of_a_plugin_is_written_and_read_as_those_of_core() -> None:
    declare_id(PondId, "pond")
    declare_id(PondId, "pond")
    key = PondId(new_id())
    assert encode(PondId, key)[:5] == "pond_"
    assert decode(PondId, encode(PondId, key)) == key
    with pytest.raises(IdInvalid, match="not the id of a pond: those are pond_"):
        decode(PondId, encode(OrderId, OrderId(new_id())))


def test_a_prefix_stands_for_one_type_of_thing() -> None:
    declare_id(PondId, "pond")
    for prefix, holder in (("ord", "OrderId"), ("pond", "PondId")):
        with pytest.raises(IdPrefixTaken, match=f"{prefix}_ stands for {holder} already"):
            declare_id(FishId, prefix)
    assert FishId not in PREFIXES
