"""What every use-case begins and ends with: accounts under their locks, and a booking written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from koipond.kernel.context import Context
from koipond.kernel.ids import LedgerAccountId, TransferId, new_id
from koipond.ledger import repository, rules
from koipond.ledger.errors import LedgerSourceReused
from koipond.ledger.rules import Leg, Standing
from koipond.ledger.types import (
    Account,
    AccountKey,
    Bucket,
    OwnerKind,
    PendingState,
    PendingTransfer,
    Slip,
    Transfer,
    TransferKind,
)


class Seen(Struct, frozen=True):
    """Locked accounts, and what was booked before for the same source."""

    standings: Mapping[LedgerAccountId, Standing]
    booked: Transfer | None

    def of(self, key: AccountKey) -> Standing:
        """Return where one of them stands."""
        return self.standings[rules.account_id(key)]


async def see(ctx: Context, kind: TransferKind, slip: Slip, keys: Collection[AccountKey]) -> Seen:
    """Lock the accounts of members or payees, made if they are not there, and look into them."""
    return await look(
        ctx, kind, slip, await lock(ctx, {rules.account_id(key): key for key in keys})
    )


async def look(ctx: Context, kind: TransferKind, slip: Slip, accounts: Sequence[Account]) -> Seen:
    """Look into locked accounts, and for what was booked before."""
    ids = [one.id for one in accounts]
    buckets, booked = await repository.look(ctx.db, ids, kind, slip.source)
    found = None if booked is None else await repository.find_transfer(ctx.db, booked)
    return Seen(stand(accounts, buckets), found)


async def lock(ctx: Context, named: Mapping[LedgerAccountId, AccountKey]) -> list[Account]:
    """Lock accounts, and make those that are not there yet."""
    for key in named.values():
        assert key.kind is not OwnerKind.SYSTEM, "a system account is the sum of its entries"
    accounts = await repository.lock(ctx.db, named)
    if len(accounts) < len(named):
        await repository.add_accounts(ctx.db, named)
        accounts = await repository.lock(ctx.db, named)
    return accounts


def stand(
    accounts: Sequence[Account], buckets: Sequence[Bucket]
) -> dict[LedgerAccountId, Standing]:
    """Return where locked accounts stand."""
    return {
        one.id: Standing(one, [bucket for bucket in buckets if bucket.account_id == one.id])
        for one in accounts
    }


async def write(
    ctx: Context,
    kind: TransferKind,
    slip: Slip,
    legs: Sequence[Leg],
    *,
    against: LedgerAccountId | None = None,
    system: AccountKey | None = None,
    undoes: TransferId | None = None,
    closes: tuple[PendingTransfer, PendingState] | None = None,
) -> Transfer:
    """Book what was decided. against, system: who gives or gets what the legs lack.

    closes: what is set aside no more, and what it became.
    Raises LedgerSourceReused for one that was booked meanwhile on other accounts.
    """
    booking = rules.make_booking(
        kind,
        slip,
        legs,
        key=TransferId(new_id()),
        now=ctx.clock.now(),
        against=against if system is None else rules.account_id(system),
        system=system,
        undoes=undoes,
    )
    if not await repository.book(ctx.db, [booking], closes):
        raise LedgerSourceReused(source=slip.source)
    return booking.transfer
