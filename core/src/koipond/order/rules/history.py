"""How a past purchase becomes an order like any other."""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from uuid import UUID

from koipond.kernel.ids import OrderId, OrderLineId, ProductId, VariantId
from koipond.order.types import CheckoutDetails, Order, OrderLine, OrderState, PastLine, PastOrder
from koipond.pricing.types import Adjustment, PricedOrder, Stage

# A past purchase stands in one of these: nothing is to be sent, paid or awaited any more.
OVER = frozenset({OrderState.CLOSED, OrderState.CANCELLED, OrderState.EXPIRED})
# Who added the amounts of a past purchase.
ORIGIN = "import"
_LABEL = "As imported"


def make_past_order(
    past: PastOrder, order_id: OrderId, number: str, *, new_id: Callable[[], UUID]
) -> Order:
    """Return a past purchase as an order. number: for one that has none of its own.

    Line totals are the fact, so each is an adjustment as it is told; the unit price is what one
    unit comes to, rounded down, and nothing is reckoned from it.
    """
    lines = tuple(_line(line, OrderLineId(new_id())) for line in past.lines)
    amounts = [
        _amount(Stage.PRICE_LIST, told.total_minor, line.id)
        for line, told in zip(lines, past.lines, strict=True)
    ]
    if past.other_minor:
        stage = Stage.SHIPPING if past.other_minor > 0 else Stage.ORDER_PROMOTION
        amounts.append(_amount(stage, past.other_minor, None))
    return Order(
        id=order_id,
        state=past.state,
        number=past.number or number,
        channel_id=past.channel_id,
        locale=past.locale,
        member_id=past.member_id,
        lines=lines,
        price=PricedOrder(currency=past.currency, adjustments=tuple(amounts)),
        details=CheckoutDetails(contact=past.contact),
        placed_at=past.placed_at,
        pay_until=past.placed_at,
        imported_from=past.imported_from,
    )


def _line(told: PastLine, key: OrderLineId) -> OrderLine:
    return OrderLine(
        id=key,
        variant_id=told.variant_id or VariantId(_ghost(f"variant {told.sku}")),
        product_id=told.product_id or ProductId(_ghost(f"product {told.sku}")),
        sku=told.sku,
        name=told.name,
        quantity=told.quantity,
        unit_price_minor=max(0, told.total_minor // told.quantity),
        tracked=False,
    )


@lru_cache(10_000)
def _ghost(name: str) -> UUID:
    """Return the id of something that was sold once and is not in the catalogue.

    The same for the same name, so that reports can group by it; of version 8 (RFC 9562), which no
    id of the catalogue is.
    """
    digest = int.from_bytes(hashlib.sha256(f"koipond {name}".encode()).digest()[:16], "big")
    return UUID(int=digest & ~(0xF << 76) & ~(0b11 << 62) | 8 << 76 | 0b10 << 62)


def _amount(stage: Stage, amount_minor: int, line_id: OrderLineId | None) -> Adjustment:
    return Adjustment(
        stage=stage, line_id=line_id, amount_minor=amount_minor, label=_LABEL, origin=ORIGIN
    )
