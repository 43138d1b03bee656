"""Tables of imports: how far each came, so that one that was stopped can be gone on with."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    Uuid,
)

from koipond.kernel.db import Document, Instant, metadata
from koipond.kernel.filing import stored_file

import_run = Table(
    "import_run",
    metadata,
    Column("id", Uuid, primary_key=True),
    # An ImportKind.
    Column("kind", String(20), nullable=False),
    Column("file_name", String(200), nullable=False),
    # SHA-256 in hexadecimal.
    Column("file_hash", String(64), nullable=False),
    # SHA-256 of all that an import is known again by: the file, and how it is told.
    Column("key", String(64), nullable=False),
    Column("channel_id", ForeignKey("channel.id"), nullable=False),
    # ImportOptions
    Column("options", Document, nullable=False),
    Column("dialect", String(20), nullable=False),
    # The file that was sent; NULL: one of the machine's that it was begun on.
    Column("file_id", ForeignKey(stored_file.c.id, ondelete="SET NULL"), nullable=True),
    # An ImportState.
    Column("state", String(20), nullable=False),
    Column("dry_run", Boolean, nullable=False),
    # What the file tells of, and how much of that is dealt with: stored or refused, in its order.
    Column("total", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("unchanged", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("stock_booked", BigInteger, nullable=False),
    Column("stock_left_alone", BigInteger, nullable=False),
    # Why it was refused as a whole.
    Column("problem", Text, nullable=False),
    # The staff member, or the service; NULL: who has the machine.
    Column("requested_by", Uuid, nullable=True),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant, nullable=True),
    CheckConstraint("done = created + changed + unchanged + refused", name="done"),
    Index(None, "key"),
)

import_refusal = Table(
    "import_refusal",
    metadata,
    Column("run_id", ForeignKey("import_run.id"), primary_key=True),
    Column("line", BigInteger, primary_key=True),
    # What the line is of, such as a product's slug.
    Column("item", Text, nullable=False),
    # Which column is at fault, if one is.
    Column("column", String(200), nullable=False),
    Column("code", String(80), nullable=False),
    Column("reason", Text, nullable=False),
)
