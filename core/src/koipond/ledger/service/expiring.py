"""The use-case of what nobody spent in time."""

from collections.abc import Sequence
from datetime import date

from koipond.kernel.context import Context, transaction
from koipond.kernel.faults import crash_point
from koipond.kernel.ids import TransferId, new_id
from koipond.ledger import repository, rules
from koipond.ledger.rules import Booking, Leg, Standing
from koipond.ledger.service.standing import stand
from koipond.ledger.types import AccountKey, Slip, TransferKind

# More at once would keep members waiting who are just being given something.
PORTION = 200


async def expire(
    ctx: Context, unit: str, last_day: date, *, against: str = "expired", limit: int = PORTION
) -> int:
    """Take what was good up to `last_day` or less, of a unit; returns from how many buckets.

    last_day: the last one that is over in the programme's zone, see `last_day_over`. Each batch of
    at most `limit` is a transaction of its own; any number of jobs may run, at any time, again.
    What is set aside stays, and expires when it is let go; an account that is at work just now is
    passed over until the next run.
    """
    assert not ctx.in_transaction, "each batch is a transaction of its own"
    taken = 0
    while batch := await _expire_batch(ctx, unit, last_day, against, limit):
        taken += batch
    return taken


@transaction
async def _expire_batch(ctx: Context, unit: str, last_day: date, against: str, limit: int) -> int:
    accounts = await repository.lock_lapsed(ctx.db, unit, last_day, most=limit)
    if not accounts:
        return 0
    ids = [one.id for one in accounts]
    standings = stand(accounts, await repository.find_buckets(ctx.db, ids))
    system = AccountKey.of_system(against, unit)
    bookings = _lapse(ctx, list(standings.values()), last_day, system)
    if bookings:
        assert await repository.book(ctx.db, bookings), "their sources are their own"
    await repository.forget_empty(ctx.db, ids, last_day)
    crash_point("ledger.expire.before_commit")
    return sum(len(one.legs[0].parts) for one in bookings)


def _lapse(
    ctx: Context, standings: Sequence[Standing], last_day: date, system: AccountKey
) -> list[Booking]:
    """Return a booking for each account that still has something to lose."""
    lapsed = [(one, rules.find_lapsed(one.buckets, last_day)) for one in standings]
    now = ctx.clock.now()
    bookings = []
    for standing, parts in lapsed:
        if parts:
            key = TransferId(new_id())
            # What was set aside of the same bucket may expire another time.
            slip = Slip(source=f"expire:{key}", day=last_day)
            leg = Leg(standing.account, rules.less(parts))
            bookings.append(
                rules.make_booking(
                    TransferKind.EXPIRE,
                    slip,
                    [leg],
                    key=key,
                    now=now,
                    against=rules.account_id(system),
                    system=system,
                )
            )
    return bookings
