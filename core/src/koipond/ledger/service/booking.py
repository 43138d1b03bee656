"""Use-cases that book value: it comes, goes, is corrected, changes hands."""

from collections.abc import Mapping
from datetime import date

from koipond.kernel.context import Context, serving
from koipond.ledger import rules
from koipond.ledger.errors import LedgerSameAccount
from koipond.ledger.rules import Leg
from koipond.ledger.service.standing import see, write
from koipond.ledger.types import AccountKey, Slip, Transfer, TransferKind


@serving
async def earn(
    ctx: Context,
    key: AccountKey,
    units: int,
    slip: Slip,
    *,
    expires_on: date | None = None,
    against: str = "issued",
) -> Transfer:
    """Give an account something; a debt is paid of it first. A repeat gets what was booked.

    expires_on: the last day on which it is good; None: for ever. against: the name of the system
    account that it comes from. Raises LedgerAmountInvalid, LedgerSourceReused.
    """
    rules.check_units(units)
    income = rules.read_income(units, slip, expires_on)
    return await _give(ctx, TransferKind.EARN, key, slip, income=income, against=against)


@serving
async def burn(
    ctx: Context, key: AccountKey, units: int, slip: Slip, *, against: str = "spent"
) -> Transfer:
    """Spend from an account, of what expires earliest first. A repeat gets what was booked.

    against: the name of the system account that gets it.
    Raises LedgerAmountInvalid, LedgerShort, LedgerSourceReused.
    """
    rules.check_units(units)
    return await _take(ctx, TransferKind.BURN, key, slip, units=units, against=against)


@serving
async def adjust(
    ctx: Context,
    key: AccountKey,
    units: int,
    slip: Slip,
    *,
    expires_on: date | None = None,
    against: str = "adjusted",
) -> Transfer:
    """Correct an account by staff: more than 0 is given as by `earn`, less is taken as by `burn`.

    The note says why. Raises LedgerAmountInvalid, LedgerShort, LedgerSourceReused.
    """
    rules.check_units(abs(units))
    if units > 0:
        income = rules.read_income(units, slip, expires_on)
        return await _give(ctx, TransferKind.ADJUST, key, slip, income=income, against=against)
    return await _take(ctx, TransferKind.ADJUST, key, slip, units=-units, against=against)


@serving
async def move(
    ctx: Context, source: AccountKey, target: AccountKey, units: int, slip: Slip
) -> Transfer:
    """Hand value from one account to another of the same unit; what it is good for stays.

    A debt of the other is paid first. A repeat gets what was booked.
    Raises LedgerAmountInvalid, LedgerShort, LedgerSourceReused, LedgerSameAccount.
    """
    rules.check_units(units)
    assert source.unit == target.unit, "units are not exchanged"
    assert source != target, "nobody hands anything to themselves"
    seen = await see(ctx, TransferKind.MOVE, slip, [source, target])
    giver, taker = seen.of(source), seen.of(target)
    if seen.booked is not None:
        wanted = {giver.account.id: -units, taker.account.id: units}
        return rules.check_repeat(seen.booked, wanted)
    if giver.account.id == taker.account.id:
        raise LedgerSameAccount(unit=source.unit)
    taken = rules.draw(giver.account, giver.buckets, units)
    legs = [
        Leg(giver.account, rules.less(taken)),
        Leg(taker.account, rules.credit(taker.account, taken)),
    ]
    return await write(ctx, seen, legs)


async def _give(
    ctx: Context,
    kind: TransferKind,
    key: AccountKey,
    slip: Slip,
    *,
    income: Mapping[str, int],
    against: str,
) -> Transfer:
    """Give an account what it is to get, {bucket: units}."""
    system = AccountKey.of_system(against, key.unit)
    seen = await see(ctx, kind, slip, [key], against=system)
    account = seen.of(key).account
    if seen.booked is not None:
        units = sum(income.values())
        wanted = {account.id: units, rules.account_id(system): -units}
        return rules.check_repeat(seen.booked, wanted)
    leg = Leg(account, rules.credit(account, income))
    return await write(ctx, seen, [leg])


async def _take(
    ctx: Context, kind: TransferKind, key: AccountKey, slip: Slip, *, units: int, against: str
) -> Transfer:
    """Take an units from an account. Raises LedgerShort."""
    system = AccountKey.of_system(against, key.unit)
    seen = await see(ctx, kind, slip, [key], against=system)
    standing = seen.of(key)
    account = standing.account
    if seen.booked is not None:
        wanted = {account.id: -units, rules.account_id(system): units}
        return rules.check_repeat(seen.booked, wanted)
    leg = Leg(account, rules.less(rules.draw(account, standing.buckets, units)))
    return await write(ctx, seen, [leg])
