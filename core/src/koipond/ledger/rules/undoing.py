"""What of a booking can still come back."""

from collections.abc import Mapping

from msgspec import Struct

from koipond.kernel.ids import LedgerAccountId, TransferId
from koipond.kernel.quantity import Quantity
from koipond.ledger.errors import LedgerSourceReused, LedgerUndone, TransferUnknown
from koipond.ledger.types import Transfer, TransferKind


class Undoable(Struct, frozen=True):
    """A booking between an account with a balance and a system account."""

    transfer: Transfer
    account_id: LedgerAccountId
    against: LedgerAccountId
    # {bucket: what it took or gave}
    parts: Mapping[str, int]


def read_undoable(
    transfer: Transfer | None, transfer_id: TransferId, kind: TransferKind
) -> Undoable:
    """Return the two sides of a booking. Raises TransferUnknown unless it is of this kind."""
    if transfer is None or transfer.kind is not kind:
        raise TransferUnknown(transfer=transfer_id)
    own = [one for one in transfer.entries if one.nth is not None]
    [other] = [one for one in transfer.entries if one.nth is None]
    return Undoable(
        transfer=transfer,
        account_id=own[0].account_id,
        against=other.account_id,
        parts={one.bucket: abs(one.units) for one in own},
    )


def find_left(transfer: Transfer, undone: int, units: int | None) -> int:
    """Return how much comes back; units: None is all that is left. Raises LedgerUndone."""
    left = transfer.units - undone
    wanted = left if units is None else units
    if not 1 <= wanted <= left:
        raise LedgerUndone(transfer=transfer.id, asked=Quantity(wanted), left=Quantity(left))
    return wanted


def check_undone_repeat(booked: Transfer, undoable: Undoable, units: int | None) -> Transfer:
    """Return what came back before, if it is what is wanted. Raises LedgerSourceReused."""
    if booked.undoes_id != undoable.transfer.id or units not in {None, booked.units}:
        raise LedgerSourceReused(source=booked.source)
    return booked
