"""Edits: a row that staff change counts its changes, so that nobody overwrites what they never saw.

A use-case first locks what it changes, then reads its version, and refuses by `check_version` of
kernel/errors.py what was meant for another one; None is whichever it is, 0 what there is not yet.
"""

from typing import Any

from sqlalchemy import Column, Integer, Table, text


def version() -> Column[int]:
    """Return the column that counts the changes of a row, whoever makes them: 1 when it is made."""
    return Column("version", Integer, nullable=False, default=1, onupdate=text("version + 1"))


def upserted(table: Table, made: Any, *names: str) -> dict[str, Any]:
    """Return what ON CONFLICT sets: columns as they were to be inserted, and the next version."""
    return {name: made.excluded[name] for name in names} | {"version": table.c.version + 1}
