"""Use-cases of looking at payments and refunds."""

from collections.abc import Sequence

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import OrderId, PaymentId, RefundId
from koipond.payment import repository
from koipond.payment.types import PaidPart, Payment, Refund


async def find_payment(ctx: Context, key: PaymentId) -> Payment | None:
    """Return a payment."""
    async with ctx.reading() as db:
        return await repository.find(db, key)


async def find_payments(ctx: Context, order_id: OrderId) -> list[Payment]:
    """Return the payments of an order, the oldest first."""
    async with ctx.reading() as db:
        return await repository.find_of_order(db, order_id)


async def find_payments_of(
    ctx: Context, order_ids: Sequence[OrderId]
) -> dict[OrderId, list[Payment]]:
    """Return {order: its payments, the oldest first} for each of `order_ids`."""
    async with ctx.reading() as db:
        found = await repository.find_by_orders(db, order_ids)
    return {key: [one for one in found if one.order_id == key] for key in order_ids}


@transaction
async def lock_payments(ctx: Context, order_id: OrderId) -> list[Payment]:
    """Lock and return the payments of an order, before the order itself is locked.

    Who applies an answer has its payment locked and wants the order: in the other sequence the two
    would wait for each other.
    """
    return await repository.lock_of_order(ctx.db, order_id)


async def find_refund(ctx: Context, key: RefundId) -> Refund | None:
    """Return a refund."""
    async with ctx.reading() as db:
        return await repository.find_refund(db, key)


async def find_refunds(ctx: Context, order_id: OrderId) -> list[Refund]:
    """Return the refunds of an order, the oldest first."""
    return (await find_refunds_of(ctx, [order_id]))[order_id]


async def find_refunds_of(
    ctx: Context, order_ids: Sequence[OrderId]
) -> dict[OrderId, list[Refund]]:
    """Return {order: its refunds, the oldest first} for each of `order_ids`."""
    async with ctx.reading() as db:
        found = await repository.find_refunds(db, order_ids)
    return {key: [one for one in found if one.order_id == key] for key in order_ids}


async def find_parts(ctx: Context, order_id: OrderId) -> list[PaidPart]:
    """Return what each payment paid for each part of an order; nothing before it was covered."""
    async with ctx.reading() as db:
        return await repository.find_parts(db, order_id)
