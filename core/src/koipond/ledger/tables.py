"""Tables of the ledger: transfers and entries are added, never changed.

Only accounts of members and payees store a balance, under their row's lock; a system account is the
sum of its entries, so that nobody queues for it. An entry has no foreign keys: each would lock the
system account's row, which all of them name, and look for a transfer that the same statement
writes. `koi doctor --audit` looks instead.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    literal_column,
)

from koipond.kernel.db import Instant, metadata
from koipond.ledger.types import KEY_MAX, SOURCE_MAX, UNIT_MAX

ledger_account = Table(
    "ledger_account",
    metadata,
    # Made of the other three: whoever knows these knows it, without asking.
    Column("id", Uuid, primary_key=True),
    # An OwnerKind.
    Column("owner_kind", String(6), nullable=False),
    # The id of a member or payee, or a name.
    Column("owner", String(KEY_MAX), nullable=False),
    Column("unit", String(UNIT_MAX), nullable=False),
    # NULL, as all that follow, where it is the system's.
    Column("balance", BigInteger),
    Column("debt", BigInteger),
    Column("set_aside", BigInteger),
    Column("bookings", BigInteger),
    # How often it was changed: whoever read its buckets before it was locked knows if they are old.
    Column("version", BigInteger),
    # Whose it is now that its owner is somebody else, too: a merged member's. It is empty then, and
    # whoever books on it books on the account of that owner.
    Column("heir", String(KEY_MAX)),
    UniqueConstraint("owner_kind", "owner", "unit"),
    CheckConstraint(
        "CASE owner_kind WHEN 'system' "
        "THEN coalesce(balance, debt, set_aside, bookings, version) IS NULL "
        "ELSE balance + debt + set_aside + bookings + version IS NOT NULL END",
        name="stored",
    ),
    # Below zero by its debt only, and nothing is available beside a debt.
    CheckConstraint("debt >= 0 AND set_aside >= 0 AND set_aside <= balance + debt", name="balance"),
    CheckConstraint("debt = 0 OR set_aside = balance + debt", name="debt"),
    CheckConstraint("heir IS NULL OR (balance = 0 AND debt = 0 AND set_aside = 0)", name="heir"),
    # A balance is changed in place while its page has room and no index covers the change.
    postgresql_with={"fillfactor": "70"},
)

_HAS_HEIR = ledger_account.c.heir.is_not(None)
Index(
    "ix_ledger_account_heir",
    ledger_account.c.heir,
    postgresql_where=_HAS_HEIR,
    sqlite_where=_HAS_HEIR,
)

ledger_bucket = Table(
    "ledger_bucket",
    metadata,
    Column("account_id", ForeignKey("ledger_account.id"), primary_key=True),
    # "2026-11-22", the last good day, or "never", which sorts behind every day.
    Column("expires_on", String(10), primary_key=True),
    Column("remaining", BigInteger, nullable=False),
    Column("set_aside", BigInteger, nullable=False),
    CheckConstraint("set_aside >= 0 AND set_aside <= remaining", name="remaining"),
    postgresql_with={"fillfactor": "70"},
)
# Literal text, so that SQLite too can tell that a statement asks for what the index holds.
IS_FREE = ledger_bucket.c.remaining > ledger_bucket.c.set_aside
Index(
    "ix_ledger_bucket_expires_on",
    ledger_bucket.c.expires_on,
    postgresql_where=IS_FREE,
    sqlite_where=IS_FREE,
)

ledger_transfer = Table(
    "ledger_transfer",
    metadata,
    Column("id", Uuid, primary_key=True),
    # A TransferKind.
    Column("kind", String(7), nullable=False),
    Column("unit", String(UNIT_MAX), nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("source", String(SOURCE_MAX), nullable=False),
    Column("note", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("created_at", Instant, nullable=False),
    # The burn that was restored, the earning that was reversed.
    Column("undoes_id", ForeignKey("ledger_transfer.id")),
    # A repeat is known by it.
    UniqueConstraint("kind", "source"),
    CheckConstraint("units > 0", name="units"),
)
_UNDOES = ledger_transfer.c.undoes_id.is_not(None)
Index(
    "ix_ledger_transfer_undoes_id",
    ledger_transfer.c.undoes_id,
    postgresql_where=_UNDOES,
    sqlite_where=_UNDOES,
)

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("transfer_id", Uuid, primary_key=True),
    Column("account_id", Uuid, primary_key=True),
    # As in ledger_bucket, or "debt", or "" for a system account.
    Column("bucket", String(10), primary_key=True),
    Column("units", BigInteger, nullable=False),
    # Which booking of its account it belongs to; all entries of one transfer have the same.
    Column("nth", BigInteger),
    Column("balance_after", BigInteger),
    CheckConstraint("units <> 0", name="units"),
)
_IS_COUNTED = ledger_entry.c.nth.is_not(None)
Index(
    "ix_ledger_entry_nth",
    ledger_entry.c.account_id,
    ledger_entry.c.nth,
    postgresql_where=_IS_COUNTED,
    sqlite_where=_IS_COUNTED,
)

pending_transfer = Table(
    "pending_transfer",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account_id", ForeignKey("ledger_account.id"), nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("source", String(SOURCE_MAX), nullable=False, unique=True),
    Column("note", Text, nullable=False),
    Column("day", Date, nullable=False),
    # A PendingState.
    Column("state", String(6), nullable=False),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("units > 0", name="units"),
)
_IS_OPEN = pending_transfer.c.state == literal_column("'open'")
Index(
    "ix_pending_transfer_open",
    pending_transfer.c.account_id,
    postgresql_where=_IS_OPEN,
    sqlite_where=_IS_OPEN,
)

# Which buckets it was taken from.
pending_transfer_part = Table(
    "pending_transfer_part",
    metadata,
    Column("pending_transfer_id", ForeignKey("pending_transfer.id"), primary_key=True),
    Column("bucket", String(10), primary_key=True),
    Column("units", BigInteger, nullable=False),
    CheckConstraint("units > 0", name="units"),
)
