"""Who goes beside whom: what counts already, found without comparing each with all others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from koipond.kernel.ids import OrderLineId
from koipond.pricing.types import Proposal, StackMode, Units

# Beside which modes of its group a proposal may not count, unless the two share no line.
_RIVALS: Mapping[StackMode, Sequence[StackMode]] = {
    StackMode.STACK: (StackMode.EXCLUSIVE,),
    StackMode.BEST_DEAL: (StackMode.EXCLUSIVE, StackMode.BEST_DEAL),
    StackMode.EXCLUSIVE: (*StackMode,),
}


class Contender(Struct, frozen=True):
    """A proposal and its turn among all of the order."""

    turn: int
    origin: str
    proposal: Proposal


# A proposal that counts, behind how many of its group came to count before it.
_Entry = tuple[int, Contender]


class Counted:
    """The proposals of one group that count.

    A cart of ten thousand proposals asks ten thousand times, so whom one meets is looked up by
    mode and line.
    """

    def __init__(self) -> None:
        self._size = 0
        self._first: dict[StackMode, _Entry] = {}
        # Those that meet all of their rivals, whatever lines they are for.
        self._first_of_all: dict[StackMode, _Entry] = {}
        self._first_of_line: dict[tuple[StackMode, OrderLineId], _Entry] = {}

    def add(self, one: Contender) -> None:
        """Note that a proposal counts."""
        mode, entry = one.proposal.stacking.mode, (self._size, one)
        self._size += 1
        self._first.setdefault(mode, entry)
        lines = _own_lines(one.proposal)
        if lines is None:
            self._first_of_all.setdefault(mode, entry)
            return
        for line in lines:
            self._first_of_line.setdefault((mode, line), entry)

    def find_met(self, proposal: Proposal) -> Contender | None:
        """Return the first that counts and that a proposal may not go beside."""
        lines = _own_lines(proposal)
        met: _Entry | None = None
        for mode in _RIVALS[proposal.stacking.mode]:
            first = self._first.get(mode)
            if first is None:
                continue
            for entry in (first,) if lines is None else self._find_on(mode, lines):
                if met is None or entry < met:
                    met = entry
        return None if met is None else met[1]

    def _find_on(self, mode: StackMode, lines: Units) -> Iterator[_Entry]:
        """Find the first of a mode for each of these lines, and the first that is for all."""
        if mode in self._first_of_all:
            yield self._first_of_all[mode]
        for line in lines:
            if (mode, line) in self._first_of_line:
                yield self._first_of_line[mode, line]


def _own_lines(proposal: Proposal) -> Units | None:
    """Return the lines on which alone a proposal meets others; None: it meets them anyway."""
    return proposal.targets if proposal.stacking.per_line else None
