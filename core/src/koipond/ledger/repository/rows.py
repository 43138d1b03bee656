"""Rows of the tables as the snapshots that rules work with, and back."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from koipond.kernel.ids import LedgerAccountId, TransferId
from koipond.ledger.rules import Booking, Leg, account_id, in_order
from koipond.ledger.tables import ledger_account, ledger_bucket, ledger_entry, ledger_transfer
from koipond.ledger.types import (
    Account,
    AccountKey,
    Bucket,
    Entry,
    OwnerKind,
    PendingTransfer,
    Transfer,
    TransferKind,
)

# What is written, by the part of the statement that writes it; see COLUMNS.
Rows = Mapping[str, Sequence[Mapping[str, Any]]]

# In the order of `to_accounts` and `to_buckets`.
ACCOUNT = [
    ledger_account.c[name]
    for name in (
        "id",
        "owner_kind",
        "owner",
        "unit",
        "balance",
        "debt",
        "set_aside",
        "bookings",
        "heir",
    )
]
BUCKET = list(ledger_bucket.c)
_TRANSFER = [name for name in Transfer.__struct_fields__ if name != "entries"]
TRANSFER = [ledger_transfer.c[name] for name in _TRANSFER]
ENTRY = [ledger_entry.c[name] for name in Entry.__struct_fields__]

_BUCKET = ("account_id", "expires_on", "remaining", "set_aside")
COLUMNS: Mapping[str, Sequence[str]] = {
    "transfer": _TRANSFER,
    "pending": ("id", "account_id", "units", "source", "note", "day", "state", "created_at"),
    "posted": ("id",),
    "voided": ("id",),
    "system": ("id", "owner_kind", "owner", "unit"),
    "entry": ("transfer_id", *Entry.__struct_fields__),
    "aside": ("pending_transfer_id", "bucket", "units"),
    # By how much each changes.
    "account": ("id", "balance", "debt", "set_aside", "bookings"),
    "filled": _BUCKET,
    "drawn": _BUCKET,
}


def to_accounts(rows: Iterable[Any]) -> list[Account]:
    """Return the accounts of rows with the columns ACCOUNT; they store a balance."""
    return [
        Account(
            id=LedgerAccountId(row[0]),
            key=AccountKey(kind=OwnerKind(row[1]), owner=row[2], unit=row[3]),
            balance=row[4],
            debt=row[5],
            set_aside=row[6],
            bookings=row[7],
            heir=row[8],
        )
        for row in rows
    ]


def to_buckets(rows: Iterable[Any]) -> list[Bucket]:
    """Return the buckets of rows that begin with the columns BUCKET."""
    return [
        Bucket(
            account_id=LedgerAccountId(row[0]),
            expires_on=row[1],
            remaining=row[2],
            set_aside=row[3],
        )
        for row in rows
    ]


def to_transfer(row: Mapping[str, Any], entries: Iterable[Entry]) -> Transfer:
    """Return a transfer. row: the columns TRANSFER."""
    told = {name: row[name] for name in _TRANSFER}
    told |= {"id": TransferId(row["id"]), "kind": TransferKind(row["kind"])}
    return Transfer(**told, entries=in_order(entries))


def rows_of_bookings(bookings: Sequence[Booking]) -> dict[str, list[dict[str, Any]]]:
    """Return what bookings write."""
    transfers = [one.transfer for one in bookings]
    systems = {account_id(one.system): one.system for one in bookings if one.system is not None}
    return {
        "transfer": [{name: getattr(one, name) for name in _TRANSFER} for one in transfers],
        "system": [_row_of_system(key, named) for key, named in systems.items()],
        "entry": [_row_of_entry(one, entry) for one in transfers for entry in one.entries],
        **rows_of_legs([leg for one in bookings for leg in one.legs]),
    }


def rows_of_legs(legs: Sequence[Leg]) -> dict[str, list[dict[str, Any]]]:
    """Return by how much accounts and their buckets change.

    What gets units may not be there yet. What loses some is; and an INSERT of less than nothing
    would be refused before it is seen that there is such a row.
    """
    buckets: list[dict[str, Any]] = [
        dict(zip(_BUCKET, (leg.account.id, bucket, *changes), strict=True))
        for leg in legs
        for bucket, changes in leg.buckets.items()
    ]
    return {
        "account": [
            {
                "id": leg.account.id,
                "balance": leg.total,
                "debt": leg.debt,
                "set_aside": sum(leg.aside.values()),
                "bookings": 1 if leg.parts else 0,
            }
            for leg in legs
        ],
        "filled": [one for one in buckets if one["remaining"] > 0],
        "drawn": [one for one in buckets if one["remaining"] <= 0],
    }


def rows_of_pending(pending: PendingTransfer, leg: Leg) -> dict[str, list[dict[str, Any]]]:
    """Return what setting something aside writes."""
    row = {name: getattr(pending, name) for name in COLUMNS["pending"] if name != "account_id"}
    return {
        "pending": [{**row, "account_id": leg.account.id}],
        "aside": [
            {"pending_transfer_id": pending.id, "bucket": bucket, "units": units}
            for bucket, units in pending.parts.items()
        ],
        **rows_of_legs([leg]),
    }


def _row_of_entry(transfer: Transfer, entry: Entry) -> dict[str, Any]:
    own = {name: getattr(entry, name) for name in Entry.__struct_fields__}
    return {"transfer_id": transfer.id, **own}


def _row_of_system(key: LedgerAccountId, named: AccountKey) -> dict[str, Any]:
    return {"id": key, "owner_kind": named.kind, "owner": named.owner, "unit": named.unit}
