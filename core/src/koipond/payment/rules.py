"""What an order has paid, and what a payment may become."""

from collections.abc import Mapping, Sequence, Set

from koipond.kernel.money import Currency, Money
from koipond.payment.types import Payment, PaymentState

PAYMENT_MOVES: Mapping[PaymentState, Set[PaymentState]] = {
    PaymentState.PENDING: {PaymentState.CAPTURED, PaymentState.FAILED},
    PaymentState.CAPTURED: set(),
    PaymentState.FAILED: set(),
}


def paid(payments: Sequence[Payment], currency: Currency) -> Money:
    """Return what the shop holds for an order: everything captured less everything refunded."""
    kept = sum(one.refundable.amount_minor for one in payments)
    return Money(kept, currency)
