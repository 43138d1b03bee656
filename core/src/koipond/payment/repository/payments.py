"""SQL of payments and of what providers told about them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from koipond.kernel.db import AsyncConnection, insert
from koipond.kernel.ids import OrderId, PaymentId
from koipond.kernel.money import Currency, Money
from koipond.kernel.prepared import Prepared
from koipond.kernel.unsent import Unsent
from koipond.payment.tables import payment, payment_event, pending
from koipond.payment.types import Outcome, Payment, PaymentState


def add(unsent: Unsent, new: Payment, *, query_at: datetime) -> None:
    """Store a payment before its provider is asked. query_at: when to ask what became of it."""
    unsent.add(
        payment,
        {
            "id": new.id,
            "order_id": new.order_id,
            "provider": new.provider,
            "currency": new.amount.currency,
            "amount_minor": new.amount.amount_minor,
            "refunded_minor": new.refunded.amount_minor,
            "request_key": new.request_key,
            "created_at": new.created_at,
            **_told_of(new, now=new.created_at, query_at=query_at),
        },
    )


async def find(db: AsyncConnection, key: PaymentId) -> Payment | None:
    """Return a payment."""
    row = (await db.execute(select(payment).where(payment.c.id == key))).one_or_none()
    return None if row is None else _payment(row)


async def find_of_order(db: AsyncConnection, order_id: OrderId) -> list[Payment]:
    """Return the payments of an order, the oldest first."""
    rows = await _OF_ORDER.rows(db, {"of_order": order_id})
    return [_payment(row) for row in rows]


async def find_by_orders(db: AsyncConnection, order_ids: Sequence[OrderId]) -> list[Payment]:
    """Return the payments of these orders, the oldest first."""
    rows = await _OF_ORDERS.rows(db, {"order_ids": sorted(order_ids)})
    return [_payment(row) for row in rows]


async def find_by_request(
    db: AsyncConnection, order_id: OrderId, request_key: str
) -> Payment | None:
    """Return the payment of an order that this request began."""
    mine = (payment.c.order_id == order_id) & (payment.c.request_key == request_key)
    row = (await db.execute(select(payment).where(mine))).one_or_none()
    return None if row is None else _payment(row)


async def find_unresolved(db: AsyncConnection, *, now: datetime, limit: int) -> list[PaymentId]:
    """Return payments whose end nobody told and whose provider is to be asked now."""
    wanted = select(payment.c.id).where(pending, payment.c.query_at <= now)
    rows = await db.execute(wanted.order_by(payment.c.query_at, payment.c.id).limit(limit))
    return [PaymentId(key) for key in rows.scalars()]


async def lock(db: AsyncConnection, key: PaymentId) -> Payment | None:
    """Return a payment and lock it, together with all payments of its order."""
    return next((one for one in await lock_with_others(db, key) if one.id == key), None)


async def lock_with_others(db: AsyncConnection, key: PaymentId) -> list[Payment]:
    """Lock a payment with all payments of its order, and return them, the oldest first.

    What follows may want another one of them, and somebody else's the other way round.
    """
    rows = await _LOCK_WITH_OTHERS.rows(db, {"of_key": key})
    return [_payment(row) for row in rows]


async def lock_of_order(db: AsyncConnection, order_id: OrderId) -> list[Payment]:
    """Lock and return the payments of an order, the oldest first."""
    rows = await _LOCK_OF_ORDER.rows(db, {"of_order": order_id})
    return [_payment(row) for row in rows]


async def save(db: AsyncConnection, changed: Payment, *, now: datetime, query_at: datetime) -> None:
    """Store what a provider told of a payment that is locked."""
    await _SAVE.rows(db, {"of_key": changed.id, **_told_of(changed, now=now, query_at=query_at)})


def save_begun(unsent: Unsent, changed: Payment, *, now: datetime, query_at: datetime) -> None:
    """Store what a provider told of a payment of which nothing was known before; unread.

    What sends it raises Outdated if something was.
    """
    unsent.change(
        payment,
        {"id": changed.id, **_told_of(changed, now=now, query_at=query_at)},
        only_if={"state": [PaymentState.PENDING], "reference": [None]},
        must=True,
    )


def _told_of(one: Payment, *, now: datetime, query_at: datetime) -> dict[str, Any]:
    """Return the columns that a provider's answers change."""
    return {
        "state": one.state,
        "authorised_minor": one.authorised.amount_minor,
        "captured_minor": one.captured.amount_minor,
        "capturing_minor": one.capturing.amount_minor,
        "released": one.released,
        "reference": one.reference,
        "failure": one.failure and one.failure[:500],
        "action": dict(one.action),
        "query_at": query_at,
        "updated_at": now,
    }


