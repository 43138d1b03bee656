"""Refusals of the ledger."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.ids import PendingTransferId, TransferId
from koipond.kernel.quantity import Quantity
from koipond.ledger.types import PendingState


@domain_error
class LedgerAmountInvalid(DomainError):
    """An units that nobody books at once."""

    code: ClassVar[str] = "LEDGER_AMOUNT_INVALID"
    units: Quantity
    at_most: Quantity

    def __str__(self) -> str:
        return f"{self.units:,} cannot be booked: 1 to {self.at_most:,} at once are."


@domain_error
class LedgerShort(DomainError):
    """More than is available: what is set aside or owed is not."""

    code: ClassVar[str] = "LEDGER_SHORT"
    unit: str
    asked: Quantity
    left: Quantity

    def __str__(self) -> str:
        way = f"Take {self.left:,} or fewer." if self.left else "Nothing can be taken."
        return f"{self.asked:,} {self.unit} asked for, {self.left:,} available. {way}"


@domain_error
class LedgerSourceReused(DomainError):
    """A source that something else was booked for."""

    code: ClassVar[str] = "LEDGER_SOURCE_REUSED"
    source: str

    def __str__(self) -> str:
        return (
            f"Something else was booked for {self.source[:80]!r}. Repeat that unchanged, or name "
            "another source for another act."
        )


@domain_error
class LedgerUndone(DomainError):
    """More to come back than is left of what was booked."""

    code: ClassVar[str] = "LEDGER_UNDONE"
    transfer: TransferId
    asked: Quantity
    left: Quantity

    def __str__(self) -> str:
        way = f"Take {self.left:,} or fewer." if self.left else "All of it came back before."
        return f"{self.asked:,} to come back, {self.left:,} left of what was booked. {way}"


@domain_error
class TransferUnknown(DomainError):
    """A transfer that there is none of, or of a kind that cannot come back this way."""

    code: ClassVar[str] = "TRANSFER_UNKNOWN"
    transfer: TransferId

    def __str__(self) -> str:
        return "There is no such transfer. What was spent is restored, what was earned reversed."


@domain_error
class PendingTransferUnknown(DomainError):
    """Something set aside that there is none of."""

    code: ClassVar[str] = "PENDING_TRANSFER_UNKNOWN"
    pending: PendingTransferId

    def __str__(self) -> str:
        return "Nothing was set aside by this id. Set it aside first."


@domain_error
class PendingTransferClosed(DomainError):
    """Something set aside that was already spent, or went back."""

    code: ClassVar[str] = "PENDING_TRANSFER_CLOSED"
    pending: PendingTransferId
    state: PendingState

    def __str__(self) -> str:
        return f"What was set aside is {self.state} by now. Set it aside anew, by another source."


@domain_error
class LedgerSameAccount(DomainError):
    """Value that would go to where it comes from."""

    code: ClassVar[str] = "LEDGER_SAME_ACCOUNT"
    unit: str

    def __str__(self) -> str:
        return f"Both are one account of {self.unit}: its owners are one. Nothing is to move."
