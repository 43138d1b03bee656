"""Use-cases of returns. The order of each is locked by the caller."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from koipond.fulfilment import repository, rules
from koipond.fulfilment.errors import ReturnUnknown
from koipond.fulfilment.events import (
    ReturnApproved,
    ReturnCancelled,
    ReturnExchanged,
    ReturnInspected,
    ReturnReceived,
    ReturnRefunded,
    ReturnRejected,
    ReturnRequested,
)
from koipond.fulfilment.service.parcels import find_fulfilments
from koipond.fulfilment.types import (
    Inspected,
    LineUnits,
    Return,
    ReturnedUnits,
    ReturnState,
)
from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import OrderId, OrderLineId, QuotaId, ReturnId, encode, new_id
from koipond.kernel.pages import Page, Slice
from koipond.stock import service as stock
from koipond.stock.types import LocatedUnits

if TYPE_CHECKING:
    from sqlalchemy import Select

_TEXT_MAX = 200
_TOLD = {
    ReturnState.APPROVED: ReturnApproved,
    ReturnState.CANCELLED: ReturnCancelled,
    ReturnState.RECEIVED: ReturnReceived,
    ReturnState.INSPECTED: ReturnInspected,
    ReturnState.REFUNDED: ReturnRefunded,
    ReturnState.EXCHANGED: ReturnExchanged,
}


async def find_return(ctx: Context, key: ReturnId) -> Return:
    """Return a return. Raises ReturnUnknown."""
    async with ctx.reading() as db:
        found = await repository.find_return(db, key)
    if found is None:
        raise ReturnUnknown
    return found


async def find_returns(ctx: Context, order_id: OrderId) -> list[Return]:
    """Return the returns of an order, the oldest first."""
    return (await find_returns_of(ctx, [order_id]))[order_id]


async def find_returns_of(
    ctx: Context, order_ids: Sequence[OrderId]
) -> dict[OrderId, list[Return]]:
    """Return {order: its returns, the oldest first} for each of `order_ids`."""
    async with ctx.reading() as db:
        found = await repository.find_returns(db, order_ids)
    return {key: [one for one in found if one.order_id == key] for key in order_ids}


async def list_returns(
    ctx: Context,
    state: ReturnState | None,
    page: Page,
    *,
    orders: "Select[tuple[UUID]] | None" = None,
) -> Slice[Return]:
    """Return one page of all returns, or of those in a state, the newest first: for staff.

    orders: selects the ids of the orders of which alone they are wanted.
    """
    async with ctx.reading() as db:
        return await repository.list_returns(db, state, page, orders=orders)


@transaction
async def request_return(
    ctx: Context, order_id: OrderId, units: Mapping[OrderLineId, int], *, reason: str
) -> Return:
    """Store that a buyer wants to send units back, {line: units}; they were checked before."""
    now = ctx.clock.now()
    new = Return(
        id=ReturnId(new_id()),
        order_id=order_id,
        state=ReturnState.REQUESTED,
        reason=reason.strip()[:_TEXT_MAX],
        note="",
        lines=tuple(ReturnedUnits(line_id=key, quantity=n) for key, n in units.items()),
        requested_at=now,
        updated_at=now,
    )
    await repository.add_return(ctx.db, new)
    ctx.emit(ReturnRequested(order_id=order_id, return_id=new.id))
    return new


@transaction
async def move_return(
    ctx: Context, known: Return, to: ReturnState, *, note: str | None = None
) -> None:
    """Move a return on. Raises the refusal of its verb, such as ReturnNotApprovable."""
    rules.check_return_move(known, to)
    # Left out or empty, what was said before stays.
    said = note.strip()[:_TEXT_MAX] or None if note else None
    await repository.move_return(ctx.db, known.id, to, note=said, now=ctx.clock.now())
    if to is ReturnState.REJECTED:
        ctx.emit(
            ReturnRejected(order_id=known.order_id, return_id=known.id, note=said or known.note)
        )
    else:
        ctx.emit(_TOLD[to](order_id=known.order_id, return_id=known.id))


@transaction
async def receive_return(
    ctx: Context, known: Return, told: Sequence[LineUnits], skus: Mapping[OrderLineId, str]
) -> tuple[ReturnedUnits, ...]:
    """Say what came back. told: of each line; none: all of it.

    Raises ReturnNotReceivable, ReturnLineUnknown, ReturnUnitsInvalid.
    """
    await move_return(ctx, known, ReturnState.RECEIVED)
    lines = rules.plan_reception(known, told, skus)
    await repository.save_return_lines(ctx.db, known.id, lines)
    return lines


@transaction
async def inspect_return(
    ctx: Context,
    known: Return,
    told: Sequence[Inspected],
    skus: Mapping[OrderLineId, str],
    *,
    note: str,
) -> None:
    """Say what of a return is accepted, and put on the shelf what can be sold again: each unit
    where it came from, once.

    Raises ReturnNotInspectable, ReturnLineUnknown, ReturnUnitsInvalid.
    """
    await move_return(ctx, known, ReturnState.INSPECTED, note=note)
    lines = rules.plan_inspection(known, told, skus)
    plan = rules.plan_restocking(lines, await find_fulfilments(ctx, known.order_id))
    lines = rules.with_restocked(lines, plan)
    await repository.save_return_lines(ctx.db, known.id, lines)
    quotas: Counter[QuotaId] = Counter()
    for one in plan:
        parcel = one.parcel
        assert parcel.quota_id is not None, "what is counted nowhere goes nowhere"
        quotas[parcel.quota_id] += one.quantity
        await repository.count_restocked(
            ctx.db, one.fulfilment_id, parcel.line_id, parcel.quota_id, one.quantity
        )
    back = [
        LocatedUnits(
            location_id=one.location_id, variant_id=one.parcel.variant_id, quantity=one.quantity
        )
        for one in plan
    ]
    reference = encode(ReturnId, known.id)
    await stock.restock(ctx, known.order_id, back, quotas, reference=reference)
