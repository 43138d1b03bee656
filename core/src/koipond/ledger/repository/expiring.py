"""SQL of expiry: accounts that have something to lose, so many at a time, and nobody waits."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import bindparam, literal_column, select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import LedgerAccountId
from koipond.kernel.prepared import Prepared
from koipond.ledger.repository.rows import ACCOUNT, to_accounts
from koipond.ledger.rules import day_key
from koipond.ledger.tables import IS_FREE, ledger_account, ledger_bucket
from koipond.ledger.types import Account

_b = ledger_bucket.c
# Accounts that are at work just now are passed over; the next run finds what they left.
_LOCK_LAPSED = Prepared(
    select(*ACCOUNT)
    .join_from(ledger_bucket, ledger_account, ledger_account.c.id == _b.account_id)
    .where(IS_FREE, _b.expires_on <= bindparam("last"), ledger_account.c.unit == bindparam("unit"))
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, key_share=True, of=ledger_account)
)


async def lock_lapsed(
    db: AsyncConnection, unit: str, last_day: date, *, most: int
) -> list[Account]:
    """Lock and return accounts with free units that were good up to `last_day` or less.

    most: how many of their buckets are looked at.
    """
    given = {"last": day_key(last_day), "unit": unit, "most": most}
    found = to_accounts(await _LOCK_LAPSED.rows(db, given))
    return list({one.id: one for one in found}.values())


async def forget_empty(
    db: AsyncConnection, ids: Collection[LedgerAccountId], last_day: date
) -> None:
    """Delete the empty buckets of locked accounts that nothing can come to any more."""
    await db.execute(
        ledger_bucket.delete().where(
            _b.account_id.in_(sorted(ids)),
            _b.expires_on <= day_key(last_day),
            _b.remaining == literal_column("0"),
        )
    )
