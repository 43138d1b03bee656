"""SQL of refunds, and of what was paid for each part of an order."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, func, or_, select

from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.ids import OrderId, PaymentId, RefundId
from koipond.kernel.money import Currency, Money
from koipond.kernel.prepared import Prepared
from koipond.kernel.unsent import Unsent
from koipond.payment.tables import paid_part, payment, refund, refund_part
from koipond.payment.types import PaidPart, Refund, RefundReason, RefundResult, RefundState


async def owe(
    db: AsyncConnection, one: Refund, parts: Mapping[UUID, int], *, now: datetime
) -> None:
    """Store a refund and count it on its payment and on the parts that it is of.

    parts: {part: amount > 0}. The tables' own ceilings refuse too much.
    """
    currency = one.amount.currency
    await db.execute(
        payment.update()
        .where(payment.c.id == one.payment_id)
        .values(refunded_minor=payment.c.refunded_minor + one.amount.amount_minor, updated_at=now)
    )
    await db.execute(
        refund.insert().values(
            id=one.id,
            payment_id=one.payment_id,
            order_id=one.order_id,
            state=one.state,
            currency=currency,
            amount_minor=one.amount.amount_minor,
            reason=one.reason,
            note=one.note,
            reference=one.reference,
            retry_of=one.retry_of,
            created_at=now,
            done_at=now if one.state is RefundState.DONE else None,
        )
    )
    if parts:
        rows = [
            {"refund_id": one.id, "part_id": part, "currency": currency, "amount_minor": amount}
            for part, amount in parts.items()
        ]
        await db.execute(refund_part.insert(), rows)
        await _count_parts(db, one, parts)


async def take_back(db: AsyncConnection, one: Refund, *, failure: str, now: datetime) -> None:
    """Mark a locked refund as failed and count it no longer, so that it can be tried otherwise."""
    await db.execute(
        refund.update()
        .where(refund.c.id == one.id)
        .values(state=RefundState.FAILED, failure=failure[:500])
    )
    await db.execute(
        payment.update()
        .where(payment.c.id == one.payment_id)
        .values(refunded_minor=payment.c.refunded_minor - one.amount.amount_minor, updated_at=now)
    )
    rows = await db.execute(select(refund_part).where(refund_part.c.refund_id == one.id))
    parts = {row.part_id: -row.amount_minor for row in rows}
    if parts:
        await _count_parts(db, one, parts)


async def finish_refund(
    db: AsyncConnection, key: RefundId, result: RefundResult, *, now: datetime
) -> None:
    """Mark a locked refund as given."""
    await db.execute(
        refund.update()
        .where(refund.c.id == key)
        .values(state=RefundState.DONE, reference=result.reference, done_at=now)
    )


async def name_refund(db: AsyncConnection, key: RefundId, reference: str) -> None:
    """Store what the provider calls a refund that it has agreed to."""
    await db.execute(refund.update().where(refund.c.id == key).values(reference=reference))


async def find_refunds(db: AsyncConnection, order_ids: Sequence[OrderId]) -> list[Refund]:
    """Return the refunds of these orders, the oldest first."""
    rows = await _OF_ORDERS.rows(db, {"order_ids": sorted(order_ids)})
    return [_refund(row) for row in rows]


async def find_refund(db: AsyncConnection, key: RefundId) -> Refund | None:
    """Return a refund."""
    row = (await db.execute(_refunds().where(refund.c.id == key))).one_or_none()
    return None if row is None else _refund(row)


async def find_shares(db: AsyncConnection, key: RefundId) -> dict[UUID, int]:
    """Return {part: amount} of what a refund is of."""
    rows = await db.execute(select(refund_part).where(refund_part.c.refund_id == key))
    return {row.part_id: row.amount_minor for row in rows}


async def lock_refund(db: AsyncConnection, key: RefundId) -> Refund | None:
    """Lock and return a refund; its payment is locked before."""
    row = (
        await db.execute(
            _refunds().where(refund.c.id == key).with_for_update(key_share=True, of=refund)
        )
    ).one_or_none()
    return None if row is None else _refund(row)


async def has_refund(db: AsyncConnection, key: PaymentId, reference: str) -> bool:
    """Tell whether a payment has a refund that its provider calls so."""
    named = (refund.c.payment_id == key) & (refund.c.reference == reference)
    return (await db.execute(select(refund.c.id).where(named))).first() is not None


def add_parts(
    unsent: Unsent, order_id: OrderId, currency: Currency, parts: Sequence[PaidPart]
) -> None:
    """Store what each payment paid for each part of an order."""
    for one in parts:
        row = {
            "payment_id": one.payment_id,
            "part_id": one.part_id,
            "order_id": order_id,
            "currency": currency,
            "paid_minor": one.paid_minor,
            "refunded_minor": 0,
        }
        unsent.add(paid_part, row)


async def set_parts(
    db: AsyncConnection, order_id: OrderId, currency: Currency, parts: Sequence[PaidPart]
) -> None:
    """Store what each payment pays for each part of an order from now on; none is deleted."""
    if not parts:
        return
    rows = [
        {
            "payment_id": one.payment_id,
            "part_id": one.part_id,
            "order_id": order_id,
            "currency": currency,
            "paid_minor": one.paid_minor,
            "refunded_minor": one.refunded_minor,
        }
        for one in parts
    ]
    statement = insert(db, paid_part).values(rows)
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=["order_id", "payment_id", "part_id"],
            set_={"paid_minor": statement.excluded.paid_minor},
        )
    )


async def find_parts(db: AsyncConnection, order_id: OrderId) -> list[PaidPart]:
    """Return what each payment paid for each part of an order, and what of it went back."""
    rows = await db.execute(
        select(paid_part)
        .where(paid_part.c.order_id == order_id)
        .order_by(paid_part.c.payment_id, paid_part.c.part_id)
    )
    return [
        PaidPart(
            payment_id=row.payment_id,
            part_id=row.part_id,
            paid_minor=row.paid_minor,
            refunded_minor=row.refunded_minor,
        )
        for row in rows
    ]


def _misrefunded() -> Select[Any]:
    summed = func.coalesce(func.sum(refund.c.amount_minor), 0)
    standing = (refund.c.payment_id == payment.c.id) & (refund.c.state != RefundState.FAILED)
    return (
        select(payment.c.id, payment.c.refunded_minor, summed)
        .outerjoin(refund, standing)
        .group_by(payment.c.id, payment.c.refunded_minor)
        .having(summed != payment.c.refunded_minor)
        .order_by(payment.c.id)
    )


_MISREFUNDED = Prepared(_misrefunded())


async def find_misrefunded(db: AsyncConnection) -> list[tuple[PaymentId, int, int]]:
    """Return [(payment, what it counts as refunded, what its refunds sum to)] where they differ."""
    rows = await _MISREFUNDED.rows(db)
    return [(PaymentId(key), counted, found) for key, counted, found in rows]


def _uneven_parts() -> Select[Any]:
    given = (
        select(refund.c.payment_id, refund_part.c.part_id, refund_part.c.amount_minor)
        .join(refund, refund.c.id == refund_part.c.refund_id)
        .where(refund.c.state != RefundState.FAILED)
        .subquery()
    )
    summed = func.coalesce(func.sum(given.c.amount_minor), 0)
    mine = (given.c.payment_id == paid_part.c.payment_id) & (given.c.part_id == paid_part.c.part_id)
    group = (paid_part.c.payment_id, paid_part.c.part_id, paid_part.c.refunded_minor)
    return (
        select(paid_part.c.payment_id, paid_part.c.part_id)
        .outerjoin(given, mine)
        .group_by(*group)
        .having(or_(summed != paid_part.c.refunded_minor))
        .order_by(paid_part.c.payment_id, paid_part.c.part_id)
    )


_UNEVEN_PARTS = Prepared(_uneven_parts())


async def find_uneven_parts(db: AsyncConnection) -> list[tuple[PaymentId, UUID]]:
    """Return the (payment, part) whose count of what went back is not what refunds sum to."""
    return [(PaymentId(key), part) for key, part in await _UNEVEN_PARTS.rows(db)]


async def _count_parts(db: AsyncConnection, one: Refund, parts: Mapping[UUID, int]) -> None:
    mine = (paid_part.c.order_id == one.order_id) & (paid_part.c.payment_id == one.payment_id)
    await db.execute(
        paid_part.update()
        .where(mine, paid_part.c.part_id == bindparam("of_part"))
        .values(refunded_minor=paid_part.c.refunded_minor + bindparam("more")),
        [{"of_part": part, "more": amount} for part, amount in parts.items()],
    )


def _refunds() -> Select[Any]:
    named = payment.c.reference.label("payment_reference")
    return select(refund, payment.c.provider, named).join(
        payment, payment.c.id == refund.c.payment_id
    )


_OF_ORDERS = Prepared(
    _refunds()
    .where(refund.c.order_id.in_(bindparam("order_ids", expanding=True)))
    .order_by(refund.c.id),
    by_arrays=True,
)


def _refund(row: Any) -> Refund:
    return Refund(
        id=row.id,
        payment_id=row.payment_id,
        order_id=row.order_id,
        provider=row.provider,
        payment_reference=row.payment_reference,
        state=RefundState(row.state),
        amount=Money(row.amount_minor, Currency(row.currency)),
        reason=RefundReason(row.reason),
        note=row.note,
        reference=row.reference,
        failure=row.failure,
        retry_of=row.retry_of,
    )
