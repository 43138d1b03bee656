"""What every use-case begins and ends with: accounts under their locks, and a booking written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

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


class Seen(Struct, frozen=True, kw_only=True):
    """Locked accounts, and what is to be booked on them.

    booked: what was booked before for the same source. against: the system account that gives or
    gets, if one does; makes: it, where it is not there yet. heirs: {account: that of whose it is
    now}.
    """

    kind: TransferKind
    slip: Slip
    standings: Mapping[LedgerAccountId, Standing]
    booked: Transfer | None
    against: LedgerAccountId | None = None
    makes: AccountKey | None = None
    heirs: Mapping[LedgerAccountId, LedgerAccountId] = MappingProxyType({})

    def of(self, key: AccountKey) -> Standing:
        """Return where one of them stands, or the one that is booked on instead."""
        return self.of_id(rules.account_id(key))

    def of_id(self, account_id: LedgerAccountId) -> Standing:
        """Return where one of them stands, or the one that is booked on instead."""
        return self.standings[self.heirs.get(account_id, account_id)]


async def see(
    ctx: Context,
    kind: TransferKind,
    slip: Slip,
    keys: Collection[AccountKey],
    *,
    against: AccountKey | None = None,
) -> Seen:
    """Lock the accounts of members or payees, made if they are not there, and look into them.

    Raises LedgerSourceReused.
    """
    for key in keys:
        assert key.kind is not OwnerKind.SYSTEM, "a system account is the sum of its entries"
    named = {rules.account_id(key): key for key in keys}
    system = None if against is None else rules.account_id(against)
    seen, has_system = await _see(ctx, kind, slip, named, against=system)
    if len(seen.standings) < len(named):
        is_booked = await repository.find_transfer_by_source(ctx.db, kind, slip.source) is not None
        if not is_booked:
            await repository.add_accounts(ctx.db, named)
        # If it is: on these very accounts, by who made them meanwhile, or it was something else.
        seen, has_system = await _see(ctx, kind, slip, named, against=system)
        if len(seen.standings) < len(named):
            raise LedgerSourceReused(source=slip.source)
    seen = await _follow(ctx, seen)
    return seen if has_system else replace(seen, makes=against)


async def see_only(
    ctx: Context, kind: TransferKind, slip: Slip, keys: Collection[AccountKey]
) -> Seen:
    """Lock these very accounts, whoever is their heir, made if they are not there."""
    named = {rules.account_id(key): key for key in keys}
    await repository.add_accounts(ctx.db, named)
    seen, _ = await _see(ctx, kind, slip, named, against=None)
    return seen


async def see_again(
    ctx: Context,
    kind: TransferKind,
    slip: Slip,
    account_id: LedgerAccountId,
    *,
    against: LedgerAccountId,
) -> Seen:
    """Lock an account on which something was booked, and look into it."""
    seen, _ = await _see(ctx, kind, slip, [account_id], against=against)
    return await _follow(ctx, seen)


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
    seen: Seen,
    legs: Sequence[Leg],
    *,
    undoes: TransferId | None = None,
    closes: tuple[PendingTransfer, PendingState] | None = None,
) -> Transfer:
    """Book what was decided. closes: what is set aside no more, and what it became.

    Raises LedgerSourceReused for one that was booked meanwhile on other accounts.
    """
    booking = rules.make_booking(
        seen.kind,
        seen.slip,
        legs,
        key=TransferId(new_id()),
        now=ctx.clock.now(),
        against=seen.against,
        system=seen.makes,
        undoes=undoes,
    )
    if not await repository.book(ctx.db, [booking], closes):
        raise LedgerSourceReused(source=seen.slip.source)
    return booking.transfer


async def _follow(ctx: Context, seen: Seen) -> Seen:
    """Look at the accounts of those who are the owners now; a repeat is of what was booked then."""
    heirs = {
        one.account.id: one.account.heir_key
        for one in seen.standings.values()
        if one.account.heir_key is not None
    }
    if not heirs or seen.booked is not None:
        return seen
    ids = {key: rules.account_id(heir) for key, heir in heirs.items()}
    await repository.add_accounts(ctx.db, {rules.account_id(one): one for one in heirs.values()})
    wanted = {ids.get(key, key) for key in seen.standings}
    found, _ = await _see(ctx, seen.kind, seen.slip, wanted, against=seen.against)
    return replace(found, heirs=ids)


async def _see(
    ctx: Context,
    kind: TransferKind,
    slip: Slip,
    ids: Collection[LedgerAccountId],
    *,
    against: LedgerAccountId | None,
) -> tuple[Seen, bool]:
    """Return what is seen, and whether the system account is there."""
    sight = await repository.see(ctx.db, ids, kind=kind, source=slip.source, against=against)
    booked = sight.booked
    seen = Seen(
        kind=kind,
        slip=slip,
        standings=stand(sight.accounts, sight.buckets),
        booked=None if booked is None else await repository.find_transfer(ctx.db, booked),
        against=against,
    )
    return seen, sight.has_system
