"""SQL that locks accounts, and reads what they have under their locks."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Uuid, bindparam, literal_column, null, select, type_coerce, union_all

from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.ids import LedgerAccountId, TransferId
from koipond.kernel.prepared import Prepared
from koipond.ledger.repository.rows import ACCOUNT, BUCKET, to_accounts, to_buckets
from koipond.ledger.tables import ledger_account, ledger_bucket, ledger_transfer
from koipond.ledger.types import Account, AccountKey, Bucket, TransferKind

# In the order of their ids: two moves between two members the opposite way cannot deadlock.
_LOCK = Prepared(
    select(*ACCOUNT)
    .where(ledger_account.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(ledger_account.c.id)
    .with_for_update(key_share=True)
)
_b = ledger_bucket.c
_BUCKETS = select(*BUCKET).where(
    _b.account_id.in_(bindparam("ids", expanding=True)), _b.remaining > literal_column("0")
)
_FIND_BUCKETS = Prepared(_BUCKETS)
# Another statement than the one that locks: that one reads what is older than its lock.
_LOOK = Prepared(
    union_all(
        _BUCKETS.add_columns(type_coerce(null(), Uuid).label("booked")),
        select(
            null(), null(), literal_column("0"), literal_column("0"), ledger_transfer.c.id
        ).where(
            ledger_transfer.c.kind == bindparam("kind"),
            ledger_transfer.c.source == bindparam("source"),
        ),
    )
)


async def lock(db: AsyncConnection, ids: Collection[LedgerAccountId]) -> list[Account]:
    """Lock accounts that store a balance, and return those that are there, by their ids."""
    return to_accounts(await _LOCK.rows(db, {"ids": sorted(ids)}))


async def add_accounts(db: AsyncConnection, keys: Mapping[LedgerAccountId, AccountKey]) -> None:
    """Store empty accounts with a balance; those that there are by now stay as they are."""
    rows: Sequence[dict[str, Any]] = [
        {
            "id": key,
            "owner_kind": named.kind,
            "owner": named.owner,
            "unit": named.unit,
            "balance": 0,
            "debt": 0,
            "set_aside": 0,
            "bookings": 0,
        }
        for key, named in sorted(keys.items())
    ]
    await db.execute(insert(db, ledger_account).values(rows).on_conflict_do_nothing())


async def look(
    db: AsyncConnection, ids: Collection[LedgerAccountId], kind: TransferKind, source: str
) -> tuple[list[Bucket], TransferId | None]:
    """Return what locked accounts have, and what was booked of this kind for a source, if any."""
    rows = await _LOOK.rows(db, {"ids": sorted(ids), "kind": kind, "source": source})
    booked = next((TransferId(row[4]) for row in rows if row[4] is not None), None)
    return to_buckets(row for row in rows if row[4] is None), booked


async def find_buckets(db: AsyncConnection, ids: Iterable[LedgerAccountId]) -> list[Bucket]:
    """Return what accounts have."""
    return to_buckets(await _FIND_BUCKETS.rows(db, {"ids": sorted(ids)}))
