"""Tables of imports: how far each came, so that one that was stopped can be gone on with."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    Uuid,
)

from koipond.kernel.db import Instant, metadata

import_run = Table(
    "import_run",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("file_name", String(200), nullable=False),
    # SHA-256 in hexadecimal; with the next six, what an import is known again by.
    Column("file_hash", String(64), nullable=False),
    Column("channel_id", ForeignKey("channel.id"), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("locale", String(35), nullable=False),
    Column("asset_base", Text, nullable=False),
    Column("encoding", String(40), nullable=False),
    # Empty: the shop's default location.
    Column("location", String(40), nullable=False),
    Column("dialect", String(20), nullable=False),
    # A RunState.
    Column("state", String(20), nullable=False),
    # Products of the file that are dealt with: stored or refused, in the file's order.
    Column("products_done", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("unchanged", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("stock_booked", BigInteger, nullable=False),
    Column("stock_left_alone", BigInteger, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant, nullable=True),
    CheckConstraint("products_done = created + changed + unchanged + refused", name="done"),
    Index(None, "file_hash"),
)

import_refusal = Table(
    "import_refusal",
    metadata,
    Column("run_id", ForeignKey("import_run.id"), primary_key=True),
    Column("line", BigInteger, primary_key=True),
    Column("product", Text, nullable=False),
    Column("reason", Text, nullable=False),
)
