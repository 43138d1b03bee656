"""The list of attacks and of where each is tried, as rows.toml has it."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from msgspec import Struct, convert

ROOT = Path(__file__).parents[2]
_LIST = Path(__file__).with_name("rows.toml")


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """An attack. where: files, folders or `file::test`; none only if `missing` says why."""

    number: str
    tried: str
    answer: str
    where: list[str]
    missing: str = ""


@cache
def read_rows() -> tuple[Row, ...]:
    """Return all rows, in their order."""
    return convert(tomllib.loads(_LIST.read_text(encoding="utf-8"))["row"], tuple[Row, ...])


def rows_of(node_id: str) -> list[str]:
    """Return the numbers of the rows that a test is one of."""
    return [row.number for row in read_rows() if any(_is_in(node_id, one) for one in row.where)]


def _is_in(node_id: str, place: str) -> bool:
    behind = node_id.removeprefix(place)
    return behind != node_id and (not behind or behind[0] in "/:[")
