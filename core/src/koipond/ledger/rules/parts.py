"""From which buckets value is taken, and into which it goes; each answer is {bucket: units}."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta

from koipond.kernel.quantity import Quantity
from koipond.ledger.errors import LedgerShort
from koipond.ledger.rules.accounts import day_key
from koipond.ledger.types import DEBT, Account, Bucket, Slip


def read_income(units: int, slip: Slip, expires_on: date | None) -> dict[str, int]:
    """Return what comes, by its bucket. expires_on: today or later; None: it does not expire."""
    assert expires_on is None or expires_on >= slip.day, "nobody is given what expired before"
    return {day_key(expires_on): units}


def credit(account: Account, income: Mapping[str, int]) -> dict[str, int]:
    """Return where `income`, by its buckets, goes: a debt first, paid by what expires earliest."""
    owed = account.debt
    parts: dict[str, int] = {}
    for bucket in sorted(income):
        paid = min(owed, income[bucket])
        owed -= paid
        if income[bucket] > paid:
            parts[bucket] = income[bucket] - paid
    return {DEBT: account.debt - owed, **parts} if owed < account.debt else parts


def draw(account: Account, buckets: Iterable[Bucket], units: int) -> dict[str, int]:
    """Return what `units` takes: of what is free, what expires earliest first.

    Raises LedgerShort.
    """
    if units > account.available:
        raise LedgerShort(
            unit=account.key.unit, asked=Quantity(units), left=Quantity(account.available)
        )
    return _take(sorted(buckets, key=_day), units)


def claw_back(buckets: Iterable[Bucket], units: int, *, earned: Collection[str]) -> dict[str, int]:
    """Return what taking back `units` takes; what is not there any more becomes a debt.

    earned: the buckets that it once went to: those come first, then those that expire latest. What
    is set aside stays so: it is promised.
    """
    latest_first = sorted(buckets, key=_day, reverse=True)
    own = [one for one in latest_first if one.expires_on in earned]
    others = [one for one in latest_first if one.expires_on not in earned]
    taken = _take([*own, *others], units)
    missing = units - sum(taken.values())
    return {**taken, DEBT: missing} if missing else taken


def pay_debt(debt: int, buckets: Iterable[Bucket]) -> dict[str, int]:
    """Return what of the free units pays a debt, those that expire earliest first."""
    return _take(sorted(buckets, key=_day), debt)


def find_lapsed(buckets: Iterable[Bucket], day: date) -> dict[str, int]:
    """Return what is free of the buckets that were good up to `day` or less."""
    last = day_key(day)
    return {one.expires_on: one.free for one in buckets if one.expires_on <= last and one.free}


def plan_restore(
    burned: Mapping[str, int], restored: int, units: int, *, today: date, grace_days: int
) -> dict[str, int]:
    """Return where `units` of a burn goes back to: as if it had been so much smaller.

    burned: {bucket: what it took}; it took the earliest days first, so the latest come back first.
    restored: what came back before. What has expired meanwhile is good for `grace_days` more.
    """
    grace = day_key(today + timedelta(days=grace_days))
    back: dict[str, int] = {}
    for bucket in sorted(burned, reverse=True):
        before = min(restored, burned[bucket])
        part = min(units, burned[bucket] - before)
        restored -= before
        units -= part
        if part:
            alive = bucket if bucket >= day_key(today) else grace
            back[alive] = back.get(alive, 0) + part
    assert not units, "no more comes back than was taken"
    return back


def _take(buckets: Iterable[Bucket], units: int) -> dict[str, int]:
    """Take up to `units` of what is free, from the first bucket on."""
    taken: dict[str, int] = {}
    for one in buckets:
        part = min(one.free, units)
        if part:
            taken[one.expires_on] = part
            units -= part
    return taken


def _day(one: Bucket) -> str:
    return one.expires_on
