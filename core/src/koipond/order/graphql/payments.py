"""What staff do with the payments of orders."""

import strawberry

from koipond.kernel.ids import PaymentId, RefundId, decode
from koipond.kernel.schema import Info, MoneyInput, UserError, mutation, needs
from koipond.order import service
from koipond.order.graphql.mutations import read_money
from koipond.order.graphql.types import Order
from koipond.payment.graphql import Payment

PAY = needs("payment.write", by_channel=True)


@strawberry.input
class CapturePaymentInput:
    payment_id: strawberry.ID
    idempotency_key: str
    amount: MoneyInput | None = strawberry.field(
        default=None, description="None: all that the payment holds"
    )


@strawberry.type
class CapturePaymentPayload:
    payment: Payment | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.input
class RetryRefundInput:
    refund_id: strawberry.ID
    idempotency_key: str


@strawberry.input
class VoidPaymentInput:
    payment_id: strawberry.ID


@strawberry.type
class RetryRefundPayload:
    order: Order | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class VoidPaymentPayload:
    payment: Payment | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class PaymentMutations:
    @mutation(PAY)
    async def capture_payment(
        self, info: Info, input: CapturePaymentInput
    ) -> CapturePaymentPayload:
        """Take money that a payment holds."""
        done = await service.capture_payment(
            info.context,
            decode(PaymentId, input.payment_id),
            amount=read_money(input.amount),
            idempotency_key=input.idempotency_key,
        )
        return CapturePaymentPayload(payment=Payment.of(done))

    @mutation(PAY)
    async def retry_refund(self, info: Info, input: RetryRefundInput) -> RetryRefundPayload:
        """Ask a provider once more for what it did not give back."""
        done = await service.retry_refund(
            info.context,
            decode(RefundId, input.refund_id),
            idempotency_key=input.idempotency_key,
        )
        return RetryRefundPayload(order=Order.of(done))

    @mutation(PAY)
    async def void_payment(self, info: Info, input: VoidPaymentInput) -> VoidPaymentPayload:
        """Let go of what a payment holds and has not captured."""
        done = await service.void_payment(info.context, decode(PaymentId, input.payment_id))
        return VoidPaymentPayload(payment=Payment.of(done))
