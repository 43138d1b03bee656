"""SQL of payments."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import OrderId, PaymentId, RefundId
from koipond.kernel.money import Currency, Money
from koipond.payment.tables import payment, refund
from koipond.payment.types import (
    Charge,
    ChargeResult,
    Payment,
    PaymentState,
    Refund,
    RefundState,
)


async def add(db: AsyncConnection, charge: Charge, *, provider: str, now: datetime) -> None:
    """Store a payment before its provider is asked."""
    await db.execute(
        payment.insert().values(
            id=charge.id,
            order_id=charge.order_id,
            provider=provider,
            state=PaymentState.PENDING,
            currency=charge.amount.currency,
            amount_minor=charge.amount.amount_minor,
            captured_minor=0,
            refunded_minor=0,
            created_at=now,
            updated_at=now,
        )
    )


async def find_by_orders(db: AsyncConnection, order_ids: Sequence[OrderId]) -> list[Payment]:
    """Return the payments of these orders, the oldest first."""
    rows = await db.execute(
        select(payment).where(payment.c.order_id.in_(sorted(order_ids))).order_by(payment.c.id)
    )
    return [_payment(row) for row in rows]


async def lock(db: AsyncConnection, key: PaymentId) -> Payment:
    """Lock and return a payment."""
    rows = await db.execute(
        select(payment).where(payment.c.id == key).with_for_update(key_share=True)
    )
    return _payment(rows.one())


async def apply(
    db: AsyncConnection, key: PaymentId, result: ChargeResult, *, now: datetime
) -> None:
    """Store a provider's answer."""
    await db.execute(
        payment.update()
        .where(payment.c.id == key)
        .values(
            state=result.state,
            captured_minor=result.captured_minor,
            reference=result.reference,
            failure=result.failure,
            updated_at=now,
        )
    )


async def owe(db: AsyncConnection, owed: Sequence[Refund], *, now: datetime) -> None:
    """Store refunds and count them on their payments; the table's own ceiling refuses too much."""
    for one in owed:
        await db.execute(
            payment.update()
            .where(payment.c.id == one.payment_id)
            .values(
                refunded_minor=payment.c.refunded_minor + one.amount.amount_minor, updated_at=now
            )
        )
    rows = [
        {
            "id": one.id,
            "payment_id": one.payment_id,
            "order_id": one.order_id,
            "state": one.state,
            "currency": one.amount.currency,
            "amount_minor": one.amount.amount_minor,
            "created_at": now,
        }
        for one in owed
    ]
    await db.execute(refund.insert(), rows)


async def find_refunds(db: AsyncConnection, order_ids: Sequence[OrderId]) -> list[Refund]:
    """Return the refunds of these orders, the oldest first."""
    rows = await db.execute(
        select(refund, payment.c.provider, payment.c.reference)
        .join(payment, payment.c.id == refund.c.payment_id)
        .where(refund.c.order_id.in_(sorted(order_ids)))
        .order_by(refund.c.id)
    )
    return [_refund(row) for row in rows]


async def finish_refund(db: AsyncConnection, key: RefundId) -> bool:
    """Mark a refund as given; False if it was already."""
    changed = await db.execute(
        refund.update()
        .where(refund.c.id == key, refund.c.state == RefundState.PENDING)
        .values(state=RefundState.DONE)
    )
    return changed.rowcount == 1


def _payment(row: Any) -> Payment:
    currency = Currency(row.currency)
    return Payment(
        id=row.id,
        order_id=row.order_id,
        provider=row.provider,
        state=PaymentState(row.state),
        amount=Money(row.amount_minor, currency),
        captured=Money(row.captured_minor, currency),
        refunded=Money(row.refunded_minor, currency),
        reference=row.reference,
        failure=row.failure,
        created_at=row.created_at,
    )


def _refund(row: Any) -> Refund:
    return Refund(
        id=row.id,
        payment_id=row.payment_id,
        order_id=row.order_id,
        provider=row.provider,
        reference=row.reference,
        state=RefundState(row.state),
        amount=Money(row.amount_minor, Currency(row.currency)),
    )
