"""What a booking writes: a transfer whose entries sum to zero, and what it does to accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType

from msgspec import Struct

from koipond.kernel.ids import LedgerAccountId, TransferId
from koipond.ledger.errors import LedgerSourceReused
from koipond.ledger.types import (
    DEBT,
    NEVER,
    NONE,
    Account,
    AccountKey,
    Balance,
    Bucket,
    Entry,
    Expiring,
    PendingTransfer,
    Slip,
    Transfer,
    TransferKind,
)

_NOTHING: Mapping[str, int] = MappingProxyType({})


class Standing(Struct, frozen=True):
    """What is known of an account under its lock."""

    account: Account
    buckets: Sequence[Bucket] = ()


def weigh(standing: Standing | None) -> Balance:
    """Return what an account is worth; None: nothing was ever booked on it."""
    if standing is None:
        return Balance()
    account = standing.account
    free = [one for one in standing.buckets if one.free and one.expires_on != NEVER]
    return Balance(
        available=account.available,
        set_aside=account.set_aside,
        debt=account.debt,
        expiring=tuple(
            Expiring(expires_on=date.fromisoformat(one.expires_on), units=one.free)
            for one in sorted(free, key=lambda one: one.expires_on)
        ),
    )


class Leg(Struct, frozen=True):
    """What happens to one account. parts: {bucket: by how much it changes}.

    aside: {bucket: by how much what is set aside of it changes}.
    """

    account: Account
    parts: Mapping[str, int] = _NOTHING
    aside: Mapping[str, int] = _NOTHING

    @property
    def total(self) -> int:
        """By how much the balance changes."""
        return sum(self.parts.values())

    @property
    def debt(self) -> int:
        """By how much the debt changes."""
        return -self.parts.get(DEBT, 0)

    @property
    def buckets(self) -> dict[str, tuple[int, int]]:
        """Return {bucket: by how much what remains of it, and what is set aside, change}."""
        return {
            name: (self.parts.get(name, 0), self.aside.get(name, 0))
            for name in {**self.parts, **self.aside}
            if name != DEBT
        }


class Booking(Struct, frozen=True):
    """A transfer, and the accounts with a balance that it changes."""

    transfer: Transfer
    legs: Sequence[Leg]
    # A system account that may not be there yet.
    system: AccountKey | None = None


def less(parts: Mapping[str, int]) -> dict[str, int]:
    """Return the same units taken instead of given."""
    return {bucket: -units for bucket, units in parts.items()}


def make_booking(
    kind: TransferKind,
    slip: Slip,
    legs: Sequence[Leg],
    *,
    key: TransferId,
    now: datetime,
    against: LedgerAccountId | None = None,
    system: AccountKey | None = None,
    undoes: TransferId | None = None,
) -> Booking:
    """Write a transfer out. against: the system account that gets or gives what the legs lack."""
    entries = [entry for leg in legs for entry in _entries(leg)]
    rest = -sum(leg.total for leg in legs)
    assert (against is None) == (rest == 0), "each transfer sums to zero"
    if against is not None:
        entries.append(Entry(account_id=against, bucket=NONE, units=rest))
    transfer = Transfer(
        id=key,
        kind=kind,
        unit=legs[0].account.key.unit,
        units=sum(entry.units for entry in entries if entry.units > 0),
        source=slip.source,
        note=slip.note,
        day=slip.day,
        created_at=now,
        undoes_id=undoes,
        entries=in_order(entries),
    )
    return Booking(transfer, legs, system)


def in_order(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return a transfer's entries as they are always shown: those of system accounts last."""
    return tuple(sorted(entries, key=lambda one: (one.nth is None, one.account_id, one.bucket)))


def check_repeat(booked: Transfer, wanted: Mapping[LedgerAccountId, int]) -> Transfer:
    """Return what was booked, if it is what is wanted: {account: by how much it changes}.

    When and why it is booked may differ: a repeat may come on another day.
    Raises LedgerSourceReused.
    """
    sums: dict[LedgerAccountId, int] = {}
    for entry in booked.entries:
        sums[entry.account_id] = sums.get(entry.account_id, 0) + entry.units
    if sums != dict(wanted):
        raise LedgerSourceReused(source=booked.source)
    return booked


def check_pending_repeat(pending: PendingTransfer, key: AccountKey, units: int) -> PendingTransfer:
    """Return what was set aside, if it is what is wanted. Raises LedgerSourceReused."""
    if (pending.key, pending.units) != (key, units):
        raise LedgerSourceReused(source=pending.source)
    return pending


def _entries(leg: Leg) -> list[Entry]:
    return [
        Entry(
            account_id=leg.account.id,
            bucket=bucket,
            units=units,
            nth=leg.account.bookings + 1,
            balance_after=leg.account.balance + leg.total,
        )
        for bucket, units in leg.parts.items()
    ]
