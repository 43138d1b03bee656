"""What follows a refund in plugins."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from koipond.delivery import service as delivery
from koipond.kernel.context import Context
from koipond.kernel.ids import OrderId
from koipond.order.types import Consequence
from koipond.payment.events import Refunded


async def find_consequences(
    ctx: Context, orders: Collection[OrderId]
) -> dict[OrderId, list[Consequence]]:
    """Return {order: what each plugin has to do about each of its refunds}, in their order."""
    found = await delivery.find_steps(ctx, orders, Refunded)
    return {
        key: [
            Consequence(
                refund_id=msgspec.convert(step.payload, Refunded, str_keys=True).refund_id,
                step=step,
            )
            for step in found[key]
        ]
        for key in orders
    }
