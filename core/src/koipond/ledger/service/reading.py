"""What can be read of the ledger, without waiting for anybody."""

from collections.abc import Collection

from koipond.kernel.context import Context
from koipond.kernel.ids import TransferId
from koipond.kernel.invariants import Finding
from koipond.kernel.pages import Page, Slice
from koipond.ledger import repository, rules
from koipond.ledger.types import (
    AccountKey,
    Balance,
    PendingTransfer,
    StatementLine,
    Transfer,
    TransferKind,
)


async def find_balances(ctx: Context, keys: Collection[AccountKey]) -> dict[AccountKey, Balance]:
    """Return {account: what it is worth}, of members and payees; nothing where nothing was booked.

    A moment later it may be another; only a booking decides.
    """
    named = {rules.account_id(key): key for key in keys}
    async with ctx.reading() as db:
        standings = await repository.find_standings(db, named)
    return {key: rules.weigh(standings.get(one)) for one, key in named.items()}


async def find_statement(ctx: Context, key: AccountKey, page: Page) -> Slice[StatementLine]:
    """Return one page of an account's bookings, the newest first."""
    async with ctx.reading() as db:
        return await repository.find_statement(db, rules.account_id(key), page)


async def find_booked(ctx: Context, kind: TransferKind, source: str) -> Transfer | None:
    """Return what was booked of this kind for a source, to undo it; None if nothing was."""
    async with ctx.reading() as db:
        return await repository.find_transfer_by_source(db, kind, source)


async def find_undone(ctx: Context, transfer_id: TransferId) -> int:
    """Return how much of a burn came back, or of an earning was taken back."""
    async with ctx.reading() as db:
        return await repository.find_undone(db, transfer_id)


async def find_pending(ctx: Context, source: str) -> PendingTransfer | None:
    """Return what was set aside for a source, whatever has become of it; None if nothing was."""
    async with ctx.reading() as db:
        return await repository.find_pending_by_source(db, source)


async def find_system_balance(ctx: Context, key: AccountKey) -> int:
    """Return the balance of a system account; it adds all its entries up, so it is for reports."""
    async with ctx.reading() as db:
        return await repository.sum_system(db, rules.account_id(key))


async def audit(ctx: Context) -> list[Finding]:
    """Return what does not add up, or is below zero. I3, for `kernel.invariants.run_audits`."""
    async with ctx.reading() as db:
        return [
            *await repository.find_bad_transfers(db),
            *await repository.find_lost_transfers(db),
            *await repository.find_bad_accounts(db),
            *await repository.find_bad_buckets(db),
            *await repository.find_overdrawn(db),
            *await repository.find_too_much_undone(db),
        ]
