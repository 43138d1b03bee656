"""Where in the answer a level's objects stand: told only when an error asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Places(Protocol):
    """The places of a list of values, in their order."""

    def path(self, index: int) -> list[str | int]:
        """Return the path of one of them, as the specification writes it."""


class Root:
    """The place of the answer itself."""

    def path(self, index: int) -> list[str | int]:
        """Return the empty path."""
        return []


class OfField:
    """The places of one field of a level's objects."""

    __slots__ = ("_key", "_parents")

    def __init__(self, parents: Places, key: str) -> None:
        self._parents = parents
        self._key = key

    def path(self, index: int) -> list[str | int]:
        """Return the object's path and the field's key."""
        return [*self._parents.path(index), self._key]


class OfItems:
    """The places of the items of several lists, one list after the other."""

    __slots__ = ("_lengths", "_lists")

    def __init__(self, lists: Places, lengths: Sequence[int]) -> None:
        """lengths: of each list, 0 where there is none."""
        self._lists = lists
        self._lengths = lengths

    def path(self, index: int) -> list[str | int]:
        """Return the list's path and the item's index in it."""
        at = 0
        while index >= self._lengths[at]:
            index -= self._lengths[at]
            at += 1
        return [*self._lists.path(at), index]


class Some:
    """A few of several places."""

    __slots__ = ("_all", "_chosen")

    def __init__(self, every: Places, chosen: Sequence[int]) -> None:
        self._all = every
        self._chosen = chosen

    def path(self, index: int) -> list[str | int]:
        """Return the path of the chosen one."""
        return self._all.path(self._chosen[index])
