"""What an order is after an edit: every unit that stays keeps its frozen share of every amount."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from koipond.fulfilment.types import Fulfilment, FulfilmentState
from koipond.kernel.ids import OrderLineId, VariantId, encode
from koipond.kernel.money import Money
from koipond.kernel.quantity import Quantity
from koipond.member.types import Address
from koipond.order.errors import (
    EditQuantityTooSmall,
    OrderAddressElsewhere,
    OrderAddressFixed,
    OrderEditEmpty,
    OrderEditLeavesNothing,
    OrderNotEditable,
    QuantityOutOfRange,
    QuoteChanged,
    RefundQuantityTooLarge,
    TooManyLines,
)
from koipond.order.rules.fulfilling import find_named
from koipond.order.rules.placing import check_sums
from koipond.order.types import Addition, LineWish, Order, OrderEditWish, OrderLine, OrderState
from koipond.pricing.types import Adjustment, PricedOrder

_EDITABLE = {OrderState.PLACED, OrderState.CONFIRMED}


def check_editable(order: Order) -> None:
    """Raise OrderNotEditable for an order that stays as it is."""
    if order.state not in _EDITABLE or order.is_closing:
        raise OrderNotEditable(state=order.state)


def plan_edit(
    order: Order, wish: OrderEditWish, *, quantity_max: int, is_sent: bool = False
) -> tuple[dict[OrderLineId, int], tuple[LineWish, ...]]:
    """Return {line: units taken off it}, and what is bought besides.

    Units that are being sent, or were given money back for, stay. Units more than a line has are
    bought besides: its own keep their price. is_sent: units of it were sent, if only such as were
    exchanged since, so it is not cancelled any more. Raises OrderNotEditable, OrderLineUnknown,
    EditQuantityTooSmall, QuantityOutOfRange, OrderEditEmpty, OrderEditLeavesNothing.
    """
    check_editable(order)
    cut: dict[OrderLineId, int] = {}
    added = list(wish.added)
    for place, (line, units) in enumerate(find_named(order, wish.lines)):
        minimum = max(line.fulfilled_quantity, line.refunded_quantity)
        if units > quantity_max:
            raise QuantityOutOfRange(
                quantity=Quantity(units), minimum=minimum, maximum=quantity_max
            ).located(f"lines.{place}.quantity")
        if units < minimum:
            raise EditQuantityTooSmall(
                sku=line.sku, quantity=Quantity(units), minimum=minimum
            ).located(f"lines.{place}.quantity")
        if units < line.quantity:
            cut[line.id] = line.quantity - units
        elif units > line.quantity:
            more = Quantity(units - line.quantity)
            named = encode(VariantId, line.variant_id)
            added.append(LineWish(variant_id=named, quantity=more))
    if not cut and not added:
        raise OrderEditEmpty
    is_all = sum(cut.values()) == sum(line.quantity for line in order.lines)
    if is_all and not added and not is_sent:
        raise OrderEditLeavesNothing
    return cut, tuple(added)


def check_exchange(order: Order, units: Mapping[OrderLineId, int]) -> None:
    """Raise OrderNotEditable, or RefundQuantityTooLarge for units that were paid back already.

    units: {line: units that others are given for}.
    """
    check_editable(order)
    for line in order.lines:
        left = line.quantity - line.refunded_quantity
        if units.get(line.id, 0) > left:
            raise RefundQuantityTooLarge(
                sku=line.sku, quantity=Quantity(units[line.id]), left=Quantity(left)
            )


def edit(
    order: Order, cut: Mapping[OrderLineId, int], added: Addition, *, came_back: bool = False
) -> Order:
    """Return an order without the units that are cut, {line: units}, and with what is added.

    came_back: the units were sent before, and are in a return. Of what a line comes to after each
    adjustment the cut units take their frozen share with them, the last unit what remains; nothing
    slides to other lines.
    """
    lines = [_cut_line(line, cut.get(line.id, 0), came_back) for line in order.lines]
    price = msgspec.structs.replace(
        order.price,
        adjustments=(*_cut_adjustments(order, cut), *added.adjustments),
        considered=(*order.price.considered, *added.considered),
    )
    return msgspec.structs.replace(order, lines=(*lines, *added.lines), price=price)


def check_edited(order: Order, *, expected: Money | None, lines_max: int) -> None:
    """Raise TooManyLines, TotalTooLarge, or QuoteChanged if staff have seen another total."""
    if len(order.lines) > lines_max:
        raise TooManyLines(lines=len(order.lines), maximum=lines_max)
    check_sums(order.price)
    if expected is not None and expected != order.total:
        raise QuoteChanged(expected=expected, total=order.total)


def made_of(lines: Sequence[OrderLine], price: PricedOrder) -> Addition:
    """Return quoted lines as what is added to an order: what belongs to no line is left out, for
    the order has its shipping already."""
    own = {line.id for line in lines}
    return Addition(
        lines=tuple(lines),
        adjustments=tuple(one for one in price.adjustments if one.line_id in own),
        considered=price.considered,
    )


def is_same(one: Order, other: Order) -> bool:
    """Tell whether an order is still what an edit was planned for."""
    return (one.state, one.lines, one.price.adjustments) == (
        other.state,
        other.lines,
        other.price.adjustments,
    )


def _cut_line(line: OrderLine, units: int, came_back: bool) -> OrderLine:
    sent = units if came_back else 0
    return msgspec.structs.replace(
        line,
        quantity=line.quantity - units,
        fulfilled_quantity=line.fulfilled_quantity - sent,
        returned_quantity=line.returned_quantity - sent,
    )


def _cut_adjustments(order: Order, cut: Mapping[OrderLineId, int]) -> Iterator[Adjustment]:
    """Cut what a line has come to after each adjustment, not each by itself: rounded one by one,
    what two take off could be more than is left of the price."""
    had = {line.id: line.quantity for line in order.lines}
    sums: Counter[OrderLineId] = Counter()
    for one in order.price.adjustments:
        key = one.line_id
        units = 0 if key is None else cut.get(key, 0)
        if key is None or not units:
            yield one
            continue
        before = 0 if one.included else sums[key]
        after = before + one.amount_minor
        left = _left_of(after, units, had[key]) - _left_of(before, units, had[key])
        yield msgspec.structs.replace(one, amount_minor=left)
        if not one.included:
            sums[key] = after


def _left_of(amount_minor: int, units: int, had: int) -> int:
    """Return what is left of an amount when so many of `had` units take their share with them."""
    # Towards zero for both signs: rounded down, taking a unit off could make a line dearer.
    left = abs(amount_minor) - abs(amount_minor) * units // had
    return left if amount_minor > 0 else -left


def check_address(order: Order, address: Address, known: Sequence[Fulfilment]) -> None:
    """Raise if an order that stands cannot go to another address of the same place.

    known: all of its fulfilments. Raises OrderNotEditable, OrderAddressFixed,
    OrderAddressElsewhere.
    """
    check_editable(order)
    before = order.details.shipping_address
    packed = sum(one.state is not FulfilmentState.CANCELLED for one in known)
    if packed or before is None:
        raise OrderAddressFixed(parcels=packed)
    if (address.country, address.region) != (before.country, before.region):
        raise OrderAddressElsewhere(
            country=address.country,
            region=address.region,
            order_country=before.country,
            order_region=before.region,
        ).located("shippingAddress")
