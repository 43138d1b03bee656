"""Use-cases of telling the buyer: reminded to pay, told of parcels and of money that came back."""

from msgspec import structs

from koipond.channel import service as channels
from koipond.fulfilment import service as fulfilment
from koipond.fulfilment.events import FulfilmentShipped
from koipond.kernel.context import Context
from koipond.kernel.events import Event
from koipond.kernel.ids import FulfilmentId, OrderId, RefundId, encode
from koipond.kernel.money import Money
from koipond.member import service as member
from koipond.notify import service as notify
from koipond.notify.types import Message, MessageKind, MessageWish, Recipient
from koipond.order import repository, rules
from koipond.order.events import OrderPlaced
from koipond.order.service.reading import find_any_order
from koipond.order.types import Order
from koipond.payment.events import Refunded

TOLD_OF: tuple[type[Event], ...] = (OrderPlaced, FulfilmentShipped, Refunded)


async def is_unpaid(ctx: Context, message: Message) -> bool:
    """Tell whether the order that a reminder is about is still to be paid."""
    assert message.about is not None, "it is about an order"
    order = await find_any_order(ctx, order_id=OrderId(message.about))
    return order is not None and rules.is_reminded(order, now=ctx.clock.now())


MESSAGE_KINDS: tuple[MessageKind, ...] = (
    structs.replace(rules.UNPAID, still_due=is_unpaid),
    rules.SHIPPED,
    rules.REFUNDED,
)


async def tell_buyer(ctx: Context, event: OrderPlaced | FulfilmentShipped | Refunded) -> None:
    """Have a buyer told of what happened to their order; in the transaction of the delivery."""
    match event:
        case OrderPlaced():
            await _remind(ctx, event)
        case FulfilmentShipped():
            await _tell_of_parcel(ctx, event)
        case Refunded():
            await _tell_of_refund(ctx, event)


async def _remind(ctx: Context, event: OrderPlaced) -> None:
    order = await repository.get(ctx.db, event.order_id)
    assert order.placed_at is not None, "it was placed"
    assert order.pay_until is not None, "it was placed"
    due_at = rules.remind_at(order.placed_at, order.pay_until)
    # Most orders are paid by the time that this comes; of the others it is asked again when due.
    if due_at is None or not rules.is_reminded(order, now=ctx.clock.now()):
        return
    wish = MessageWish(
        kind=rules.UNPAID.key,
        act=f"order.placed:{encode(OrderId, order.id)}",
        to=await _buyer_of(ctx, order),
        values=rules.unpaid_values(order),
        about=order.id,
        due_at=due_at,
    )
    await notify.send(ctx, wish)


async def _tell_of_parcel(ctx: Context, event: FulfilmentShipped) -> None:
    order = await repository.get(ctx.db, event.order_id)
    parcel = await fulfilment.find_fulfilment(ctx, event.fulfilment_id)
    wish = MessageWish(
        kind=rules.SHIPPED.key,
        act=f"fulfilment.shipped:{encode(FulfilmentId, event.fulfilment_id)}",
        to=await _buyer_of(ctx, order),
        values=rules.shipped_values(order, parcel.tracking),
        about=order.id,
    )
    await notify.send(ctx, wish)


async def _tell_of_refund(ctx: Context, event: Refunded) -> None:
    order = await repository.get(ctx.db, event.order_id)
    wish = MessageWish(
        kind=rules.REFUNDED.key,
        act=f"payment.refunded:{encode(RefundId, event.refund_id)}",
        to=await _buyer_of(ctx, order),
        values=rules.refunded_values(order, Money(event.amount_minor, event.currency)),
        about=order.id,
    )
    await notify.send(ctx, wish)


async def _buyer_of(ctx: Context, order: Order) -> Recipient:
    """Return the buyer of an order: at its contact, in its language, in its channel's time zone."""
    assert order.member_id is not None, "an order has a buyer"
    known = {one.id: one for one in await channels.find_channels(ctx)}
    channel = known.get(order.channel_id)
    return await member.find_recipient(
        ctx,
        order.member_id,
        contact=order.details.contact,
        locales=(order.locale, *(channel.locales if channel else ())),
        time_zone=channel.time_zone if channel else "UTC",
    )
