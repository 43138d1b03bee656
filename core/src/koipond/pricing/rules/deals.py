"""What a proposal would take off an order as it stands, and what keeps it from that."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import assert_never

from msgspec import Struct

from koipond.kernel.ids import OrderLineId
from koipond.kernel.money import share_of
from koipond.pricing.rules.running import Running
from koipond.pricing.types import (
    AmountOff,
    Effect,
    Gift,
    Percent,
    Proposal,
    Stage,
    TotalIs,
    Verdict,
)

# {line: minor units}; None is the shipping.
Amounts = Mapping[OrderLineId | None, int]

_NONE: Amounts = MappingProxyType({})


class Deal(Struct, frozen=True):
    """What a proposal comes to: WON if it takes something off, else why not.

    weights: what was left of its targets, together base_minor. parts: what it takes off each,
    together off_minor; None: it is still to be split by the weights. measured_minor: what its
    minimum was measured by, 0 if it has none.
    """

    verdict: Verdict
    measured_minor: int = 0
    base_minor: int = 0
    off_minor: int = 0
    weights: Amounts = _NONE
    parts: Amounts | None = None


def weigh(running: Running, proposal: Proposal) -> Deal:
    """Return what a proposal would take off `running`."""
    effect = proposal.effect
    every = effect.every_minor if isinstance(effect, AmountOff) else None
    measured = _measure(running, proposal) if proposal.minimum_minor or every else 0
    if measured < proposal.minimum_minor or (every is not None and measured < every):
        return Deal(Verdict.BELOW_MINIMUM, measured)
    if isinstance(effect, Gift):
        return _weigh_gift(running, effect, measured)
    weights, missing = _find_weights(running, proposal)
    base = sum(weights.values())
    if missing is not None and (not weights or isinstance(effect, TotalIs)):
        return Deal(missing, measured, base)
    if base == 0:
        return Deal(Verdict.NOTHING_LEFT, measured)
    parts: Amounts | None = None
    if isinstance(effect, Percent) and _is_by_line(running, proposal, weights):
        parts = _shares(running, proposal, weights, effect.rate_ppm)
        off = sum(parts.values())
    else:
        off = _off(running, effect, base, measured)
    if proposal.cap_minor is not None and off > proposal.cap_minor:
        off, parts = proposal.cap_minor, None
    verdict = Verdict.WON if off > 0 else Verdict.NOT_CHEAPER
    return Deal(verdict, measured, base, off, weights, parts)


def _is_by_line(running: Running, proposal: Proposal, weights: Amounts) -> bool:
    """Tell whether a share is rounded more than once: for each line, or each unit of it."""
    many = len(weights) > 1 or running.rounding.per_unit
    return many and proposal.stage is Stage.LINE_PROMOTION


def _measure(running: Running, proposal: Proposal) -> int:
    """Return what a proposal's minimum is measured by: an order as it was before the stage."""
    units, with_activities = proposal.minimum_of, True
    if units is None:
        units, with_activities = proposal.targets, proposal.with_activities
    if units is None:
        return running.opened_of_all(with_activities=with_activities)
    lines, found = running.lines, 0
    for key, wanted in units.items():
        line = lines.get(key)
        if line is not None and (with_activities or not line.is_by_activity):
            found += _part(line.opened, wanted, line.quantity)
    return found


def _weigh_gift(running: Running, gift: Gift, measured: int) -> Deal:
    price = running.gifts.get(gift.variant_id)
    if not running.lines:
        return Deal(Verdict.NOTHING_LEFT, measured)
    if price is None:
        return Deal(Verdict.GIFT_NOT_SOLD, measured)
    worth = price.list_minor * gift.quantity
    return Deal(Verdict.WON, measured, worth, worth)


def _find_weights(
    running: Running, proposal: Proposal
) -> tuple[dict[OrderLineId | None, int], Verdict | None]:
    """Return what is left of each target, and why some of the units that it names are not among
    them; None: all are."""
    if proposal.stage is Stage.SHIPPING_DISCOUNT:
        return {None: running.shipping_left}, None
    lines = running.lines
    weights: dict[OrderLineId | None, int] = {}
    if proposal.targets is None:
        for key, line in lines.items():
            if proposal.with_activities or not line.is_by_activity:
                weights[key] = line.left
        return weights, None if weights else Verdict.SOLD_BY_ACTIVITY
    missing: Verdict | None = None
    for key, wanted in proposal.targets.items():
        known = lines.get(key)
        if known is None or wanted <= 0:
            missing = missing or Verdict.NOTHING_LEFT
        elif known.is_by_activity and not proposal.with_activities:
            missing = Verdict.SOLD_BY_ACTIVITY
        else:
            weights[key] = _part(known.left, wanted, known.quantity)
            if wanted > known.quantity:
                missing = missing or Verdict.NOTHING_LEFT
    return weights, missing


def _part(left_minor: int, wanted: int, quantity: int) -> int:
    """Return what is left of so many units of a line, a half rounded up: its units are alike."""
    if wanted >= quantity:
        return left_minor
    return (2 * left_minor * wanted + quantity) // (2 * quantity)


def _off(running: Running, effect: Effect, base: int, measured: int) -> int:
    """Return what an effect takes off targets that come to `base`: never more than that."""
    match effect:
        case Percent():
            return share_of(base, effect.rate_ppm, rounding=running.rounding.rounding)
        case AmountOff():
            times = 1 if effect.every_minor is None else measured // effect.every_minor
            return min(effect.amount_minor * times, base)
        case TotalIs():
            return max(base - effect.total_minor, 0)
        case Gift():
            raise AssertionError("a gift takes nothing off what is there")
        case _:
            assert_never(effect)


def _shares(running: Running, proposal: Proposal, weights: Amounts, rate_ppm: int) -> Amounts:
    """Return a share of each line, rounded for the line or, by the policy, for each unit of it."""
    policy = running.rounding
    if not policy.per_unit:
        rounding = policy.rounding
        return {key: share_of(left, rate_ppm, rounding=rounding) for key, left in weights.items()}
    shares: dict[OrderLineId | None, int] = {}
    for key, left in weights.items():
        # Shipping has no lines.
        assert key is not None
        there = running.lines[key].quantity
        units = there if proposal.targets is None else min(proposal.targets[key], there)
        # Units that cost a minor unit more than the others, as they do after an uneven split.
        each, dearer = divmod(left, units)
        shares[key] = share_of(each, rate_ppm, rounding=policy.rounding) * (units - dearer)
        if dearer:
            shares[key] += share_of(each + 1, rate_ppm, rounding=policy.rounding) * dearer
    return shares
