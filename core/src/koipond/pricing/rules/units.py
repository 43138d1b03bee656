"""The price of a unit: of all that it could cost, one tier's and one activity's at most."""

from collections.abc import Iterable, Sequence

from koipond.pricing.types import Considered, PriceQuote, Stage, UnitPrice, Verdict

CORE = "koipond"
# A quote, and the plugin that made it.
Offered = tuple[str, PriceQuote]


def choose_unit_price(list_minor: int, offered: Iterable[Offered]) -> UnitPrice:
    """Return what a unit costs of all that it could cost.

    First the cheapest tier price, then exactly one activity's: the one that the buyer chose, else
    the cheapest; each only if it is below what the unit would cost without it, but for what was
    chosen, which counts as it is. Equal ones are told apart by plugin and rule, so that the order
    in which plugins were installed changes nothing.
    """
    rest = sorted(offered, key=lambda one: (one[1].unit_price_minor, one[0], one[1].rule))
    tiers = [one for one in rest if one[1].stage is Stage.TIER_PRICE]
    activities = [one for one in rest if one[1].stage is Stage.ACTIVITY]
    considered = _judge(tiers, list_minor)
    before = next((one.unit_price_minor for one in considered if _won(one)), list_minor)
    considered += _judge(activities, before)
    return UnitPrice(list_minor=list_minor, considered=tuple(considered))


def _judge(offered: Sequence[Offered], before_minor: int) -> list[Considered]:
    """Say of each quote of one stage, the cheapest first, what becomes of it."""
    chosen = next((one for one in offered if one[1].chosen), None)
    best = chosen or next(iter(offered), None)
    wins = best is not None and (best is chosen or best[1].unit_price_minor < before_minor)
    verdicts: list[Considered] = []
    for one in offered:
        if one is best:
            verdict = Verdict.WON if wins else Verdict.NOT_CHEAPER
        elif chosen is not None:
            verdict = Verdict.NOT_CHOSEN
        else:
            verdict = Verdict.BEATEN if wins else Verdict.NOT_CHEAPER
        verdicts.append(_considered(one, verdict))
    return verdicts


def _considered(offered: Offered, verdict: Verdict) -> Considered:
    origin, quote = offered
    return Considered(
        key=quote.key,
        stage=quote.stage,
        origin=origin,
        rule=quote.rule,
        label=quote.label,
        unit_price_minor=quote.unit_price_minor,
        verdict=verdict,
        ends_at=quote.ends_at,
        activity_id=quote.activity_id,
    )


def _won(one: Considered) -> bool:
    return one.verdict is Verdict.WON
