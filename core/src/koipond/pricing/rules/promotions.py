"""What becomes of proposals: whose turn it is, who goes beside whom, what each takes off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from uuid import UUID

import msgspec

from koipond.kernel.ids import OrderLineId
from koipond.kernel.money import split
from koipond.pricing.rules.deals import Deal, weigh
from koipond.pricing.rules.running import Running
from koipond.pricing.rules.stacking import Contender, Counted
from koipond.pricing.types import (
    Adjustment,
    Gift,
    Judged,
    Percent,
    Proposal,
    StackMode,
    Stage,
    Verdict,
)

_PLACES = {stage: place for place, stage in enumerate(Stage)}
# A proposal, and the plugin that makes it.
Proposed = tuple[str, Proposal]


class Promoting:
    """The proposals for one order, of which each stage lets those of its own take from the rest."""

    def __init__(self, running: Running, proposed: Iterable[Proposed]) -> None:
        self._running = running
        self._stages: dict[Stage, list[Contender]] = defaultdict(list)
        # {group: its best deals}
        self._deals: dict[str, list[Contender]] = defaultdict(list)
        for turn, (origin, proposal) in enumerate(_in_turn(proposed)):
            one = Contender(turn, origin, proposal)
            self._stages[proposal.stage].append(one)
            if proposal.stacking.mode is StackMode.BEST_DEAL:
                self._deals[proposal.stacking.group].append(one)
        # {group: those of it that count}
        self._counted: dict[str, Counted] = {}
        # {turn of one that is beaten: by whom, and what it would have come to}
        self._beaten: dict[int, tuple[Contender, Deal]] = {}
        self._failed: set[int] = set()

    def promote(self, stage: Stage) -> None:
        """Let every proposal of a stage take off what it may, one after the other."""
        contenders = self._stages.get(stage)
        if not contenders:
            return
        self._running.begin_stage()
        self._find_best_deals(contenders)
        for one in contenders:
            self._judge(one)

    def _judge(self, one: Contender) -> None:
        beaten = self._beaten.get(one.turn)
        if beaten is not None and beaten[0].turn not in self._failed:
            rival, deal = beaten
            self._fail(one, deal, Verdict.BEATEN, rival)
            return
        deal = weigh(self._running, one.proposal)
        if deal.verdict is not Verdict.WON:
            self._fail(one, deal, deal.verdict)
        elif (met := self._find_met(one.proposal)) is not None:
            both = {one.proposal.stacking.mode, met.proposal.stacking.mode}
            verdict = Verdict.BEATEN if both == {StackMode.BEST_DEAL} else Verdict.EXCLUDED
            self._fail(one, deal, verdict, met)
        else:
            self._count(one, deal)

    def _fail(
        self, one: Contender, deal: Deal, verdict: Verdict, rival: Contender | None = None
    ) -> None:
        self._failed.add(one.turn)
        against = None if rival is None else (rival.origin, rival.proposal.rule)
        self._running.judged.append(_judged(one, deal, verdict, against=against))

    def _count(self, one: Contender, deal: Deal) -> None:
        """Take off what a deal comes to, one adjustment for each line."""
        running, proposal = self._running, one.proposal
        self._counted.setdefault(proposal.stacking.group, Counted()).add(one)
        gift_id: OrderLineId | None = None
        parts: Mapping[OrderLineId | None, int]
        if isinstance(proposal.effect, Gift):
            gift_id = _gift_id(running, one)
            running.add_gift(gift_id, proposal.effect)
            parts = {gift_id: deal.off_minor}
        else:
            parts = deal.parts or split(deal.off_minor, deal.weights)
        for line_id, off_minor in parts.items():
            if off_minor:
                base = deal.weights.get(line_id, off_minor)
                running.take(_adjustment(one, line_id, off_minor=off_minor, base_minor=base))
        running.judged.append(_judged(one, deal, Verdict.WON, gift_id=gift_id))

    def _find_met(self, proposal: Proposal) -> Contender | None:
        """Return the first that counts already and that this one may not go beside."""
        counted = self._counted.get(proposal.stacking.group)
        return None if counted is None else counted.find_met(proposal)

    def _find_best_deals(self, contenders: Sequence[Contender]) -> None:
        """Say of groups that begin here which of their best deals are beaten, and by which.

        All of a group are measured where its first stands, those of later stages too, by what
        they would take off alone.
        """
        for one in contenders:
            group = one.proposal.stacking.group
            if group in self._deals and one.proposal.stacking.mode is StackMode.BEST_DEAL:
                self._rank(self._deals.pop(group))

    def _rank(self, contenders: Sequence[Contender]) -> None:
        free = [one for one in contenders if self._find_met(one.proposal) is None]
        deals = [(weigh(self._running, one.proposal), one) for one in free]
        found = [(deal, one) for deal, one in deals if deal.verdict is Verdict.WON]
        # Of equal ones that of the earlier stage, then of the earlier turn.
        found.sort(key=lambda known: (-known[0].off_minor, _PLACES[known[1].proposal.stage]))
        best = Counted()
        for deal, one in found:
            rival = best.find_met(one.proposal)
            if rival is None:
                best.add(one)
            else:
                self._beaten[one.turn] = rival, deal


def _in_turn(proposed: Iterable[Proposed]) -> Iterator[Proposed]:
    """Return proposals in the order of their turns: by priority, then by what they are.

    Never by who came first, so that neither plugins nor lines change anything by their order.
    """
    turns: dict[tuple[int, str, str], list[Proposed]] = defaultdict(list)
    for one in proposed:
        origin, proposal = one
        turns[-proposal.priority, origin, proposal.rule].append(one)
    for turn in sorted(turns):
        alike = turns[turn]
        if len(alike) > 1:
            alike.sort(key=lambda one: written(one[1]))
        yield from alike


def written(proposal: Proposal) -> bytes:
    """Return a proposal in a form of which equal ones have the same."""
    plain = msgspec.to_builtins(proposal, str_keys=True)
    return msgspec.json.encode(plain, order="deterministic")


def _judged(
    one: Contender,
    deal: Deal,
    verdict: Verdict,
    *,
    against: tuple[str, str] | None = None,
    gift_id: OrderLineId | None = None,
) -> Judged:
    return Judged(
        origin=one.origin,
        proposal=one.proposal,
        verdict=verdict,
        base_minor=deal.base_minor,
        off_minor=deal.off_minor,
        measured_minor=deal.measured_minor,
        against=against,
        gift_id=gift_id,
    )


def _adjustment(
    one: Contender, line_id: OrderLineId | None, *, off_minor: int, base_minor: int
) -> Adjustment:
    proposal = one.proposal
    effect = proposal.effect
    return Adjustment(
        stage=proposal.stage,
        line_id=line_id,
        amount_minor=-off_minor,
        label=proposal.label,
        origin=one.origin,
        rule=proposal.rule,
        rule_version=proposal.rule_version,
        rate_ppm=effect.rate_ppm if isinstance(effect, Percent) else None,
        base_minor=base_minor,
        stack_group=proposal.stacking.group,
        priority=proposal.priority,
        coupon=proposal.coupon,
    )


def _gift_id(running: Running, one: Contender) -> OrderLineId:
    """Return the id of the line that a gift is: the same each time that this order is priced.

    It follows from the order's first line, so no other order has it; in the form of new_id's.
    """
    assert isinstance(one.proposal.effect, Gift), "only gifts are lines"
    first = min(running.lines, key=lambda key: key.int).bytes
    named = f"{one.origin}:{one.proposal.rule}:{one.proposal.effect.variant_id.hex}"
    nth = 0
    while True:
        made = bytearray(first[:6] + sha256(first + f"{named}:{nth}".encode()).digest()[:10])
        made[6], made[8] = made[6] & 0x0F | 0x70, made[8] & 0x3F | 0x80
        key = OrderLineId(UUID(bytes=bytes(made)))
        if key not in running.gift_ids:
            return key
        nth += 1
