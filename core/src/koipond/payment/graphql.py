"""Payments in the schema."""

from datetime import datetime

import strawberry

from koipond.kernel.ids import PaymentId, encode
from koipond.kernel.schema import MoneyType
from koipond.payment import types
from koipond.payment.types import PaymentState

strawberry.enum(PaymentState)


@strawberry.type(description="A way to pay. `placeOrder` and `payOrder` take its key.")
class PaymentMethod:
    provider: str


@strawberry.type(description="One attempt to pay an order.")
class Payment:
    id: strawberry.ID
    provider: str
    state: PaymentState
    amount: MoneyType
    captured: MoneyType
    refunded: MoneyType
    created_at: datetime

    @classmethod
    def of(cls, found: types.Payment) -> "Payment":
        """Wrap a payment."""
        return cls(
            id=strawberry.ID(encode(PaymentId, found.id)),
            provider=found.provider,
            state=found.state,
            amount=MoneyType.of(found.amount),
            captured=MoneyType.of(found.captured),
            refunded=MoneyType.of(found.refunded),
            created_at=found.created_at,
        )
