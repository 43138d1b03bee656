"""Use-cases of units that come back: asked for by the buyer, decided and settled by staff.

REQUESTED -> APPROVED -> RECEIVED -> INSPECTED -> REFUNDED | EXCHANGED

Each locks the order. What can be sold again is on the shelf once it was inspected.
"""

from collections.abc import Sequence
from uuid import UUID

from koipond.fulfilment import service as fulfilment
from koipond.fulfilment.errors import NothingAccepted, ReturnUnknown
from koipond.fulfilment.rules import units_returnable
from koipond.fulfilment.types import Inspected, LineUnits, Return, ReturnState
from koipond.kernel import idempotency
from koipond.kernel.context import Context
from koipond.kernel.faults import crash_point
from koipond.kernel.ids import OrderId, OrderLineId, ReturnId, encode
from koipond.kernel.pages import Page, Slice
from koipond.kernel.quantity import Quantity
from koipond.order import repository, rules
from koipond.order.errors import OrderUnknown
from koipond.order.service.acting import Acting
from koipond.order.service.fulfilling import await_closing
from koipond.order.service.paying import answer
from koipond.order.service.policies import find_return_window
from koipond.order.service.reading import find_own_order, find_reach, get_any_order
from koipond.order.service.refunding import owe_units
from koipond.order.types import LineRefund, Order, Placed, RefundWish, ReturnWish
from koipond.payment import service as payment
from koipond.payment.types import RefundReason
from koipond.stock import service as stock


def _told(known: Return) -> dict[str, object]:
    lines = {
        encode(OrderLineId, one.line_id): {
            "quantity": one.quantity,
            "received": one.received_quantity,
            "accepted": one.accepted_quantity,
        }
        for one in known.lines
    }
    return {"state": known.state, "lines": lines}


_RETURNS = Acting(
    fulfilment.find_return, kind=ReturnId, told=_told, missing=ReturnUnknown, may_owe=True
)


async def request_return(
    ctx: Context, wish: ReturnWish, *, token: str | None, idempotency_key: str
) -> Placed:
    """Ask to send units back, as their buyer. A repeat asks for nothing twice.

    Raises OrderUnknown, OrderNotReturnable, ReturnEmpty, OrderLineUnknown, ReturnQuantityTooLarge,
    ReturnWindowOver.
    """
    if await find_own_order(ctx, order_id=wish.order_id, token=token) is None:
        raise OrderUnknown
    await _request(ctx, wish, f"order:{wish.order_id}", idempotency_key)
    return await answer(ctx, wish.order_id)


async def request_any_return(ctx: Context, wish: ReturnWish, *, idempotency_key: str) -> Order:
    """Do `request_return` as staff, for a buyer who called."""
    await get_any_order(ctx, wish.order_id)
    await _request(ctx, wish, f"{ctx.viewer.kind}:{ctx.viewer.id}", idempotency_key)
    return await get_any_order(ctx, wish.order_id)


async def _request(ctx: Context, wish: ReturnWish, principal: str, key: str) -> None:
    async def request(inside: Context, _: UUID) -> None:
        order = await repository.lock_whole(inside.db, wish.order_id)
        window = await find_return_window(inside, order.channel_id)
        known = await fulfilment.find_fulfilments(inside, order.id)
        had, in_time = units_returnable(known, window=window, now=inside.clock.now())
        units = rules.plan_return(order, wish.lines, had, in_time, days=window.days)
        await fulfilment.request_return(inside, order.id, units, reason=wish.reason)
        await repository.count_returned(inside.db, units)
        # Nothing is closed while units may be on their way back.
        await repository.set_close_at(inside.db, order.id, None, now=inside.clock.now())
        asked = {encode(OrderLineId, key): count for key, count in units.items()}
        inside.audited(encode(OrderId, order.id), after={"return_requested": asked})
        crash_point("return.requested.before_commit")

    await idempotency.once(
        ctx,
        request,
        operation="requestReturn",
        key=key,
        request=wish,
        subject_id=wish.order_id,
        principal=principal,
    )


async def list_returns(ctx: Context, state: ReturnState | None, page: Page) -> Slice[Return]:
    """Return one page of all returns, or of those in a state, the newest first: for staff."""
    reach = await find_reach(ctx)
    orders = None if reach is None else repository.ids_in_reach(reach)
    return await fulfilment.list_returns(ctx, state, page, orders=orders)


async def cancel_return(ctx: Context, key: ReturnId, *, token: str | None) -> Placed:
    """Keep the units after all, as their buyer. Raises ReturnUnknown, ReturnNotCancellable."""
    known = await fulfilment.find_return(ctx, key)
    if await find_own_order(ctx, order_id=known.order_id, token=token) is None:
        raise ReturnUnknown
    await _RETURNS.act(ctx, known.order_id, key, _cancel)
    return await answer(ctx, known.order_id)


