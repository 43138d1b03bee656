"""Compares tables with the code that describes them, and drafts the revision that is missing."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.runtime.migration import MigrationContext
from sqlalchemy import JSON, Connection, MetaData

from koipond.kernel.db import BY_HAND, Database, Instant
from koipond.kernel.revisions import Unit, head

_FILE = '''"""{message}."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "{revision}"
down_revision = {behind}


def upgrade() -> None:
    """{message}."""
    _do_not_queue()
{up}


def downgrade() -> None:
    """Undo it."""
    _do_not_queue()
{down}


def _do_not_queue() -> None:
    """Give up after 5 s: who waits for a lock on a table keeps everyone else off it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL lock_timeout = '5s'")
'''


async def find_drift(database: Database, unit: Unit, described: MetaData) -> list[str]:
    """Say in words where a unit's tables are not as its code describes them."""
    async with database.reading() as connection:
        return await connection.run_sync(lambda sync: list(_drift(sync, unit, described)))


async def draft(database: Database, unit: Unit, described: MetaData, message: str) -> Path | None:
    """Write the revision that brings the tables to what the code describes; None if they are.

    The database must be at the unit's newest revision. A draft is to be read and mended by hand.
    """
    async with database.reading() as connection:
        code = await connection.run_sync(_code, unit, described)
    if code is None:
        return None
    folder = unit.folder / "versions"
    folder.mkdir(parents=True, exist_ok=True)
    behind = head(unit)
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")[:40]
    revision = f"{len(list(folder.glob('*.py'))) + 1:04}_{slug}"
    text = _FILE.format(
        message=message.strip().rstrip("."),
        revision=revision,
        behind=f'"{behind}"' if behind else "None",
        up=code[0],
        down=code[1],
    )
    if "postgresql." not in code[0] + code[1]:
        text = text.replace("from sqlalchemy.dialects import postgresql\n", "")
    file = folder / f"{revision}.py"
    file.write_text(text, encoding="utf-8")
    return file


def _code(connection: Connection, unit: Unit, described: MetaData) -> tuple[str, str] | None:
    context = _context(connection, unit, described)
    found = produce_migrations(context, described)
    up, down = found.upgrade_ops, found.downgrade_ops
    if up is None or down is None or up.is_empty():
        return None
    return _rendered(up, context), _rendered(down, context)


def _rendered(ops: Any, context: MigrationContext) -> str:
    # In batches, because SQLite alters a table by copying it.
    code = render_python_code(
        ops, render_as_batch=True, render_item=_render, migration_context=context
    )
    lines = [line for line in textwrap.dedent(f"    {code}").splitlines() if "###" not in line]
    return textwrap.indent("\n".join(lines).strip("\n"), "    ")


def _render(kind: str, value: Any, context: Any) -> str | Literal[False]:
    """Write our own types in SQLAlchemy's words: a revision must not change with our code."""
    if kind == "type" and isinstance(value, Instant):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(value, JSON):
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def _context(connection: Connection, unit: Unit, described: MetaData) -> MigrationContext:
    by_hand = described.info.get(BY_HAND, ())

    def is_own(name: str | None, kind: str, parents: Any) -> bool:
        if kind == "index" and name in by_hand:
            return False
        return kind != "table" or name in described.tables or unit.owns(name or "")

    options = {
        "version_table": unit.version_table,
        "include_name": is_own,
        "target_metadata": described,
        "compare_type": True,
    }
    return MigrationContext.configure(connection, opts=options)


def _drift(connection: Connection, unit: Unit, described: MetaData) -> Iterator[str]:
    for found in compare_metadata(_context(connection, unit, described), described):
        # Several changes of one column come as a list.
        for change in found if isinstance(found, list) else [found]:
            yield _words(change)


def _words(change: Any) -> str:
    """Say ("add_column", schema, table, column) and its like in words."""
    kind = str(change[0]).replace("_", " ")
    names = [
        getattr(part, "name", part)
        for part in change[1:]
        if part is not None and (isinstance(part, str) or hasattr(part, "name"))
    ]
    table = getattr(getattr(change[1], "table", None), "name", None)
    place = ".".join(str(name) for name in dict.fromkeys([*([table] if table else []), *names]))
    return f"{kind} {place}"
