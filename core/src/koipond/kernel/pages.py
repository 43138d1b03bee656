"""Keyset pages: where the last page ended, as an opaque cursor that only this shop can read."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

import msgspec
from msgspec import Struct

from koipond.kernel.errors import DomainError, domain_error

T = TypeVar("T")
FIRST_DEFAULT = 20
FIRST_MAX = 100

# The sort key of a row, ending in something unique.
Key = tuple[str | int | datetime | None, ...]


@domain_error
class PageInvalid(DomainError):
    """A page size out of range, or a cursor that this list did not give."""

    code: ClassVar[str] = "BAD_USER_INPUT"
    value: str

    def __str__(self) -> str:
        return (
            f"{self.value[:60]} cannot be paged by: `first` is 1 to {FIRST_MAX} and `after` is an "
            "endCursor of the same list in the same order."
        )


class Page(Struct, frozen=True, kw_only=True):
    """Which part of a list is wanted: the `first` rows behind the key `after`."""

    first: int
    after: Key | None = None


class Slice(Struct, Generic[T], frozen=True, kw_only=True):
    """One page of rows, the key of each, and whether more follow."""

    rows: Sequence[T]
    keys: Sequence[Key]
    has_next: bool


def page(first: int | None, after: str | None, *, shape: tuple[Any, ...]) -> Page:
    """Read the arguments of a list. shape: the types in its sort key. Raises PageInvalid."""
    size = FIRST_DEFAULT if first is None else check_size(first)
    return Page(first=size, after=None if after is None else _read(after, shape))


def check_size(first: int | None) -> int:
    """Return how many rows a page has that is asked for so many. Raises PageInvalid."""
    if first is None or not 1 <= first <= FIRST_MAX:
        raise PageInvalid(value=f"first: {'null' if first is None else first}")
    return first


def cursor(key: Key) -> str:
    """Write a row's sort key as an opaque cursor."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(key)).decode().rstrip("=")


def cut(rows: Sequence[T], keys: Sequence[Key], wanted: Page) -> Slice[T]:
    """Make a page of rows that were read with one row more than `wanted.first`, to see the end."""
    size = wanted.first
    return Slice(rows=rows[:size], keys=keys[:size], has_next=len(rows) > size)


def _read(text: str, shape: tuple[Any, ...]) -> Key:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        key: Key = msgspec.msgpack.decode(raw, type=tuple[shape])  # type: ignore[valid-type]  # made at run time
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise PageInvalid(value=f"after: {text!r}") from error
    if not all(_can_be_held(one) for one in key):
        raise PageInvalid(value=f"after: {text!r}")
    return key


def _can_be_held(value: object) -> bool:
    """Tell whether a row can hold it; else it is no key, and PostgreSQL would not even compare it.

    As a BIGINT, and as a text.
    """
    if isinstance(value, int):
        return -(1 << 63) <= value < 1 << 63
    return not (isinstance(value, str) and "\0" in value)
