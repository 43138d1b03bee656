"""What plugins are asked of a cart, the lines that they give, and what becomes of coupons."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from koipond.catalog.types import Sellable
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import CategoryId, ProductId, VariantId
from koipond.kernel.money import Currency, Money
from koipond.kernel.texts import Locale
from koipond.order.errors import (
    CouponBelowMinimum,
    CouponNotCombinable,
    CouponNotEligible,
    CouponUnknown,
)
from koipond.order.rules.placing import line_name
from koipond.order.types import OrderLine
from koipond.pricing.types import CartItem, CartOffer, Gift, Judged, UnitPrice, Verdict

Offers = Sequence[tuple[str, CartOffer]]
_LOST = {Verdict.EXCLUDED, Verdict.BEATEN}


def cart_items_of(
    lines: Iterable[OrderLine],
    units: Mapping[UUID, UnitPrice],
    categories: Mapping[ProductId, frozenset[CategoryId]],
) -> tuple[CartItem, ...]:
    """Return lines as plugins see them before promotions."""
    return tuple(
        CartItem(
            id=line.id,
            variant_id=line.variant_id,
            product_id=line.product_id,
            category_ids=categories.get(line.product_id, frozenset()),
            quantity=line.quantity,
            list_minor=units[line.id].list_minor,
            unit_minor=line.unit_price_minor,
            activity_id=line.activity_id,
        )
        for line in lines
    )


def find_gifts(offers: Offers) -> list[VariantId]:
    """Return the variants that plugins would give, each once."""
    return list(count_gifts(offers))


def count_gifts(offers: Offers) -> dict[VariantId, int]:
    """Return {variant: units} of all that plugins would give."""
    effects = (one.effect for _, offer in offers for one in offer.proposals)
    found: dict[VariantId, int] = {}
    for one in effects:
        if isinstance(one, Gift):
            found[one.variant_id] = found.get(one.variant_id, 0) + one.quantity
    return found


def make_gift_lines(
    judged: Iterable[Judged], sellables: Mapping[VariantId, Sellable], locales: Sequence[Locale]
) -> tuple[OrderLine, ...]:
    """Return a line for each gift that counts."""
    made = []
    for one in judged:
        gift = one.proposal.effect
        if one.gift_id is None or not isinstance(gift, Gift):
            continue
        found = sellables[gift.variant_id]
        assert found.price_minor is not None, "what has no price is not given"
        made.append(
            OrderLine(
                id=one.gift_id,
                variant_id=gift.variant_id,
                product_id=found.product_id,
                sku=found.sku,
                name=line_name(found, locales),
                quantity=gift.quantity,
                unit_price_minor=found.price_minor,
                tracked=found.track_stock,
            )
        )
    return tuple(made)


def find_refused_coupons(
    codes: Iterable[str], offers: Offers, judged: Sequence[Judged], currency: Currency
) -> list[DomainError]:
    """Return why codes do not count, in their order."""
    found = (_refusal_of(code, offers, judged, currency) for code in codes)
    return [one.located("couponCodes") for one in found if one is not None]


def _refusal_of(
    code: str, offers: Offers, judged: Sequence[Judged], currency: Currency
) -> DomainError | None:
    claims = [offer.coupons[code] for _, offer in offers if code in offer.coupons]
    refused = [one for one in claims if one is not None]
    if not claims:
        return CouponUnknown(coupon=code)
    if len(refused) == len(claims):
        return refused[0]
    own = [one for one in judged if one.proposal.coupon == code]
    if any(one.verdict is Verdict.WON for one in own):
        return None
    for one in own:
        if one.verdict in _LOST:
            return CouponNotCombinable(coupon=code, other=_label_of(one, judged))
        if one.verdict is Verdict.BELOW_MINIMUM:
            return CouponBelowMinimum(
                coupon=code,
                needed=Money(one.needed_minor, currency),
                reached=Money(one.measured_minor, currency),
            )
    return CouponNotEligible(coupon=code)


def _label_of(lost: Judged, judged: Sequence[Judged]) -> str:
    """Return the label of the one that a proposal lost to."""
    return next(
        one.proposal.label for one in judged if (one.origin, one.proposal.rule) == lost.against
    )
