"""A purchase as it is usually written: one transaction with conditional UPDATEs, then the payment.

Writes the rows that ours does, into our own tables: what differs is how. It knows no repeat that
resumes, no limit, no allocation, no re-check of the price, and no retry; and of two orders of one
variant the second waits until the first is flushed to the disk.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from koipond.catalog.tables import price, price_list, product, product_listing, variant
from koipond.kernel.context import Scope
from koipond.kernel.idempotency import idempotency
from koipond.kernel.ids import OrderId, PaymentId, VariantId, new_id
from koipond.kernel.money import Money
from koipond.kernel.outbox import outbox_event
from koipond.member.tables import identity, member
from koipond.order.tables import order, order_adjustment, order_line
from koipond.payment.tables import paid_part, payment
from koipond.payment.types import Charge, PaymentProvider
from koipond.quota.tables import quota, reservation
from koipond.stock.tables import stock_level

_LEASE = timedelta(seconds=30)
_WINDOW = timedelta(minutes=30)


@dataclass(frozen=True)
class Made:
    """The ids of one purchase, and whose it is."""

    order_id: UUID
    member_id: UUID
    line_id: UUID
    payment_id: UUID
    email: str
    key: str


class SoldOut(Exception):
    """The conditional UPDATE found nothing to take."""


async def buy(
    engine: AsyncEngine, scope: Scope, variant_id: VariantId, email: str, sandbox: PaymentProvider
) -> dict[str, Any]:
    """Place one unit of a variant as an order and pay it; returns the order's row."""
    made = Made(*(new_id() for _ in range(4)), email=email, key=str(uuid4()))
    async with engine.begin() as db:
        total = await _place(db, scope, variant_id, made)
    charge = Charge(
        id=PaymentId(made.payment_id),
        order_id=OrderId(made.order_id),
        amount=Money(total, scope.currency),
        data={},
    )
    result = await sandbox.create_charge(charge)
    async with engine.begin() as db:
        return await _pay(db, charge, made, result.reference)


async def _place(db: AsyncConnection, scope: Scope, variant_id: VariantId, made: Made) -> int:
    now = datetime.now(UTC)
    await db.execute(
        insert(idempotency).values(
            principal="guest",
            operation="placeOrder",
            key=made.key,
            fingerprint=hashlib.sha256(made.key.encode()).hexdigest(),
            step="paying",
            subject_id=made.order_id,
            leased_until=now + _LEASE,
            created_at=now,
        )
    )
    found = await _find(db, scope, variant_id)
    # One order after the other from here on: the row stays locked until the commit.
    taken = await db.execute(
        update(quota)
        .where(quota.c.id == found.quota_id, quota.c.taken + 1 <= quota.c.capacity)
        .values(taken=quota.c.taken + 1)
    )
    if taken.rowcount != 1:
        raise SoldOut
    await db.execute(
        insert(reservation).values(
            owner_id=made.order_id,
            quota_id=found.quota_id,
            part=0,
            subject_id=made.order_id,
            period="",
            quantity=1,
            state="placed",
            release="return",
        )
    )
    told = []
    member_id = await _find_member(db, made.email)
    if member_id is None:
        member_id = made.member_id
        await _add_member(db, made, scope.locales[0], now)
        told.append(("MemberCreated", member_id, 1, {"member_id": str(member_id)}))
    await _write(db, scope, found, made, member_id=member_id, now=now)
    total: int = found.amount_minor
    placed = {"order_id": str(made.order_id), "member_id": str(member_id), "total_minor": total}
    await _tell(db, [*told, ("OrderPlaced", made.order_id, 1, placed)], now)
    return total


async def _find(db: AsyncConnection, scope: Scope, variant_id: VariantId) -> Any:
    here = and_(
        price_list.c.channel_id == scope.channel_id, price_list.c.currency == scope.currency
    )
    rows = await db.execute(
        select(variant, product.c.name, price.c.amount_minor, stock_level.c.quota_id)
        .join(product, product.c.id == variant.c.product_id)
        .join(product_listing, product_listing.c.product_id == product.c.id)
        .join(price, price.c.variant_id == variant.c.id)
        .join(price_list, and_(price_list.c.id == price.c.price_list_id, here))
        .join(stock_level, stock_level.c.variant_id == variant.c.id)
        .where(variant.c.id == variant_id, product_listing.c.channel_id == scope.channel_id)
    )
    return rows.one()


async def _find_member(db: AsyncConnection, email: str) -> UUID | None:
    known = await db.execute(
        select(identity.c.member_id)
        .join(member, member.c.id == identity.c.member_id)
        .where(identity.c.kind == "email", identity.c.value == email, member.c.state == "guest")
    )
    return known.scalar_one_or_none()


