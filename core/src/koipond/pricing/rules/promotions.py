"""What becomes of proposals: whose turn it is, who goes beside whom, what each takes off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from koipond.kernel.ids import OrderLineId
from koipond.pricing.rules.deals import Deal, Opened, weigh
from koipond.pricing.rules.running import Running
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

# A proposal, and the plugin that makes it.
Proposed = tuple[str, Proposal]


class Contender(NamedTuple):
    """A proposal and its turn among all of the order."""

    turn: int
    origin: str
    proposal: Proposal


class Promoting:
    """The proposals for one order, of which each stage lets those of its own take from the rest."""

    def __init__(self, running: Running, proposed: Iterable[Proposed]) -> None:
        self._running = running
        self._stages: dict[Stage, list[Contender]] = {}
        for turn, (origin, proposal) in enumerate(sorted(proposed, key=_by_turn)):
            contender = Contender(turn, origin, proposal)
            self._stages.setdefault(proposal.stage, []).append(contender)
        # {group: those of it that count}
        self._counted: dict[str, list[Contender]] = {}
        # {turn of one that is beaten: by whom}
        self._beaten: dict[int, Contender] = {}
        self._measured: set[str] = set()
        self._failed: set[int] = set()

    def promote(self, stage: Stage) -> None:
        """Let every proposal of a stage take off what it may, one after the other."""
        contenders = self._stages.get(stage)
        if not contenders:
            return
        opened = Opened(self._running)
        self._find_best_deals(contenders, opened)
        for one in contenders:
            self._judge(one, opened)

    def _judge(self, one: Contender, opened: Opened) -> None:
        deal = weigh(self._running, opened, one.proposal)
        rival = self._beaten.get(one.turn)
        if deal.verdict is not Verdict.WON:
            self._fail(one, deal, deal.verdict)
        elif rival is not None and rival.turn not in self._failed:
            self._fail(one, deal, Verdict.BEATEN, rival)
        elif (met := self._meets(one)) is not None:
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
        self._counted.setdefault(proposal.stacking.group, []).append(one)
        gift_id: OrderLineId | None = None
        parts: Mapping[OrderLineId | None, int] = deal.parts
        if isinstance(proposal.effect, Gift):
            gift_id = _gift_id(running, one)
            running.add_gift(gift_id, proposal.effect)
            parts = {gift_id: deal.off_minor}
        for line_id, off_minor in parts.items():
            if off_minor:
                base = deal.weights.get(line_id, off_minor)
                running.take(_adjustment(one, line_id, off_minor=off_minor, base_minor=base))
        running.judged.append(_judged(one, deal, Verdict.WON, gift_id=gift_id))

    def _meets(self, one: Contender) -> Contender | None:
        """Return the first that counts already and that this one may not go beside."""
        known = self._counted.get(one.proposal.stacking.group, ())
        return next((other for other in known if _collide(one.proposal, other.proposal)), None)

    def _find_best_deals(self, contenders: Sequence[Contender], opened: Opened) -> None:
        """Say of groups that begin here which of their best deals are beaten, and by which.

        All of a group are measured where its first stands, those of later stages too, by what
        they would take off alone.
        """
        groups = {one.proposal.stacking.group for one in contenders if _is_deal(one)}
        for group in sorted(groups - self._measured):
            self._measured.add(group)
            self._rank([one for one in self._all_of(group) if self._meets(one) is None], opened)

    def _rank(self, contenders: Sequence[Contender], opened: Opened) -> None:
        deals = [(weigh(self._running, opened, one.proposal), one) for one in contenders]
        found = [(deal.off_minor, one) for deal, one in deals if deal.verdict is Verdict.WON]
        best: list[Contender] = []
        for _, one in sorted(found, key=lambda known: -known[0]):
            rival = next((other for other in best if _collide(one.proposal, other.proposal)), None)
            if rival is None:
                best.append(one)
            else:
                self._beaten[one.turn] = rival

    def _all_of(self, group: str) -> Iterator[Contender]:
        """Return the best deals of a group in the order of their stages and turns."""
        for stage in Stage:
            for one in self._stages.get(stage, ()):
                if _is_deal(one) and one.proposal.stacking.group == group:
                    yield one


def _is_deal(one: Contender) -> bool:
    return one.proposal.stacking.mode is StackMode.BEST_DEAL


def _by_turn(proposed: Proposed) -> tuple[object, ...]:
    """Sort proposals of a stage: by priority, then by what they are, never by who came first."""
    origin, one = proposed
    first = min(one.targets).int if one.targets else 0
    return (-one.priority, origin, one.rule, one.rule_version, one.coupon or "", first)


def _collide(one: Proposal, other: Proposal) -> bool:
    """Tell whether two of one group may not both count."""
    modes = {one.stacking.mode, other.stacking.mode}
    if StackMode.EXCLUSIVE not in modes and modes != {StackMode.BEST_DEAL}:
        return False
    if not (one.stacking.per_line and other.stacking.per_line):
        return True
    if one.targets is None or other.targets is None:
        return True
    return not one.targets.keys().isdisjoint(other.targets)


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
