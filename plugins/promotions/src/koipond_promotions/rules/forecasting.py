"""What a promotion would have cost: orders that were placed are priced again, with it and without.

Before tax, as promotions are reckoned. The others that run now are asked both times, so that what
it takes the place of is not counted as its cost. Limits are used up in the order in which the
orders were placed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from koipond_promotions.rules.admitting import label_of
from koipond_promotions.rules.matching import Lines, reaches
from koipond_promotions.rules.proposing import make_offer
from koipond_promotions.types import (
    PLUGIN,
    Candidate,
    PastLine,
    PastOrder,
    Promotion,
    PromotionId,
    PromotionInputs,
)
from koipond_sdk import (
    ActivityId,
    CategoryId,
    MemberId,
    ProductId,
    RoundingPolicy,
    VariantId,
    encode,
)
from koipond_sdk.hooks import CartItem, CartRequest
from koipond_sdk.pricing import (
    Considered,
    GiftPrice,
    PricedOrder,
    QuoteLine,
    ShippingCost,
    ShippingStep,
    Stage,
    UnitPrice,
    Verdict,
    price_order,
)

_CODE = "DRY-RUN"


class Rehearsal:
    """A promotion that is tried on one order after the other.

    categories: {product: its categories}; groups: {member: the groups that they are in}.
    """

    def __init__(
        self,
        promotion: Promotion,
        others: Sequence[Promotion],
        *,
        time_zone: str,
        categories: Mapping[ProductId, frozenset[CategoryId]],
        groups: Mapping[MemberId, frozenset[str]],
        gifts: Mapping[VariantId, GiftPrice],
        rounding: RoundingPolicy,
    ) -> None:
        self._promotion = promotion
        self._others = [one for one in others if one.id != promotion.id]
        self._time_zone = time_zone
        self._categories = categories
        self._groups = groups
        self._gifts = gifts
        self._rounding = rounding
        self._had: Counter[MemberId] = Counter()
        self.orders = self.touched = self.stopped = self.off_minor = self.cost_minor = 0

    def play(self, past: PastOrder) -> None:
        """Price an order with the promotion and without it."""
        self.orders += 1
        request = self._request(past)
        if not past.lines or not self._may_count(self._promotion, past, request):
            return
        if self._is_used_up(past.member_id):
            self.stopped += 1
            return
        others = [one for one in self._others if self._may_count(one, past, request)]
        without = self._price(past, request, [self._candidate(one, past) for one in others])
        budget = self._promotion.budget_minor
        left = None if budget is None else budget - self.off_minor
        own = self._candidate(self._promotion, past, cap_minor=left)
        also = [own, *(self._candidate(one, past) for one in others)]
        priced = self._price(past, request, also)
        off = _taken_off(priced, encode(PromotionId, self._promotion.id))
        if off:
            self.touched += 1
            self._had[past.member_id] += 1
            self.off_minor += off
        self.cost_minor += _taken_off(priced) - _taken_off(without)

    def _request(self, past: PastOrder) -> CartRequest:
        items = tuple(
            CartItem(
                id=line.id,
                variant_id=line.variant_id,
                product_id=line.product_id,
                category_ids=self._categories.get(line.product_id, frozenset()),
                quantity=line.quantity,
                list_minor=line.unit_minor,
                unit_minor=line.unit_minor,
                activity_id=_activity_of(line),
            )
            for line in past.lines
        )
        return CartRequest(
            channel_id=self._promotion.channel_id,
            currency=self._promotion.currency,
            now=past.placed_at,
            items=items,
            groups=self._groups.get(past.member_id, frozenset()),
        )

    def _may_count(self, one: Promotion, past: PastOrder, request: CartRequest) -> bool:
        conditions = one.rule.conditions
        return (
            (past.is_first or not conditions.first_order)
            and (not conditions.groups or not request.groups.isdisjoint(conditions.groups))
            and reaches(one.rule, Lines(request.items))
        )

    def _is_used_up(self, member_id: MemberId) -> bool:
        one = self._promotion
        return (
            (one.uses_max is not None and self.touched >= one.uses_max)
            or (one.uses_per_member is not None and self._had[member_id] >= one.uses_per_member)
            or (one.budget_minor is not None and self.off_minor >= one.budget_minor)
        )

    def _candidate(
        self, one: Promotion, past: PastOrder, *, cap_minor: int | None = None
    ) -> Candidate:
        return Candidate(
            promotion_id=one.id,
            version=one.version,
            label=label_of(one, ()),
            rule=one.rule,
            # As if it had run that week.
            starts_at=past.placed_at,
            coupon=_CODE if one.needs_coupon else None,
            cap_minor=cap_minor,
        )

    def _price(
        self, past: PastOrder, request: CartRequest, candidates: Sequence[Candidate]
    ) -> PricedOrder:
        inputs = PromotionInputs(time_zone=self._time_zone, candidates=tuple(candidates))
        offer = make_offer(request, inputs)
        lines = [
            QuoteLine(
                id=line.id,
                quantity=line.quantity,
                unit=_unit_of(line),
                label="",
            )
            for line in past.lines
        ]
        return price_order(
            lines,
            currency=request.currency,
            proposed=[(PLUGIN, one) for one in offer.proposals],
            gifts=self._gifts,
            rounding=self._rounding,
            shipping=ShippingCost(rule="", label="", steps=(_shipping(past.shipping_minor),)),
        )


def _activity_of(line: PastLine) -> ActivityId | None:
    """Return what stands for the activity that sold a line: which one it was changes nothing."""
    return ActivityId(line.id) if line.by_activity else None


def _unit_of(line: PastLine) -> UnitPrice:
    sold = Considered(
        key=line.id,
        stage=Stage.ACTIVITY,
        origin=PLUGIN,
        rule="",
        label="",
        unit_price_minor=line.unit_minor,
        verdict=Verdict.WON,
        activity_id=_activity_of(line),
    )
    return UnitPrice(list_minor=line.unit_minor, considered=(sold,) if line.by_activity else ())


def _shipping(amount_minor: int) -> ShippingStep:
    return ShippingStep(total_from_minor=0, amount_minor=amount_minor)


def _taken_off(priced: PricedOrder, rule: str | None = None) -> int:
    """Return what promotions, or the one that is named, take off; of a gift all that it costs."""
    return -sum(
        one.amount_minor
        for one in priced.adjustments
        if one.origin == PLUGIN and rule in {None, one.rule}
    )
