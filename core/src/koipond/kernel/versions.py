"""Versions and ranges of them, as plugin.toml writes them: 0.1 or >=0.1,<0.3."""

from __future__ import annotations

import re

_PART = re.compile(r"(>=|<=|==|>|<|)\s*(\d+(?:\.\d+)*)")


class RangeInvalid(ValueError):
    """A range of versions that cannot be read."""


def within(version: str, wanted: str) -> bool:
    """Tell whether a version is in a range; a bare 0.1 stands for 0.1 and every 0.1.x.

    Raises RangeInvalid.
    """
    return all(_holds(_numbers(version), part.strip()) for part in wanted.split(","))


def _holds(version: tuple[int, ...], part: str) -> bool:
    found = _PART.fullmatch(part)
    if found is None:
        raise RangeInvalid(f"{part!r} is no range of versions; 0.1 and >=0.1,<0.3 are")
    sign, limit = found[1], _numbers(found[2])
    if not sign:
        return version[: len(limit)] == limit
    size = max(len(version), len(limit))
    left, right = _padded(version, size), _padded(limit, size)
    outcomes = {
        ">=": left >= right,
        "<=": left <= right,
        "==": left == right,
        ">": left > right,
        "<": left < right,
    }
    return outcomes[sign]


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: 0.2.0rc1 counts as 0.2.0."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else (0,)


def _padded(version: tuple[int, ...], size: int) -> tuple[int, ...]:
    return version + (0,) * (size - len(version))
