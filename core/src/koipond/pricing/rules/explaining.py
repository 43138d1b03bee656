"""Why a price is what it is, step by step: as data, and as sentences in English and Chinese."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from koipond.kernel.ids import OrderLineId
from koipond.kernel.money import Currency, Money
from koipond.kernel.texts import Locale
from koipond.pricing.rules.sentences import ENGLISH, SENTENCES, Sentences
from koipond.pricing.types import (
    Adjustment,
    Considered,
    Judged,
    Percent,
    PricedOrder,
    Stage,
    TotalIs,
    TraceStep,
    Verdict,
)


class _Line(NamedTuple):
    name: str
    quantity: int


def explain(
    price: PricedOrder, quantities: Mapping[OrderLineId, int], locales: Sequence[Locale]
) -> list[TraceStep]:
    """Return the steps of a price in the order of its stages, those that were not taken too.

    quantities: {line: units}. locales: the reader's languages, best first; else it is English.
    """
    return list(_Explaining(price, quantities, locales).steps())


class _Explaining:
    """One price, told in one language."""

    def __init__(
        self,
        price: PricedOrder,
        quantities: Mapping[OrderLineId, int],
        locales: Sequence[Locale],
    ) -> None:
        self._price = price
        self._locale, self._words = _language(locales)
        self._lines = {
            one.line_id: _Line(one.label, quantities[one.line_id])
            for one in price.adjustments
            if one.stage is Stage.PRICE_LIST and one.line_id is not None
        }
        # What a quote or a proposal adds is told with it.
        self._told = {(one.origin, one.rule) for one in price.considered} | {
            (one.origin, one.proposal.rule) for one in price.judged
        }
        self._labels = _tell_apart(price.judged)
        # Lines that were edited away.
        self._gone = {key for key, line in self._lines.items() if line.quantity == 0}
        self._edited = _find_edited(price)

    def steps(self) -> Iterator[TraceStep]:
        for stage in Stage:
            made = [one for one in self._price.adjustments if self._is_of(one, stage)]
            own = [one for one in made if self._tells_itself(one)]
            yield from (self._of_adjustment(one) for one in own)
            considered = [one for one in self._price.considered if one.stage is stage]
            yield from (
                self._of_quote(one, made) for one in considered if one.key not in self._gone
            )
            judged = [one for one in self._price.judged if one.proposal.stage is stage]
            yield from (self._of_proposal(one) for one in judged if not self._is_edited(one))

    def _is_of(self, one: Adjustment, stage: Stage) -> bool:
        return one.stage is stage and one.line_id not in self._gone

    def _tells_itself(self, one: Adjustment) -> bool:
        name = (one.origin, one.rule)
        return name not in self._told or name in self._edited

    def _is_edited(self, one: Judged) -> bool:
        return one.verdict is Verdict.WON and (one.origin, one.proposal.rule) in self._edited

    def _of_adjustment(self, one: Adjustment) -> TraceStep:
        line = self._lines.get(one.line_id) if one.line_id is not None else None
        words: Mapping[str, object] = {
            "label": one.label,
            "amount": self._money(one.amount_minor),
            "off": self._money(-one.amount_minor),
        }
        key = "included" if one.included else "added" if one.amount_minor >= 0 else "taken"
        unit: int | None = None
        if line is not None and one.stage is Stage.PRICE_LIST:
            key, unit = "listed", one.amount_minor // line.quantity
            words = {**words, "quantity": line.quantity, "unit": self._money(unit)}
        elif one.stage is Stage.SHIPPING:
            key = "shipping"
        elif one.stage is Stage.SHIPPING_DISCOUNT and one.base_minor is not None:
            key = "shipping_free"
            words = {**words, "base": self._money(one.base_minor)}
        elif one.stage is Stage.TAX and one.rate_ppm is not None and one.base_minor is not None:
            key = "taxed_included" if one.included else "taxed"
            base, rate = self._money(one.base_minor), _percent(one.rate_ppm)
            words = {**words, "base": base, "rate": rate}
        return TraceStep(
            stage=one.stage,
            origin=one.origin,
            label=one.label,
            verdict=Verdict.WON,
            sentence=self._say(key, words),
            line_id=one.line_id,
            amount_minor=one.amount_minor,
            unit_minor=unit,
            base_minor=one.base_minor,
            rate_ppm=one.rate_ppm,
        )

    def _of_quote(self, one: Considered, made: Sequence[Adjustment]) -> TraceStep:
        key = OrderLineId(one.key)
        won = one.verdict is Verdict.WON
        amounts = (
            made_of.amount_minor
            for made_of in made
            if (made_of.line_id, made_of.origin, made_of.rule) == (key, one.origin, one.rule)
        )
        words = {
            "label": one.label,
            "name": self._lines[key].name,
            "unit": self._money(one.unit_price_minor),
        }
        return TraceStep(
            stage=one.stage,
            origin=one.origin,
            label=one.label,
            verdict=one.verdict,
            sentence=self._say(f"quote_{one.verdict}", words),
            line_id=key,
            rule=one.rule,
            amount_minor=next(amounts, 0) if won else 0,
            unit_minor=one.unit_price_minor,
            ends_at=one.ends_at,
        )

    def _of_proposal(self, one: Judged) -> TraceStep:
        proposal = one.proposal
        label = self._labels[one.origin, proposal.rule]
        if proposal.coupon is not None:
            label = self._say("with_coupon", {"label": label, "coupon": proposal.coupon})
        against = None if one.against is None else self._labels[one.against]
        targets = proposal.targets or ()
        rate = proposal.effect.rate_ppm if isinstance(proposal.effect, Percent) else None
        return TraceStep(
            stage=proposal.stage,
            origin=one.origin,
            label=proposal.label,
            verdict=one.verdict,
            sentence=self._say(_key_of(one), self._words_of(one, label, against)),
            line_id=one.gift_id or (next(iter(targets)) if len(targets) == 1 else None),
            rule=proposal.rule,
            rule_version=proposal.rule_version,
            amount_minor=-one.off_minor if one.verdict is Verdict.WON else 0,
            base_minor=one.base_minor,
            rate_ppm=rate,
            minimum_minor=one.needed_minor or None,
            measured_minor=one.measured_minor,
            coupon=proposal.coupon,
            stack_group=proposal.stacking.group,
            priority=proposal.priority,
            against=against,
        )

    def _words_of(self, one: Judged, label: str, against: str | None) -> Mapping[str, object]:
        effect = one.proposal.effect
        given = self._lines.get(one.gift_id) if one.gift_id is not None else None
        return {
            "label": label,
            "other": against,
            "base": self._money(one.base_minor),
            "off": self._money(one.off_minor),
            "rate": _percent(effect.rate_ppm) if isinstance(effect, Percent) else None,
            "total": self._money(effect.total_minor) if isinstance(effect, TotalIs) else None,
            "needed": self._money(one.needed_minor),
            "measured": self._money(one.measured_minor),
            "name": given.name if given is not None else None,
            "quantity": given.quantity if given is not None else None,
        }

    def _say(self, key: str, words: Mapping[str, object]) -> str:
        return self._words[key].format(**words)

    def _money(self, minor: int) -> str:
        return Money(minor, Currency(self._price.currency)).display(self._locale)


def _tell_apart(judged: Sequence[Judged]) -> dict[tuple[str, str], str]:
    """Return {(origin, rule): what sentences call it}: its label, and of several that have the same
    one also which of them it is, in the order in which they were looked at."""
    alike: dict[str, dict[tuple[str, str], None]] = {}
    for one in judged:
        alike.setdefault(one.proposal.label, {})[one.origin, one.proposal.rule] = None
    return {
        name: f"{label} ({place})" if len(names) > 1 else label
        for label, names in alike.items()
        for place, name in enumerate(names, 1)
    }


def _find_edited(price: PricedOrder) -> set[tuple[str, str | None]]:
    """Return (origin, rule) of the proposals that take off something else than they did.

    Edits keep each unit's share, and what they add may be of the same rule: then the adjustments
    tell what counts.
    """
    off: Counter[tuple[str, str | None]] = Counter()
    for one in price.judged:
        if one.verdict is Verdict.WON:
            off[one.origin, one.proposal.rule] += one.off_minor
    proposed = set(off)
    for made in price.adjustments:
        if (made.origin, made.rule) in proposed:
            off[made.origin, made.rule] += made.amount_minor
    return {name for name, left in off.items() if left}


def _key_of(one: Judged) -> str:
    if one.verdict is not Verdict.WON:
        return one.verdict
    if one.gift_id is not None:
        return "gift"
    return str(one.proposal.effect.__struct_config__.tag)


def _percent(rate_ppm: int) -> str:
    return f"{Decimal(rate_ppm).scaleb(-4).normalize():f}\N{NO-BREAK SPACE}%"


def _language(locales: Sequence[Locale]) -> tuple[str, Sentences]:
    """Return the first of the reader's languages that there are sentences in."""
    for locale in locales:
        language = locale.partition("-")[0]
        if language in SENTENCES:
            return locale, SENTENCES[language]
    return "en", ENGLISH