async def _add_member(db: AsyncConnection, made: Made, locale: str, now: datetime) -> None:
    await db.execute(
        insert(member).values(
            id=made.member_id, state="guest", name="Lin", locale=locale, created_at=now
        )
    )
    await db.execute(
        insert(identity).values(
            id=new_id(), member_id=made.member_id, kind="email", value=made.email
        )
    )


async def _write(
    db: AsyncConnection, scope: Scope, found: Any, made: Made, *, member_id: UUID, now: datetime
) -> None:
    name = found.name[scope.locales[0]]
    await db.execute(
        insert(order).values(
            id=made.order_id,
            number="".join(secrets.choice("23456789ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(12)),
            token_hash=hashlib.sha256(secrets.token_bytes(32)).hexdigest(),
            channel_id=scope.channel_id,
            currency=scope.currency,
            locale=scope.locales[0],
            member_id=member_id,
            subject_id=member_id,
            state="placed",
            details={"contact": {"name": "Lin", "email": made.email, "phone": None}},
            total_minor=found.amount_minor,
            attributes={},
            price_trace={},
            placed_at=now,
            pay_until=now + _WINDOW,
            updated_at=now,
        )
    )
    await db.execute(
        insert(order_line).values(
            id=made.line_id,
            order_id=made.order_id,
            position=0,
            variant_id=found.id,
            product_id=found.product_id,
            sku=found.sku,
            name=name,
            quantity=1,
            unit_price_minor=found.amount_minor,
            refunded_quantity=0,
            fulfilled_quantity=0,
            returned_quantity=0,
            tracked=True,
            attributes={},
        )
    )
    await db.execute(
        insert(order_adjustment).values(
            order_id=made.order_id,
            position=0,
            line_id=made.line_id,
            stage="price_list",
            amount_minor=found.amount_minor,
            label=name,
            origin="naive",
            included=False,
        )
    )
    await _begin(db, scope, found, made, now=now)


async def _begin(
    db: AsyncConnection, scope: Scope, found: Any, made: Made, *, now: datetime
) -> None:
    await db.execute(
        insert(payment).values(
            id=made.payment_id,
            order_id=made.order_id,
            provider="sandbox",
            state="pending",
            currency=scope.currency,
            amount_minor=found.amount_minor,
            authorised_minor=0,
            captured_minor=0,
            refunded_minor=0,
            capturing_minor=0,
            released=False,
            action={},
            query_at=now + _LEASE,
            created_at=now,
            updated_at=now,
        )
    )


async def _pay(
    db: AsyncConnection, charge: Charge, made: Made, reference: str | None
) -> dict[str, Any]:
    now = datetime.now(UTC)
    amount = charge.amount.amount_minor
    await db.execute(
        update(payment)
        .where(payment.c.id == charge.id, payment.c.state == "pending")
        .values(
            state="captured",
            authorised_minor=amount,
            captured_minor=amount,
            capturing_minor=amount,
            reference=reference,
            updated_at=now,
        )
    )
    moved = await db.execute(
        update(order)
        .where(order.c.id == charge.order_id, order.c.state == "placed")
        .values(state="confirmed", updated_at=now)
        .returning(*order.c)
    )
    paid = moved.one()
    await db.execute(
        insert(paid_part).values(
            payment_id=charge.id,
            part_id=made.line_id,
            order_id=charge.order_id,
            currency=charge.amount.currency,
            paid_minor=amount,
            refunded_minor=0,
        )
    )
    await db.execute(
        update(reservation)
        .where(reservation.c.owner_id == charge.order_id, reservation.c.state == "placed")
        .values(state="consumed")
    )
    told = {"order_id": str(charge.order_id), "payment_id": str(charge.id)}
    captured = ("PaymentCaptured", charge.order_id, 2, told)
    await _tell(db, [captured, ("OrderConfirmed", charge.order_id, 3, told)], now)
    mine = and_(
        idempotency.c.principal == "guest",
        idempotency.c.operation == "placeOrder",
        idempotency.c.key == made.key,
    )
    await db.execute(update(idempotency).where(mine).values(step="done"))
    return dict(paid._mapping)


async def _tell(
    db: AsyncConnection, told: list[tuple[str, UUID, int, dict[str, Any]]], now: datetime
) -> None:
    rows = [
        {
            "id": new_id(),
            "name": name,
            "version": 1,
            "aggregate_id": key,
            "seq": seq,
            "payload": payload,
            "occurred_at": now,
        }
        for name, key, seq, payload in told
    ]
    await db.execute(insert(outbox_event), rows)
