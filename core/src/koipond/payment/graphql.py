"""Payments in the schema."""

from datetime import datetime

import strawberry

from koipond.kernel.ids import PaymentId, RefundId, encode
from koipond.kernel.schema import MoneyType
from koipond.payment import types
from koipond.payment.types import PaymentState, RefundReason, RefundState

strawberry.enum(PaymentState)
strawberry.enum(RefundState)
strawberry.enum(RefundReason)


@strawberry.type(description="A way to pay. `placeOrder` and `payOrder` take its key.")
class PaymentMethod:
    provider: str


@strawberry.type(description="A word of what the buyer must do, as the provider says it.")
class PaymentActionEntry:
    key: str
    value: str


@strawberry.type(description="One attempt to pay an order, or a part of it.")
class Payment:
    id: strawberry.ID
    provider: str
    state: PaymentState
    amount: MoneyType = strawberry.field(description="What was asked for")
    authorised: MoneyType
    captured: MoneyType
    refunded: MoneyType = strawberry.field(description="What was given back, or is owed")
    action: list[PaymentActionEntry] = strawberry.field(
        description="While PENDING: what the buyer must do, such as an address to go to"
    )
    created_at: datetime

    @classmethod
    def of(cls, found: types.Payment) -> "Payment":
        """Wrap a payment."""
        return cls(
            id=strawberry.ID(encode(PaymentId, found.id)),
            provider=found.provider,
            state=found.state,
            amount=MoneyType.of(found.amount),
            authorised=MoneyType.of(found.authorised),
            captured=MoneyType.of(found.captured),
            refunded=MoneyType.of(found.refunded),
            action=[PaymentActionEntry(key=key, value=found.action[key]) for key in found.action],
            created_at=found.created_at,
        )


@strawberry.type(description="Money that goes back by the payment that it came by.")
class Refund:
    id: strawberry.ID
    payment_id: strawberry.ID
    state: RefundState
    amount: MoneyType
    reason: RefundReason

    @classmethod
    def of(cls, found: types.Refund) -> "Refund":
        """Wrap a refund."""
        return cls(
            id=strawberry.ID(encode(RefundId, found.id)),
            payment_id=strawberry.ID(encode(PaymentId, found.payment_id)),
            state=found.state,
            amount=MoneyType.of(found.amount),
            reason=found.reason,
        )
