"""Use-cases that take bookings back: what was spent is restored, what was earned is reversed."""

from koipond.kernel.context import Context, serving
from koipond.kernel.ids import TransferId
from koipond.ledger import repository, rules
from koipond.ledger.rules import Leg, Undoable
from koipond.ledger.service.standing import Seen, see_again, write
from koipond.ledger.types import Slip, Transfer, TransferKind

GRACE_DAYS = 30


@serving
async def restore(
    ctx: Context,
    burned: TransferId,
    slip: Slip,
    *,
    units: int | None = None,
    grace_days: int = GRACE_DAYS,
) -> Transfer:
    """Give back what was spent, to the very buckets that it came from, as if less had been spent.

    units: None is all that did not come back before. What has expired since is good until
    `grace_days` from today on. A debt is paid first. A repeat gets what was booked.
    Raises LedgerAmountInvalid, TransferUnknown, LedgerUndone, LedgerSourceReused.
    """
    undoable = await _find(ctx, burned, TransferKind.BURN, units)
    seen = await _see(ctx, TransferKind.RESTORE, slip, undoable)
    if seen.booked is not None:
        return rules.check_undone_repeat(seen.booked, undoable, units)
    account = seen.of_id(undoable.account_id).account
    before = await repository.find_undone(ctx.db, burned)
    wanted = rules.find_left(undoable.transfer, before, units)
    back = rules.plan_restore(undoable.parts, before, wanted, today=slip.day, grace_days=grace_days)
    leg = Leg(account, rules.credit(account, back))
    return await write(ctx, seen, [leg], undoes=burned)


@serving
async def reverse(
    ctx: Context, earned: TransferId, slip: Slip, *, units: int | None = None
) -> Transfer:
    """Take back what was earned: what is left of it, then what expires latest, then as a debt.

    What is set aside stays so. units: None is all that was not taken back before. A repeat gets
    what was booked. Raises LedgerAmountInvalid, TransferUnknown, LedgerUndone, LedgerSourceReused.
    """
    undoable = await _find(ctx, earned, TransferKind.EARN, units)
    seen = await _see(ctx, TransferKind.REVERSE, slip, undoable)
    if seen.booked is not None:
        return rules.check_undone_repeat(seen.booked, undoable, units)
    standing = seen.of_id(undoable.account_id)
    before = await repository.find_undone(ctx.db, earned)
    wanted = rules.find_left(undoable.transfer, before, units)
    taken = rules.claw_back(standing.buckets, wanted, earned=undoable.parts)
    leg = Leg(standing.account, rules.less(taken))
    return await write(ctx, seen, [leg], undoes=earned)


async def _find(
    ctx: Context, transfer_id: TransferId, kind: TransferKind, units: int | None
) -> Undoable:
    if units is not None:
        rules.check_units(units)
    found = await repository.find_transfer(ctx.db, transfer_id)
    return rules.read_undoable(found, transfer_id, kind)


async def _see(ctx: Context, kind: TransferKind, slip: Slip, undoable: Undoable) -> Seen:
    # Under the account's lock: of two that come back at once the second sees the first.
    return await see_again(ctx, kind, slip, undoable.account_id, against=undoable.against)
