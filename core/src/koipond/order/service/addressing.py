"""The use-case of sending an order elsewhere, before anything of it is packed."""

import msgspec

from koipond.fulfilment import service as fulfilment
from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import check_version
from koipond.kernel.ids import OrderEditId, OrderId, encode, new_id
from koipond.member.types import Address
from koipond.order import repository, rules
from koipond.order.events import OrderAddressChanged
from koipond.order.service.covering import LATE
from koipond.order.service.editing import NOTE_MAX, find_versions
from koipond.order.service.reading import get_any_order
from koipond.order.types import CheckoutDetails, Order, OrderEdit


@transaction
async def change_address(
    ctx: Context,
    order_id: OrderId,
    address: Address,
    *,
    note: str = "",
    expected_version: int | None = None,
) -> Order:
    """Send an order to another address of the same country and region; the same changes nothing.

    It counts as an edit that costs nothing. Raises OrderUnknown, VersionConflict, AddressInvalid,
    OrderNotEditable, OrderAddressFixed, OrderAddressElsewhere.
    """
    await get_any_order(ctx, order_id)
    order = await repository.lock_whole(ctx.db, order_id)
    current = (await find_versions(ctx, [order_id]))[order_id]
    check_version(encode(OrderId, order_id), expected=expected_version, current=current)
    told = rules.check_details(CheckoutDetails(shipping_address=address)).shipping_address
    assert told is not None, "one was given"
    rules.check_address(order, told, await fulfilment.find_fulfilments(ctx, order_id))
    if told == order.details.shipping_address:
        return order
    details = msgspec.structs.replace(order.details, shipping_address=told)
    await repository.save_details(ctx.db, order_id, details, now=ctx.clock.now())
    edit_id = await _note(ctx, order, note)
    ctx.emit(OrderAddressChanged(order_id=order_id, edit_id=edit_id))
    # Where somebody lives is theirs, and what the audit keeps is never erased.
    ctx.audited(
        encode(OrderId, order_id),
        before={"version": current},
        after={"version": current + 1, "is_sent_elsewhere": True},
    )
    return await get_any_order(ctx, order_id)


async def _note(ctx: Context, order: Order, note: str) -> OrderEditId:
    """Store that a locked order was edited; returns the edit's id."""
    now = ctx.clock.now()
    edit = OrderEdit(
        id=OrderEditId(new_id()),
        order_id=order.id,
        part=max(await repository.find_last_part(ctx.db, order.id) or LATE, LATE) + 1,
        delta=None,
        note=note.strip()[:NOTE_MAX],
        made_by=f"{ctx.viewer.kind}:{ctx.viewer.id}",
        created_at=now,
        applied_at=None,
    )
    await repository.add_edit(ctx.db, edit, currency=order.total.currency)
    await repository.finish_edit(ctx.db, edit.id, 0, now=now)
    return edit.id