async def cancel_any_return(ctx: Context, key: ReturnId) -> Order:
    """Do `cancel_return` as staff: what was approved never came."""
    return await _RETURNS.alone(ctx, key, _cancel)


async def approve_return(ctx: Context, key: ReturnId, *, note: str = "") -> Order:
    """Let the buyer send units back. Raises ReturnUnknown, ReturnNotApprovable."""

    async def approve(inside: Context, order: Order, known: Return) -> None:
        await fulfilment.move_return(inside, known, ReturnState.APPROVED, note=note)

    return await _RETURNS.alone(ctx, key, approve)


async def reject_return(ctx: Context, key: ReturnId, *, note: str = "") -> Order:
    """Give the buyer nothing for units. Raises ReturnUnknown, ReturnNotRejectable."""

    async def reject(inside: Context, order: Order, known: Return) -> None:
        await fulfilment.move_return(inside, known, ReturnState.REJECTED, note=note)
        if known.state is ReturnState.REQUESTED:
            await _count_off(inside, known)
        await await_closing(inside, order)

    return await _RETURNS.alone(ctx, key, reject)


async def receive_return(ctx: Context, key: ReturnId, told: Sequence[LineUnits]) -> Order:
    """Say what came back; what did not may be sent back another time. told: none is all of it.

    Raises ReturnUnknown, ReturnNotReceivable, ReturnLineUnknown, ReturnUnitsInvalid.
    """

    async def receive(inside: Context, order: Order, known: Return) -> None:
        lines = await fulfilment.receive_return(inside, known, told, _skus(order))
        missing = {one.line_id: one.received_quantity - one.quantity for one in lines}
        await repository.count_returned(inside.db, missing)

    return await _RETURNS.alone(ctx, key, receive)


async def inspect_return(
    ctx: Context,
    key: ReturnId,
    told: Sequence[Inspected],
    *,
    note: str,
    idempotency_key: str,
) -> Order:
    """Say what of a return is accepted, and put back on the shelf what can be sold again.

    Raises ReturnUnknown, ReturnNotInspectable, ReturnLineUnknown, ReturnUnitsInvalid.
    """

    async def inspect(inside: Context, order: Order, known: Return) -> None:
        await fulfilment.inspect_return(inside, known, told, _skus(order), note=note)
        crash_point("return.inspected.before_commit")

    request = (key, tuple(told), note)
    order = await _RETURNS.once(
        ctx, key, inspect, operation="inspectReturn", name=idempotency_key, request=request
    )
    # A job would do it too; who looks at once should see the units free.
    await stock.give_back(ctx)
    return order


async def refund_return(
    ctx: Context, key: ReturnId, *, shipping: bool, idempotency_key: str
) -> Order:
    """Give back what was paid for the accepted units, by the ways that it came.

    Units that staff gave the money back for before are not paid back again.
    shipping: with all that was paid for the order as a whole. If nothing is left of the order, what
    it holds beside the stock is let go, each claim by its policy.
    Raises ReturnUnknown, ReturnNotRefundable, NothingAccepted, RefundTooLarge.
    """

    async def refund(inside: Context, order: Order, known: Return) -> None:
        await fulfilment.move_return(inside, known, ReturnState.REFUNDED)
        if not any(one.accepted_quantity for one in known.lines):
            raise NothingAccepted
        lines = _unrefunded(order, known)
        if lines or shipping:
            wish = RefundWish(order_id=order.id, lines=lines, shipping=shipping, note=known.reason)
            await owe_units(inside, order, wish, reason=RefundReason.RETURNED)
        after = await repository.get(inside.db, order.id)
        if rules.is_given_back(after):
            await stock.release_others(inside, order.id)
        await await_closing(inside, after)
        crash_point("return.refunded.before_commit")

    order = await _RETURNS.once(
        ctx, key, refund, operation="refundReturn", name=idempotency_key, request=(key, shipping)
    )
    await payment.settle_refunds(ctx, order.id)
    await stock.give_back(ctx)
    return await get_any_order(ctx, order.id)


def _unrefunded(order: Order, known: Return) -> tuple[LineRefund, ...]:
    """Return what of the accepted units was not paid back before: else, with one that was, nobody
    could ever settle the return."""
    left = {line.id: line.quantity - line.refunded_quantity for line in order.lines}
    units = {one.line_id: min(one.accepted_quantity, left[one.line_id]) for one in known.lines}
    return tuple(
        LineRefund(line_id=key, quantity=Quantity(count)) for key, count in units.items() if count
    )


async def _cancel(ctx: Context, order: Order, known: Return) -> None:
    await fulfilment.move_return(ctx, known, ReturnState.CANCELLED)
    await _count_off(ctx, known)
    await await_closing(ctx, order)


async def _count_off(ctx: Context, known: Return) -> None:
    await repository.count_returned(ctx.db, {one.line_id: -one.quantity for one in known.lines})


def _skus(order: Order) -> dict[OrderLineId, str]:
    return {line.id: line.sku for line in order.lines}
