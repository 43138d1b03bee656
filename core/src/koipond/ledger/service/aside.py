"""Use-cases of value that waits for an open order: nobody else can spend it, and it stays alive."""

from datetime import date

from msgspec.structs import replace

from koipond.kernel.context import Context, serving
from koipond.kernel.ids import PendingTransferId, new_id
from koipond.ledger import repository, rules
from koipond.ledger.errors import LedgerSourceReused, PendingTransferUnknown
from koipond.ledger.service.standing import see, write
from koipond.ledger.types import (
    AccountKey,
    PendingState,
    PendingTransfer,
    Slip,
    Transfer,
    TransferKind,
)


@serving
async def set_aside(ctx: Context, key: AccountKey, units: int, slip: Slip) -> PendingTransfer:
    """Promise value to something that is open, of what expires earliest first.

    A repeat gets what was set aside, whatever has become of it. The source is also the one that it
    is spent by, in `post`. Raises LedgerAmountInvalid, LedgerShort, LedgerSourceReused.
    """
    rules.check_units(units)
    seen = await see(ctx, TransferKind.BURN, slip, [key])
    known = await repository.find_pending_by_source(ctx.db, slip.source)
    key = seen.of(key).account.key
    if known is not None:
        return rules.check_pending_repeat(known, key, units)
    if seen.booked is not None:
        raise LedgerSourceReused(source=slip.source)
    leg = rules.keep_aside(seen.of(key), units)
    pending = PendingTransfer(
        id=PendingTransferId(new_id()),
        key=key,
        units=units,
        source=slip.source,
        note=slip.note,
        day=slip.day,
        state=PendingState.OPEN,
        created_at=ctx.clock.now(),
        parts=leg.aside,
    )
    if not await repository.set_aside(ctx.db, pending, leg):
        raise LedgerSourceReused(source=slip.source)
    return pending


@serving
async def post(
    ctx: Context, pending_id: PendingTransferId, *, day: date, against: str = "spent"
) -> Transfer:
    """Spend what was set aside, even what would have expired; a repeat gets what was booked.

    It is a burn by the same source. day: see Slip.
    Raises PendingTransferUnknown, PendingTransferClosed.
    """
    pending = await _lock(ctx, pending_id)
    if not rules.check_open(pending, or_state=PendingState.POSTED):
        booked = await repository.find_transfer_by_source(ctx.db, TransferKind.BURN, pending.source)
        assert booked is not None, "it was posted"
        return booked
    slip = Slip(source=pending.source, day=day, note=pending.note)
    system = AccountKey.of_system(against, pending.key.unit)
    seen = await see(ctx, TransferKind.BURN, slip, [pending.key], against=system)
    leg = rules.close(seen.of(pending.key), pending, spent=True)
    return await write(ctx, seen, [leg], closes=(pending, PendingState.POSTED))


@serving
async def void(ctx: Context, pending_id: PendingTransferId, *, day: date) -> PendingTransfer:
    """Let go of what was set aside; a debt is paid of it first. A repeat changes nothing.

    What was past its last day expires at the next run. day: see Slip.
    Raises PendingTransferUnknown, PendingTransferClosed.
    """
    pending = await _lock(ctx, pending_id)
    if rules.check_open(pending, or_state=PendingState.VOIDED):
        # One that was set aside is voided once.
        slip = Slip(source=f"void:{pending.id}", day=day, note=pending.note)
        seen = await see(ctx, TransferKind.SETTLE, slip, [pending.key])
        leg = rules.close(seen.of(pending.key), pending, spent=False)
        if leg.parts:
            await write(ctx, seen, [leg], closes=(pending, PendingState.VOIDED))
        else:
            await repository.void(ctx.db, pending, leg)
    return replace(pending, state=PendingState.VOIDED)


async def _lock(ctx: Context, pending_id: PendingTransferId) -> PendingTransfer:
    pending = await repository.lock_pending(ctx.db, pending_id)
    if pending is None:
        raise PendingTransferUnknown(pending=pending_id)
    return pending
