"""What is proposed for a cart, and what becomes of its codes. Core does the arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, assert_never

from koipond_promotions.errors import (
    CouponBelowUnits,
    CouponElsewhere,
    CouponExhausted,
    CouponExpired,
    CouponFirstOrderOnly,
    CouponForMembers,
    CouponForOthers,
    CouponLimitReached,
    CouponNotYetValid,
    CouponOutsideHours,
    CouponPaused,
    CouponRepeated,
    CouponsTooMany,
)
from koipond_promotions.rules.matching import Lines, Selected, count_units, is_open
from koipond_promotions.types import (
    Bundle,
    BuyGet,
    Candidate,
    CouponProblem,
    FixedOff,
    FreeShipping,
    GiftLine,
    NthOff,
    PercentOff,
    PromotionId,
    PromotionInputs,
    RefusedCoupon,
)
from koipond_sdk import DomainError, OrderLineId, Quantity, encode
from koipond_sdk.hooks import (
    AmountOff,
    CartItem,
    CartOffer,
    CartRequest,
    Gift,
    Percent,
    Proposal,
    Stage,
    TotalIs,
)

ALL_PPM = 1_000_000
Units = dict[OrderLineId, int]
Effect = Percent | AmountOff | TotalIs | Gift


class Deal(NamedTuple):
    """What an action does to which units; targets None: to the whole order, or the shipping."""

    stage: Stage
    effect: Effect
    targets: Units | None = None
    cap_minor: int | None = None


def make_offer(request: CartRequest, inputs: PromotionInputs) -> CartOffer:
    """Return what promotions propose for a cart, and why some of its codes do not count."""
    now, proposals, lines = request.now, [], Lines(request.items)
    coupons: dict[str, DomainError | None] = {
        one.code: refusal_of(one, now) for one in inputs.refused
    }
    for one in inputs.candidates:
        selected = lines.select(one.rule, one.rule.selection)
        problem = _problem_of(one, selected, now, inputs.time_zone)
        if one.coupon is not None:
            coupons[one.coupon] = None if isinstance(problem, bool) else problem
        if problem is None and (made := _propose(one, selected, lines)) is not None:
            proposals.append(made)
    return CartOffer(proposals=tuple(proposals), coupons=coupons)


def _problem_of(
    one: Candidate, selected: Selected, now: datetime, time_zone: str
) -> DomainError | bool | None:
    """Return why a candidate does not count; True: there is nothing that it is for."""
    coupon, conditions = one.coupon or "", one.rule.conditions
    if now < one.starts_at:
        return CouponNotYetValid(coupon=coupon, starts_at=one.starts_at, now=now)
    if one.ends_at is not None and now >= one.ends_at:
        return CouponExpired(coupon=coupon, ended_at=one.ends_at, now=now)
    if not is_open(conditions.hours, now, time_zone):
        return CouponOutsideHours(coupon=coupon, now=now)
    if not selected.items:
        return True
    if selected.units < conditions.minimum_units:
        needed, had = Quantity(conditions.minimum_units), Quantity(selected.units)
        return CouponBelowUnits(coupon=coupon, units_needed=needed, units_reached=had)
    return None


def _propose(one: Candidate, selected: Selected, lines: Lines) -> Proposal | None:
    deal = _deal_of(one, selected, lines)
    if deal is None:
        return None
    rule, cap = one.rule, deal.cap_minor
    if one.cap_minor is not None:
        cap = one.cap_minor if cap is None else min(cap, one.cap_minor)
    # Without it core measures what the deal is for, and all lines once for all who ask.
    takes_all = isinstance(rule.action, PercentOff | FixedOff)
    own = not takes_all and (deal.targets is not None or not rule.selection.is_all)
    return Proposal(
        rule=rule_name(one.promotion_id),
        rule_version=one.version,
        label=one.label,
        stage=deal.stage,
        effect=deal.effect,
        targets=deal.targets,
        minimum_minor=rule.conditions.minimum_minor,
        minimum_of=selected.targets if own else None,
        cap_minor=cap,
        stacking=rule.stacking,
        priority=rule.priority,
        coupon=one.coupon,
        with_activities=rule.with_activities,
        # What more it took off would have to be claimed of its budget.
        with_edits=one.cap_minor is None,
    )


@lru_cache(maxsize=4_096)
def rule_name(key: PromotionId) -> str:
    """Return what core calls a promotion: worked out once, for each cart names hundreds."""
    return encode(PromotionId, key)


def _deal_of(one: Candidate, selected: Selected, lines: Lines) -> Deal | None:
    """Return what an action comes to for these lines; None: nothing that it is for is there."""
    rule, action = one.rule, one.rule.action
    of_lines = Stage.LINE_PROMOTION if one.coupon is None else Stage.COUPON
    of_order = Stage.ORDER_PROMOTION if one.coupon is None else Stage.COUPON
    match action:
        case PercentOff() | FixedOff():
            effect = _effect_of(action, rule.conditions.minimum_minor)
            cap = action.cap_minor if isinstance(action, PercentOff) else None
            if rule.selection.is_all:
                return Deal(of_order, effect, cap_minor=cap)
            return Deal(of_lines, effect, selected.targets, cap)
        case GiftLine():
            return Deal(of_order, Gift(variant_id=action.variant_id, quantity=action.quantity))
        case FreeShipping():
            free = _percent(ALL_PPM)
            return Deal(Stage.SHIPPING_DISCOUNT, free, cap_minor=action.cap_minor)
        case Bundle():
            times = selected.units // action.units
            units = take(_dearest(selected.items), times * action.units)
            effect = TotalIs(total_minor=times * action.price_minor)
        case BuyGet():
            units = _got(one, action, selected, lines)
            effect = _percent(action.rate_ppm)
        case NthOff():
            units = take(_cheapest(selected.items), selected.units // action.nth)
            effect = _percent(action.rate_ppm)
        case _:
            assert_never(action)
    return Deal(of_lines, effect, units) if units else None


def _effect_of(action: PercentOff | FixedOff, minimum_minor: int) -> Effect:
    if isinstance(action, PercentOff):
        return _percent(action.rate_ppm)
    every = minimum_minor if action.every else None
    return AmountOff(amount_minor=action.amount_minor, every_minor=every)


@lru_cache(maxsize=1_024)
def _percent(rate_ppm: int) -> Percent:
    return Percent(rate_ppm=rate_ppm)


def _got(one: Candidate, action: BuyGet, selected: Selected, lines: Lines) -> Units:
    """Return the units that come with those that are bought."""
    if action.gets is None:
        total, whole = selected.units, action.buy + action.get
        # What is left over of whole sets may be more than has to be bought for the next one.
        units = total // whole * action.get + max(total % whole - action.buy, 0)
        got = selected
    else:
        got = lines.select(one.rule, action.gets)
        bought = count_units(item for item in selected.items if item.id not in got.targets)
        units = bought // action.buy * action.get
    if action.times_max is not None:
        units = min(units, action.times_max * action.get)
    return take(_cheapest(got.items), units)


def _dearest(items: Iterable[CartItem]) -> list[CartItem]:
    return sorted(items, key=lambda item: (-item.unit_minor, item.id))


def _cheapest(items: Iterable[CartItem]) -> list[CartItem]:
    return sorted(items, key=lambda item: (item.unit_minor, item.id))


def take(items: Iterable[CartItem], units: int) -> Units:
    """Return {line: units} of the first so many units of lines."""
    taken: Units = {}
    for item in items:
        if units <= 0:
            break
        taken[item.id] = min(item.quantity, units)
        units -= taken[item.id]
    return taken


def refusal_of(one: RefusedCoupon, now: datetime) -> DomainError:
    """Return why a code does not count, in words."""
    if one.problem in _PLAIN:
        return _PLAIN[one.problem](coupon=one.code)
    return _COUNTED[one.problem](one, now)


_PLAIN: Mapping[CouponProblem, Callable[..., DomainError]] = {
    CouponProblem.PAUSED: CouponPaused,
    CouponProblem.ELSEWHERE: CouponElsewhere,
    CouponProblem.MEMBERS: CouponForMembers,
    CouponProblem.GROUP: CouponForOthers,
}
_COUNTED: Mapping[CouponProblem, Callable[[RefusedCoupon, datetime], DomainError]] = {
    CouponProblem.NOT_YET: lambda one, now: CouponNotYetValid(
        coupon=one.code, starts_at=one.at or now, now=now
    ),
    CouponProblem.EXPIRED: lambda one, now: CouponExpired(
        coupon=one.code, ended_at=one.at or now, now=now
    ),
    CouponProblem.EXHAUSTED: lambda one, _: CouponExhausted(
        coupon=one.code, used=Quantity(one.count), uses_max=Quantity(one.most)
    ),
    CouponProblem.LIMIT: lambda one, _: CouponLimitReached(
        coupon=one.code, used=Quantity(one.count), uses_max=Quantity(one.most)
    ),
    CouponProblem.FIRST_ORDER: lambda one, _: CouponFirstOrderOnly(
        coupon=one.code, orders=Quantity(one.count)
    ),
    CouponProblem.REPEATED: lambda one, _: CouponRepeated(
        coupon=one.code, counted=Quantity(1), maximum=1
    ),
    CouponProblem.TOO_MANY: lambda one, _: CouponsTooMany(coupon=one.code, maximum=one.most),
}
