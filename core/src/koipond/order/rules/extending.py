"""What an edit may unlock: nothing that one order of all that there is then would not have got.

What counted when the order was placed goes on to count, as it was then, for what is added. What
the lines that stay have of it is theirs, and is taken off what there is to give.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from koipond.kernel.ids import OrderLineId
from koipond.kernel.money import split
from koipond.order.types import Order
from koipond.pricing.rules import Proposed, gifts_of, price_order, quote_lines_of
from koipond.pricing.types import (
    AmountOff,
    Judged,
    PricedOrder,
    Proposal,
    QuoteLine,
    Stacking,
    Stage,
    Units,
    Verdict,
)

_PROMOTIONS = {Stage.LINE_PROMOTION, Stage.ORDER_PROMOTION, Stage.COUPON, Stage.POINTS}
# A plugin, and what it calls a rule.
_Rule = tuple[str, str | None]


def extend_promotions(
    kept: Order, added: Sequence[QuoteLine], proposed: Sequence[Proposed]
) -> list[Proposed]:
    """Return what is taken off lines that an edit adds, as an amount off each.

    kept: the order as it is without them. proposed: what plugins propose for all lines together, by
    what they were given when it was placed. Of each rule as much is given as one order of all
    lines would have more of it than the kept ones have; and not more in all than that order would
    have more of everything. So ten edits give what one gives.
    """
    going_on = {_rule_of(one): one for one in kept.price.judged if _goes_on(one)}
    if not going_on:
        return []
    own = {line.id for line in kept.lines if line.quantity} - _given(kept.price)
    quantities = {line.id: line.quantity for line in kept.lines if line.id in own}
    whole = price_order(
        [*quote_lines_of(kept.price, quantities), *added],
        currency=kept.price.currency,
        proposed=proposed,
        gifts=gifts_of(kept.price),
        rounding=kept.price.rounding,
    )
    wanted = _sum_off(whole, own | {one.id for one in added})
    had = _sum_off(kept.price, own)
    room = {name: wanted[name] - had[name] for name in wanted if name in going_on}
    room = {name: minor for name, minor in room.items() if minor > 0}
    most = min(sum(room.values()), wanted.total() - had.total())
    if most <= 0:
        return []
    parts = _spread(whole.judged, added, split(most, room))
    units = {one.id: one.quantity for one in added}
    return [_propose(going_on[name], {key: units[key]}, minor) for name, key, minor in parts]


def _goes_on(one: Judged) -> bool:
    return one.verdict is Verdict.WON and one.proposal.with_edits


def _rule_of(one: Judged) -> _Rule:
    return one.origin, one.proposal.rule


def _given(price: PricedOrder) -> set[OrderLineId]:
    return {one.gift_id for one in price.judged if one.gift_id is not None}


def _sum_off(price: PricedOrder, lines: Collection[OrderLineId]) -> Counter[_Rule]:
    """Return {rule: what it takes off these lines}."""
    off: Counter[_Rule] = Counter()
    for one in price.adjustments:
        if one.stage in _PROMOTIONS and one.line_id in lines:
            off[one.origin, one.rule] -= one.amount_minor
    return off


def _spread(
    judged: Iterable[Judged], added: Sequence[QuoteLine], room: Mapping[_Rule, int]
) -> Iterator[tuple[_Rule, OrderLineId, int]]:
    """Lay what rules have to give on the new lines that they are for, by what is left of each."""
    left = {one.id: one.unit.unit_minor * one.quantity for one in added}
    to_give = dict(room)
    for one in judged:
        name = _rule_of(one)
        weights = {line.id: left[line.id] for line in added if _is_for(one.proposal, line)}
        given = min(to_give.get(name, 0), sum(weights.values()))
        if one.verdict is not Verdict.WON or given <= 0:
            continue
        to_give[name] -= given
        for key, part in split(given, weights).items():
            left[key] -= part
            if part:
                yield name, key, part


def _is_for(proposal: Proposal, line: QuoteLine) -> bool:
    named = proposal.targets is None or line.id in proposal.targets
    return named and (proposal.with_activities or line.unit.activity_id is None)


def _propose(one: Judged, targets: Units, off_minor: int) -> Proposed:
    known = one.proposal
    proposal = Proposal(
        rule=known.rule,
        rule_version=known.rule_version,
        label=known.label,
        stage=known.stage,
        effect=AmountOff(amount_minor=off_minor),
        targets=targets,
        # Who goes beside whom was decided for all lines together.
        stacking=Stacking(group=known.stacking.group),
        priority=known.priority,
        coupon=known.coupon,
        with_activities=True,
    )
    return one.origin, proposal
