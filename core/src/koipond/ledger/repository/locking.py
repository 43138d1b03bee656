"""SQL that locks accounts, and reads what they have under their locks."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct
from sqlalchemy import and_, bindparam, literal_column, select
from sqlalchemy.dialects import postgresql

from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import LedgerAccountId, TransferId
from koipond.kernel.prepared import Prepared
from koipond.ledger.repository.rows import ACCOUNT, BUCKET, to_accounts, to_buckets
from koipond.ledger.tables import ledger_account, ledger_bucket, ledger_transfer
from koipond.ledger.types import Account, AccountKey, Bucket, OwnerKind, TransferKind

_b, _t = ledger_bucket.c, ledger_transfer.c
_HAS_UNITS = _b.remaining > literal_column("0")
_FIND_BUCKETS = Prepared(
    select(*BUCKET).where(_b.account_id.in_(bindparam("ids", expanding=True)), _HAS_UNITS)
)
_IS_BOOKED = and_(_t.kind == bindparam("kind"), _t.source == bindparam("source"))
_FIND_BOOKED = Prepared(select(_t.id).where(_IS_BOOKED))
_before, _system = ledger_account.alias("before"), ledger_account.alias("system")
# In the order of their ids: two moves between two members the opposite way cannot deadlock. All but
# the locked account is read as it was before the lock; `before` tells whether that is old.
_SEE = Prepared(
    select(
        *ACCOUNT,
        (ledger_account.c.version == _before.c.version).label("is_current"),
        _t.id.label("booked"),
        _system.c.id.label("system"),
        *(column.label(f"bucket_{column.name}") for column in BUCKET),
    )
    .join_from(ledger_account, _before, _before.c.id == ledger_account.c.id)
    .outerjoin(ledger_transfer, _IS_BOOKED)
    .outerjoin(_system, _system.c.id == bindparam("against"))
    .outerjoin(ledger_bucket, and_(_b.account_id == ledger_account.c.id, _HAS_UNITS))
    .where(ledger_account.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(ledger_account.c.id)
    .with_for_update(key_share=True, of=ledger_account)
)
_BESIDE = len(ACCOUNT)
_EMPTY = dict.fromkeys(("balance", "debt", "set_aside", "bookings", "version"), 0)
_FIND_HEIRS = Prepared(
    select(ledger_account.c.owner, ledger_account.c.heir).where(
        ledger_account.c.owner_kind == literal_column("'member'"),
        ledger_account.c.owner.in_(bindparam("owners", expanding=True)),
        ledger_account.c.heir.is_not(None),
    )
)
# It reads the same on both databases.
_ADD_ACCOUNT = Prepared(
    postgresql.insert(ledger_account).on_conflict_do_nothing().returning(ledger_account.c.id)
)


class Sight(Struct, frozen=True):
    """Locked accounts and what they have; booked: the transfer of the source, if there is one.

    has_system: whether the system account is there.
    """

    accounts: Sequence[Account]
    buckets: Sequence[Bucket]
    booked: TransferId | None
    has_system: bool


async def see(
    db: AsyncConnection,
    ids: Collection[LedgerAccountId],
    *,
    kind: TransferKind,
    source: str,
    against: LedgerAccountId | None,
) -> Sight:
    """Lock accounts that store a balance, by their ids, and read all that a booking is decided by.

    Those that are not there are left out. kind, source: of the booking. against: its system
    account.
    """
    given = {"ids": sorted(ids), "kind": kind, "source": source, "against": against}
    rows = await _SEE.rows(db, given)
    accounts = list({one.id: one for one in to_accounts(rows)}.values())
    beside = [row[_BESIDE:] for row in rows]
    has_system = any(system is not None for _, _, system, *_ in beside)
    if all(is_current for is_current, *_ in beside):
        booked = next((one for _, one, *_ in beside), None)
        buckets = to_buckets(bucket for _, _, _, *bucket in beside if bucket[0] is not None)
        return Sight(accounts, buckets, booked, has_system)
    # Somebody was at work on them: what is asked now is as they left it.
    found = await _FIND_BOOKED.row(db, {"kind": kind, "source": source})
    booked = None if found is None else TransferId(found[0])
    return Sight(accounts, await find_buckets(db, ids), booked, has_system)


async def add_accounts(db: AsyncConnection, keys: Mapping[LedgerAccountId, AccountKey]) -> None:
    """Store empty accounts with a balance; those that there are by now stay as they are.

    Of owners who became somebody else they are that one's from the first booking on.
    """
    owners = sorted({named.owner for named in keys.values() if named.kind is OwnerKind.MEMBER})
    rows = await _FIND_HEIRS.rows(db, {"owners": owners}) if owners else []
    heirs: dict[str, str] = {row.owner: row.heir for row in rows}
    for key, named in sorted(keys.items()):
        who = {"id": key, "owner_kind": named.kind, "owner": named.owner, "unit": named.unit}
        await _ADD_ACCOUNT.rows(db, {**who, **_EMPTY, "heir": heirs.get(named.owner)})


async def find_buckets(db: AsyncConnection, ids: Iterable[LedgerAccountId]) -> list[Bucket]:
    """Return what accounts have."""
    return to_buckets(await _FIND_BUCKETS.rows(db, {"ids": sorted(ids)}))
