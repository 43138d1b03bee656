"""SQL of owners that become one: whose an account is, and what was set aside on it."""

from collections.abc import Collection, Sequence

from sqlalchemy import select

from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.ids import LedgerAccountId, PendingTransferId
from koipond.ledger.repository.reading import to_pendings, with_parts
from koipond.ledger.rules import account_id
from koipond.ledger.tables import ledger_account, pending_transfer
from koipond.ledger.types import AccountKey, OwnerKind, PendingState, PendingTransfer

_a, _p = ledger_account.c, pending_transfer.c


async def find_units(db: AsyncConnection) -> list[str]:
    """Return what is counted in this shop: the units of the system's accounts, of which few are."""
    rows = await db.execute(select(_a.unit).where(_a.owner_kind == OwnerKind.SYSTEM).distinct())
    return sorted(rows.scalars())


async def find_units_of(db: AsyncConnection, kind: OwnerKind, owner: str) -> list[str]:
    """Return the units of which an owner has an account."""
    rows = await db.execute(select(_a.unit).where(_a.owner_kind == kind, _a.owner == owner))
    return sorted(rows.scalars())


async def set_heir(db: AsyncConnection, key: AccountKey, heir: str | None) -> None:
    """Store whose a locked account is now; None: its owner's again. It is made if it is not there.

    heir: it is empty then, and so are those that had it as their heir, which get this one.
    """
    row = {
        "id": account_id(key),
        "owner_kind": key.kind,
        "owner": key.owner,
        "unit": key.unit,
        **dict.fromkeys(("balance", "debt", "set_aside", "bookings", "version"), 0),
    }
    await db.execute(insert(db, ledger_account).values(row).on_conflict_do_nothing())
    await db.execute(
        ledger_account.update()
        .where(_a.id == account_id(key))
        .values(heir=heir, version=_a.version + 1)
    )


async def hand_on(
    db: AsyncConnection, kind: OwnerKind, unit: str, *, of: Collection[str], heir: str
) -> None:
    """Store a new heir of empty accounts of owners who had one already."""
    await db.execute(
        ledger_account.update()
        .where(_a.owner_kind == kind, _a.unit == unit, _a.owner.in_(sorted(of)))
        .where(_a.heir.is_not(None))
        .values(heir=heir, version=_a.version + 1)
    )


async def find_left_to(db: AsyncConnection, kind: OwnerKind, owner: str) -> list[str]:
    """Return the owners whose heir somebody is."""
    rows = await db.execute(
        select(_a.owner).where(_a.heir == owner, _a.owner_kind == kind).distinct()
    )
    return sorted(rows.scalars())


async def lock_open(db: AsyncConnection, key: LedgerAccountId) -> list[PendingTransfer]:
    """Lock what is set aside on an account; whoever closes it locks it before the account, too."""
    rows = await db.execute(
        with_parts()
        .where(_p.account_id == key, _p.state == PendingState.OPEN)
        .order_by(_p.id)
        .with_for_update(key_share=True, of=pending_transfer)
    )
    return to_pendings(rows.all())


async def lock_pendings(
    db: AsyncConnection, keys: Collection[PendingTransferId]
) -> list[PendingTransfer]:
    """Lock and return what was set aside."""
    if not keys:
        return []
    rows = await db.execute(
        with_parts()
        .where(_p.id.in_(sorted(keys)))
        .order_by(_p.id)
        .with_for_update(key_share=True, of=pending_transfer)
    )
    return to_pendings(rows.all())


async def repoint(
    db: AsyncConnection, keys: Sequence[PendingTransferId], key: LedgerAccountId
) -> None:
    """Store that what is set aside stands on another account."""
    await db.execute(pending_transfer.update().where(_p.id.in_(keys)).values(account_id=key))
