"""Two owners that become one: what one account has goes to the other, and comes back if asked."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from koipond.ledger.rules.accounts import day_key
from koipond.ledger.rules.booking import Leg, Standing
from koipond.ledger.rules.parts import claw_back, pay_debt
from koipond.ledger.types import DEBT, NEVER, Bucket, PendingTransfer, Transfer


def absorb(giver: Standing, taker: Standing) -> list[Leg]:
    """Hand all that an account has to another: bucket by bucket, debt, and what is set aside.

    What is free on either side pays the debt of the other, what expires earliest first.
    """
    gone, aside = _all_of(giver.buckets)
    together = _add(taker.buckets, giver.buckets)
    debt = giver.account.debt + taker.account.debt
    paid = pay_debt(debt, together)
    left = Counter({DEBT: giver.account.debt, **{name: -units for name, units in gone.items()}})
    got = Counter(gone)
    got.subtract(paid)
    got[DEBT] += sum(paid.values()) - giver.account.debt
    return [
        Leg(giver.account, _some(left), _some({name: -units for name, units in aside.items()})),
        Leg(taker.account, _some(got), _some(aside)),
    ]


def give_up(
    keeper: Standing,
    former: Standing,
    booked: Transfer,
    pending: Sequence[PendingTransfer],
    *,
    today: date,
) -> list[Leg]:
    """Give back what was absorbed by `booked`, to the very buckets that it came from.

    pending: what had been set aside of it. What of that is open goes back as it is; what was spent
    since was spent by its own order. What has expired since is lost to who had it first. All else
    the keeper gives, and has a debt where it is not there any more.
    """
    was = {one.bucket: -one.units for one in booked.entries if one.account_id == former.account.id}
    owed = -was.pop(DEBT, 0)
    back, aside = _still_there(was, keeper, pending, today)
    free = [
        Bucket(
            account_id=one.account_id,
            expires_on=one.expires_on,
            remaining=one.remaining - aside[one.expires_on],
            set_aside=one.set_aside - aside[one.expires_on],
        )
        for one in keeper.buckets
    ]
    units = sum(back.values())
    taken = Counter(claw_back(free, units, earned=back)) if units else Counter[str]()
    lost: Counter[str] = Counter(taken)
    lost.update(aside)
    for name, paid in _paid_back(owed, keeper, booked, lost[DEBT], today).items():
        lost[name] -= paid
    got = Counter(back)
    got.update(aside)
    settled = pay_debt(owed, _buckets(former, back))
    got.subtract(settled)
    got[DEBT] += sum(settled.values()) - owed
    gives = Leg(
        keeper.account,
        _some({name: -units for name, units in lost.items()}),
        _some({name: -units for name, units in aside.items()}),
    )
    return [gives, Leg(former.account, _some(got), _some(aside))]


def _still_there(
    was: Mapping[str, int], keeper: Standing, pending: Sequence[PendingTransfer], today: date
) -> tuple[Counter[str], Counter[str]]:
    """Return what comes back free, and what comes back set aside; both by bucket."""
    aside: Counter[str] = Counter()
    spent: Counter[str] = Counter()
    for one in pending:
        (aside if one.is_open else spent if one.is_spent else Counter()).update(one.parts)
    free = {one.expires_on: one.free for one in keeper.buckets}
    back: Counter[str] = Counter()
    for name, units in was.items():
        left = max(units - aside[name] - spent[name], 0)
        if name != NEVER and name < day_key(today):
            left = min(left, free.get(name, 0))
        if left:
            back[name] = left
    return back, aside


def _paid_back(
    owed: int, keeper: Standing, booked: Transfer, missing: int, today: date
) -> dict[str, int]:
    """Return what the keeper gets because the debt that it took over is the former's again.

    It lowers what it owes itself, then goes to where the debt was paid from.
    """
    settles = min(owed, keeper.account.debt + missing)
    rest = owed - settles
    parts = {DEBT: settles} if settles else {}
    of_keeper = {e.bucket: -e.units for e in booked.entries if e.account_id == keeper.account.id}
    for name in sorted(name for name, units in of_keeper.items() if units > 0 and name != DEBT):
        part = min(rest, of_keeper[name])
        rest -= part
        alive = name if name >= day_key(today) else NEVER
        if part:
            parts[alive] = parts.get(alive, 0) + part
    if rest:
        parts[NEVER] = parts.get(NEVER, 0) + rest
    return parts


def _all_of(buckets: Iterable[Bucket]) -> tuple[dict[str, int], dict[str, int]]:
    found = list(buckets)
    return (
        {one.expires_on: one.remaining for one in found},
        {one.expires_on: one.set_aside for one in found},
    )


def _add(first: Iterable[Bucket], second: Iterable[Bucket]) -> list[Bucket]:
    """Return the buckets of two accounts as those of one."""
    own = {one.expires_on: one for one in first}
    for one in second:
        known = own.get(one.expires_on)
        own[one.expires_on] = Bucket(
            account_id=one.account_id,
            expires_on=one.expires_on,
            remaining=one.remaining + (known.remaining if known else 0),
            set_aside=one.set_aside + (known.set_aside if known else 0),
        )
    return list(own.values())


def _buckets(of: Standing, units: Mapping[str, int]) -> list[Bucket]:
    return [
        Bucket(account_id=of.account.id, expires_on=name, remaining=part, set_aside=0)
        for name, part in units.items()
    ]


def _some(parts: Mapping[str, int]) -> dict[str, int]:
    return {name: units for name, units in parts.items() if units}
