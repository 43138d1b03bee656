"""Payments, made as a test needs them."""

from datetime import UTC, datetime
from typing import Any

from koipond.kernel.ids import OrderId, PaymentId, new_id
from koipond.kernel.money import Currency, Money
from koipond.payment.types import Payment, PaymentState

EUR = Currency("EUR")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PENDING, FAILED, AUTHORISED, VOIDED, CAPTURED = PaymentState


def eur(amount_minor: int) -> Money:
    return Money(amount_minor, EUR)


def payment(amount: int = 100_00, **given: Any) -> Payment:
    """Return a payment; sums are minor units of EUR."""
    sums = {name: eur(given.pop(name, 0)) for name in ("authorised", "captured", "refunded")}
    usual: dict[str, Any] = {
        "id": PaymentId(new_id()),
        "order_id": OrderId(new_id()),
        "provider": "sandbox",
        "state": PENDING,
        "amount": eur(amount),
        "capturing": sums["captured"],
        "released": False,
        "reference": None,
        "failure": None,
        "action": {},
        "request_key": None,
        "created_at": NOW,
        **sums,
    }
    return Payment(**(usual | given))


def captured(amount: int, **given: Any) -> Payment:
    return payment(amount, state=CAPTURED, authorised=amount, captured=amount, **given)
