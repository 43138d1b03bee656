"""What a plugin's tables.py and repository.py are made of, beside SQLAlchemy itself."""

from typing import Literal, get_args

from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, MetaData, Table, event

from koipond.catalog.tables import product, variant
from koipond.channel.tables import channel
from koipond.kernel.db import NAMES, AsyncConnection, Document, Instant, insert
from koipond.member.tables import member
from koipond.order.tables import order, order_line

CoreTable = Literal["channel", "member", "order", "order_line", "product", "variant"]
OnDelete = Literal["RESTRICT", "SET NULL", "CASCADE"]

_KEYS: dict[CoreTable, Column[object]] = {
    "channel": channel.c.id,
    "member": member.c.id,
    "order": order.c.id,
    "order_line": order_line.c.id,
    "product": product.c.id,
    "variant": variant.c.id,
}


class TableNameRefused(ValueError):
    """A table of a plugin that does not carry its prefix."""


class KeyRuleMissing(ValueError):
    """A key of a plugin's table that does not say what happens when the other row is deleted."""


class _PluginTables(MetaData):
    def __init__(self, prefix: str) -> None:
        super().__init__(naming_convention=NAMES)
        self.prefix = prefix


@event.listens_for(Table, "after_parent_attach")
def _refuse_foreign_name(table: Table, parent: object) -> None:
    if isinstance(parent, _PluginTables) and not table.name.startswith(f"{parent.prefix}_"):
        raise TableNameRefused(
            f"table {table.name!r}: the tables of this plugin start with {parent.prefix}_, "
            f"so that no two plugins want one name. Call it {parent.prefix}_{table.name}."
        )


@event.listens_for(ForeignKeyConstraint, "after_parent_attach")
def _refuse_key_without_rule(key: ForeignKeyConstraint, table: object) -> None:
    if (
        isinstance(table, Table)
        and isinstance(table.metadata, _PluginTables)
        and key.ondelete is None
    ):
        columns = ", ".join(key.column_keys)
        raise KeyRuleMissing(
            f"table {table.name!r}: the key {columns} does not say what is to happen when the row "
            'it points at is deleted. Use ref("member"), which says RESTRICT, or name another '
            "rule: ondelete."
        )


def tables(prefix: str) -> MetaData:
    """Make the MetaData of one plugin's tables; a table named otherwise than `prefix_…` is refused.

    prefix: `table_prefix` in plugin.toml. Constraints and indexes without a name get core's form.
    """
    return _PluginTables(prefix)


def ref(table: CoreTable, *, ondelete: OnDelete = "RESTRICT") -> ForeignKey:
    """Point a column at the id of one of core's tables; the column takes its type from there.

    CASCADE is for what is only shown. Rows that stand for money or points outlive the thing they
    point at: RESTRICT, or SET NULL beside a stored name.
    """
    if table not in _KEYS:
        known = ", ".join(get_args(CoreTable))
        raise ValueError(f"{table!r} is no table that plugins may point at. Those are: {known}.")
    return ForeignKey(_KEYS[table], ondelete=ondelete)


__all__ = [
    "AsyncConnection",
    "CoreTable",
    "Document",
    "Instant",
    "KeyRuleMissing",
    "OnDelete",
    "TableNameRefused",
    "insert",
    "ref",
    "tables",
]
