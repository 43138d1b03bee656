"""Tables about plugins. They hold no keys: a plugin may be gone while its rows are here."""

from sqlalchemy import CheckConstraint, Column, Integer, String, Table

from koipond.kernel.db import Document, Instant, metadata

# What staff set, each for one channel or, with an empty channel, for all that have no own value.
plugin_setting = Table(
    "plugin_setting",
    metadata,
    Column("plugin", String(40), primary_key=True),
    # A channel's code, or "".
    Column("channel", String(40), primary_key=True),
    # {field: value}, only those that were set.
    Column("document", Document, nullable=False),
    # Counts the changes, so that nobody overwrites what they have not seen.
    Column("version", Integer, nullable=False),
    Column("changed_at", Instant, nullable=False),
    CheckConstraint("version >= 1", name="version"),
)

# Which plugins are off, each in one channel or, with an empty channel, everywhere.
plugin_state = Table(
    "plugin_state",
    metadata,
    Column("plugin", String(40), primary_key=True),
    # A channel's code, or "".
    Column("channel", String(40), primary_key=True),
    Column("disabled_at", Instant, nullable=False),
)

# Whose tables were made here: without its package nothing else says what a plugin's are called.
plugin_tables = Table(
    "plugin_tables",
    metadata,
    Column("plugin", String(40), primary_key=True),
    Column("prefix", String(40), nullable=False),
)
