"""State machines as data: which moves there are, and the one check that every move passes."""

from __future__ import annotations

from collections.abc import Mapping, Set
from enum import StrEnum
from typing import TypeVar

S = TypeVar("S", bound=StrEnum)
Moves = Mapping[S, Set[S]]


def allows(moves: Moves[S], current: S, target: S) -> bool:
    """Tell whether `moves` lets something in `current` go to `target`."""
    return target in moves.get(current, frozenset())
