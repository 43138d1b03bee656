"""Refusals to erase."""

from typing import ClassVar

from koipond.kernel.errors import DomainError, domain_error


@domain_error
class ErasureBlocked(DomainError):
    """A member with whom the shop is not done."""

    code: ClassVar[str] = "ERASURE_BLOCKED"
    open_orders: int
    owed_refunds: int
    numbers: str

    def __str__(self) -> str:
        return (
            f"They cannot be erased yet: {self.open_orders} orders are open "
            f"({self.numbers or 'none'}) and {self.owed_refunds} refunds are owed. Cancel or "
            "finish the orders, wait for the money to be back, then ask again."
        )


@domain_error
class ErasureUnconfirmed(DomainError):
    """An erasure that its member did not confirm."""

    code: ClassVar[str] = "ERASURE_UNCONFIRMED"

    def __str__(self) -> str:
        return "Give `confirm` an e-mail address or phone number that you are known by here."