async def unname(db: AsyncConnection, key: PaymentId) -> None:
    """Let the request that began a payment begin another one."""
    await db.execute(payment.update().where(payment.c.id == key).values(request_key=None))


async def raise_capturing(db: AsyncConnection, key: PaymentId, total_minor: int) -> None:
    """Store how much the provider is about to be asked to have captured in all."""
    await db.execute(
        payment.update().where(payment.c.id == key).values(capturing_minor=total_minor)
    )


async def add_event(
    db: AsyncConnection,
    *,
    provider: str,
    event_id: str,
    payment_id: PaymentId,
    outcome: Outcome,
    reason: str | None,
    now: datetime,
) -> bool:
    """Store that a notice was received; False if it was before."""
    statement = insert(db, payment_event).values(
        provider=provider,
        event_id=event_id,
        payment_id=payment_id,
        outcome=outcome,
        reason=reason and reason[:500],
        received_at=now,
    )
    added = await db.execute(statement.on_conflict_do_nothing().returning(payment_event.c.event_id))
    return added.one_or_none() is not None


_MISCOUNTED = Prepared(
    select(payment.c.id)
    .where(
        (payment.c.refunded_minor < 0)
        | (payment.c.refunded_minor > payment.c.captured_minor)
        | (payment.c.captured_minor > payment.c.authorised_minor)
        | (payment.c.authorised_minor > payment.c.amount_minor)
    )
    .order_by(payment.c.id)
)


async def find_miscounted(db: AsyncConnection) -> list[PaymentId]:
    """Return payments whose amounts break refunded <= captured <= authorised <= amount."""
    return [PaymentId(key) for (key,) in await _MISCOUNTED.rows(db)]


def _payment(row: Any) -> Payment:
    currency = Currency(row.currency)
    return Payment(
        id=row.id,
        order_id=row.order_id,
        provider=row.provider,
        state=PaymentState(row.state),
        amount=Money(row.amount_minor, currency),
        authorised=Money(row.authorised_minor, currency),
        captured=Money(row.captured_minor, currency),
        refunded=Money(row.refunded_minor, currency),
        capturing=Money(row.capturing_minor, currency),
        released=row.released,
        reference=row.reference,
        failure=row.failure,
        action=row.action,
        request_key=row.request_key,
        created_at=row.created_at,
    )


_of_order = (
    select(payment).where(payment.c.order_id == bindparam("of_order")).order_by(payment.c.id)
)
_OF_ORDER = Prepared(_of_order)
_OF_ORDERS = Prepared(
    select(payment)
    .where(payment.c.order_id.in_(bindparam("order_ids", expanding=True)))
    .order_by(payment.c.id),
    by_arrays=True,
)
# Sorted: two who lock the same rows lock them in the same sequence.
_LOCK_OF_ORDER = Prepared(_of_order.with_for_update(key_share=True))
_is_named = payment.c.id == bindparam("of_key")
_LOCK_WITH_OTHERS = Prepared(
    select(payment)
    .where(payment.c.order_id == select(payment.c.order_id).where(_is_named).scalar_subquery())
    .order_by(payment.c.id)
    .with_for_update(key_share=True)
)
_SAVE = Prepared(
    payment.update()
    .where(_is_named)
    .values(
        {
            name: bindparam(name)
            for name in (
                "state",
                "authorised_minor",
                "captured_minor",
                "capturing_minor",
                "released",
                "reference",
                "failure",
                "action",
                "query_at",
                "updated_at",
            )
        }
    )
)
