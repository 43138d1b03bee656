"""Use-cases of looking at payments and refunds."""

from collections.abc import Sequence

from msgspec import Struct

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


class _Locked(Struct, frozen=True):
    order_id: OrderId
    payments: list[Payment]


def hand_on(ctx: Context, order_id: OrderId, payments: list[Payment]) -> None:
    """Keep the payments of an order, all locked and as they are now, for `find_applied`."""
    ctx.handed[_Locked] = _Locked(order_id, payments)


async def find_applied(ctx: Context, order_id: OrderId) -> list[Payment]:
    """Return the payments of an order, the oldest first, for what must follow a provider's answer.

    Once as they were handed on when it was applied, which saves reading them again.
    """
    handed: _Locked | None = ctx.handed.pop(_Locked, None)
    if handed is not None and handed.order_id == order_id:
        return handed.payments
    return await find_payments(ctx, order_id)


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
