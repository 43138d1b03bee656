"""What promotions make of lines that an edit adds, by the rules of when the order was placed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from koipond.catalog import service as catalog
from koipond.kernel.context import Context
from koipond.kernel.errors import DomainError
from koipond.order import rules
from koipond.order.service.promoting import Promoted
from koipond.order.types import Order, OrderLine
from koipond.pricing.rules import Proposed
from koipond.pricing.types import CartOffer, CartRequest, QuoteLine, UnitPrice


async def extend(
    ctx: Context, kept: Order, added: Sequence[OrderLine], units: Mapping[UUID, UnitPrice]
) -> Promoted:
    """Return what goes on to count for lines that are added to an order; see
    `rules.extend_promotions`. Nothing that a plugin counts is asked for."""
    now = ctx.clock.now()
    request = await _request(ctx, kept, added, units)
    if request is None:
        return Promoted(now=now)
    proposed = rules.extend_promotions(
        kept,
        [
            QuoteLine(id=line.id, quantity=line.quantity, unit=units[line.id], label=line.name)
            for line in added
        ],
        _propose_again(ctx, kept, request),
    )
    by_plugin = defaultdict(list)
    for plugin, proposal in proposed:
        by_plugin[plugin].append(proposal)
    offers = [(key, CartOffer(proposals=tuple(by_plugin[key]))) for key in sorted(by_plugin)]
    return Promoted(now=now, offers=tuple(offers))


async def _request(
    ctx: Context, kept: Order, added: Sequence[OrderLine], units: Mapping[UUID, UnitPrice]
) -> CartRequest | None:
    """Return what plugins were asked then, of the lines there are now; None: it is not kept."""
    asked = kept.trace.asked
    if asked is None:
        return None
    lines = tuple(line for line in kept.lines if line.quantity)
    then = rules.cart_request_of(msgspec.structs.replace(kept, lines=lines), asked)
    products = list(dict.fromkeys(line.product_id for line in (*lines, *added)))
    found = await catalog.find_categories(ctx, products)
    categories = {key: frozenset(one.id for one in some) for key, some in found.items()}
    categories |= {key: frozenset(some) for key, some in asked.categories.items()}
    items = [
        msgspec.structs.replace(
            item, category_ids=categories.get(item.product_id, item.category_ids)
        )
        for item in then.items
    ]
    new = rules.cart_items_of(added, units, categories)
    return msgspec.structs.replace(then, items=(*items, *new))


def _propose_again(ctx: Context, kept: Order, request: CartRequest) -> list[Proposed]:
    """Return what plugins propose for all lines by what they were given when it was placed.

    What is not kept, or not read by the plugin any more, counts no longer.
    """
    proposed: list[Proposed] = []
    for one in kept.trace.traced:
        kind = ctx.shop.extensions.traced.get((one.plugin, one.version or 0))
        if one.hook != "cart_inputs" or one.kept is None or kind is None:
            continue
        try:
            inputs = msgspec.convert(one.kept, kind)
            answer = ctx.hooks.calculate_again(one.hook, one.plugin, request, inputs)
        except (msgspec.ValidationError, DomainError):
            continue
        if isinstance(answer, CartOffer):
            proposed += [(one.plugin, proposal) for proposal in answer.proposals]
    return proposed
