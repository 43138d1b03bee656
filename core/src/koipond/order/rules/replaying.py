"""Whether an order's price comes to the same again, by what is kept with it."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from koipond.order.types import Order
from koipond.pricing.rules import written
from koipond.pricing.types import (
    Adjustment,
    Asked,
    CartItem,
    CartRequest,
    PricedOrder,
    PriceItem,
    PriceQuote,
    PriceRequest,
    Proposal,
    Stage,
)


def compare_prices(stored: PricedOrder, again: PricedOrder) -> list[str]:
    """Return what the second has other than the first, one sentence each."""
    before, after = _counted(stored.adjustments), _counted(again.adjustments)
    gone = [f"no longer: {_say(one, stored)}" for one in (before - after).elements()]
    new = [f"instead: {_say(one, again)}" for one in (after - before).elements()]
    return sorted(gone) + sorted(new)


def cart_request_of(order: Order, asked: Asked) -> CartRequest:
    """Return what plugins were asked of an order before it had promotions."""
    given = {one.gift_id for one in order.price.judged}
    units = {one.line_id: one for one in order.price.adjustments if one.stage is Stage.PRICE_LIST}
    return CartRequest(
        channel_id=order.channel_id,
        currency=order.price.currency,
        now=asked.now,
        items=tuple(
            CartItem(
                id=line.id,
                variant_id=line.variant_id,
                product_id=line.product_id,
                category_ids=frozenset(asked.categories.get(line.product_id, ())),
                quantity=line.quantity,
                list_minor=units[line.id].amount_minor // line.quantity,
                unit_minor=line.unit_price_minor,
                activity_id=line.activity_id,
            )
            for line in order.lines
            if line.id not in given
        ),
        coupon_codes=order.details.coupon_codes or (),
        groups=frozenset(asked.groups),
        shipping_method=order.details.shipping_method,
        locales=asked.locales,
    )


def price_request_of(request: CartRequest) -> PriceRequest:
    """Return what plugins were asked of the units of an order."""
    return PriceRequest(
        channel_id=request.channel_id,
        currency=request.currency,
        member_id=None,
        now=request.now,
        items=tuple(
            PriceItem(
                key=one.id,
                variant_id=one.variant_id,
                product_id=one.product_id,
                quantity=one.quantity,
                list_minor=one.list_minor,
            )
            for one in request.items
        ),
    )


def are_proposed(price: PricedOrder, plugin: str, proposals: Iterable[Proposal]) -> bool:
    """Tell whether these are what a plugin proposed; labels may be other words by now."""
    known = [one.proposal for one in price.judged if one.origin == plugin]
    return _unlabelled(known) == _unlabelled(proposals)


def are_quoted(price: PricedOrder, plugin: str, quotes: Sequence[PriceQuote]) -> bool:
    """Tell whether these are what a plugin quoted."""
    keys = {one.line_id for one in price.adjustments}
    known = Counter(
        (one.key, one.stage, one.rule, one.unit_price_minor)
        for one in price.considered
        if one.origin == plugin and one.activity_id is None
    )
    return known == Counter(
        (one.key, one.stage, one.rule, one.unit_price_minor) for one in quotes if one.key in keys
    )


def _unlabelled(proposals: Iterable[Proposal]) -> list[bytes]:
    return sorted(written(msgspec.structs.replace(one, label="")) for one in proposals)


def _counted(adjustments: Iterable[Adjustment]) -> Counter[Adjustment]:
    return Counter(adjustments)


def _say(one: Adjustment, price: PricedOrder) -> str:
    rule = f"{one.origin}/{one.rule}" if one.rule is not None else one.origin
    return f"{one.stage} {one.amount_minor} {price.currency} ({one.label}, by {rule})"
