"""What a price costs; prints one JSON object on its last line.

    make bench ONLY=pricing [ARGS="--rounds 1"]

CPU of this process, the best of the rounds, of calculating alone: no database is asked.
cart10_ms            a cart of 10 lines, with all installed plugins and eight promotions, most of
                     which count: choosing unit prices, finding promotions, all stages
cart100_ms           the same of 100 lines
promotions_1000_ms   what 1,000 live promotions cost a cart of 10 lines more than none: those of
                     its categories are candidates, the others are not looked at
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from msgspec import Struct

from koipond import hooks as specs
from koipond.calling import Hooks
from koipond.catalog.rules import price_items
from koipond.catalog.types import Activity
from koipond.kernel.dispatch import Mood, Registry
from koipond.kernel.ids import CategoryId, ChannelId, OrderLineId, ProductId, VariantId, new_id
from koipond.kernel.money import Currency
from koipond.kernel.plugins import discover
from koipond.kernel.texts import Locale
from koipond.pricing.rules import price_order
from koipond.pricing.types import (
    CartItem,
    CartRequest,
    PricedOrder,
    PriceItem,
    PriceRequest,
    QuoteLine,
    ShippingCost,
    ShippingStep,
    Stacking,
    StackMode,
)
from koipond.quota.types import ReleasePolicy
from koipond_promotions import rules as promotions
from koipond_promotions.types import (
    PLUGIN,
    Bundle,
    Conditions,
    FixedOff,
    FreeShipping,
    NthOff,
    PercentOff,
    Promotion,
    PromotionId,
    PromotionState,
    Rule,
    Selection,
)

CHANNEL = ChannelId(new_id())
EUR, NOW = Currency("EUR"), datetime(2026, 11, 22, 12, tzinfo=UTC)
CATEGORIES, LIVE, ASKED = 100, 1_000, 200
TARGETS = {"cart10_ms": 1.0, "cart100_ms": 6.0, "promotions_1000_ms": 2.0}
LOCALES = (Locale("en"),)


class Stand(NamedTuple):
    """What is priced, and who is asked. board: the live promotions, as a process keeps them."""

    hooks: Hooks
    board: promotions.Board
    units: PriceRequest
    categories: Mapping[ProductId, frozenset[CategoryId]]


def stand(lines: int, live: Sequence[Rule]) -> Stand:
    """Make a cart, and a shop in which these promotions run."""
    categories = _categories()
    items = tuple(
        PriceItem(
            key=new_id(),
            variant_id=VariantId(new_id()),
            product_id=ProductId(new_id()),
            quantity=1 + place % 3,
            list_minor=9_99 + place,
        )
        for place in range(lines)
    )
    plugins = {one.name: one.hooks for one in discover() if one.hooks}
    return Stand(
        Hooks(Registry(specs, plugins)),
        promotions.Board([_promotion(place, rule) for place, rule in enumerate(live)]),
        PriceRequest(channel_id=CHANNEL, currency=EUR, member_id=None, now=NOW, items=items),
        {
            one.product_id: frozenset({categories[place % CATEGORIES]})
            for place, one in enumerate(items)
        },
    )


@cache
def _categories() -> list[CategoryId]:
    return [CategoryId(new_id()) for _ in range(CATEGORIES)]


def _promotion(place: int, rule: Rule) -> Promotion:
    return Promotion(
        id=PromotionId(new_id()),
        channel_id=CHANNEL,
        currency=EUR,
        name=f"Promotion {place}",
        label={"en": f"Promotion {place}"},
        needs_coupon=False,
        rule=rule,
        starts_at=NOW,
        ends_at=None,
        uses_max=None,
        uses_per_member=None,
        budget_minor=None,
        release_uses=ReleasePolicy.RETURN,
        release_member=ReleasePolicy.RETURN,
        state=PromotionState.LIVE,
        created_at=NOW,
    )


def _several() -> list[Rule]:
    """Return eight rules of which most count, one for each thing that a promotion can do."""
    deal = Stacking(group="deals", mode=StackMode.BEST_DEAL)
    return [
        Rule(action=PercentOff(rate_ppm=50_000), stacking=deal),
        Rule(action=FixedOff(amount_minor=7_00)),
        Rule(action=PercentOff(rate_ppm=70_000), stacking=deal),
        Rule(
            action=FixedOff(amount_minor=3_33, every=True),
            conditions=Conditions(minimum_minor=50_00),
        ),
        Rule(action=Bundle(units=3, price_minor=25_00)),
        Rule(action=NthOff(nth=2, rate_ppm=500_000)),
        Rule(action=FreeShipping(), conditions=Conditions(minimum_minor=50_00)),
        Rule(action=FixedOff(amount_minor=9_00), conditions=Conditions(minimum_minor=10**9)),
    ]


def _many() -> list[Rule]:
    """Return a thousand rules, each of one category; of each category the best deal counts."""
    return [
        Rule(
            action=PercentOff(rate_ppm=10_000 + place),
            selection=Selection(category_ids=(category := _categories()[place % CATEGORIES],)),
            conditions=Conditions(minimum_minor=place),
            stacking=Stacking(group=category.hex, mode=StackMode.BEST_DEAL),
        )
        for place in range(LIVE)
    ]


def find_inputs(board: promotions.Board, request: CartRequest) -> Mapping[str, Struct]:
    """Return what the plugin loads, of what it knows already."""
    automatic = board.find((request.channel_id, request.currency), request.items)
    asked, refused = promotions.ask_all(request, automatic, (), {})
    known = promotions.Known(free={})
    inputs = promotions.admit(asked, known, refused, locales=LOCALES, time_zone="UTC")
    return {PLUGIN: inputs}


def price(found: Stand) -> PricedOrder:
    """Do all that a quote reckons between what it loads and what it shows."""
    hooks, board, request, categories = found
    activities: Mapping[VariantId, Sequence[Activity]] = {}
    quotes = hooks.price_quotes(request, {}, mood=Mood.REFUSE)
    units = price_items(request, activities, quotes, LOCALES)
    cart = CartRequest(
        channel_id=request.channel_id,
        currency=EUR,
        now=NOW,
        items=tuple(
            CartItem(
                id=OrderLineId(one.key),
                variant_id=one.variant_id,
                product_id=one.product_id,
                category_ids=categories[one.product_id],
                quantity=one.quantity,
                list_minor=one.list_minor,
                unit_minor=units[one.key].unit_minor,
                activity_id=units[one.key].activity_id,
            )
            for one in request.items
        ),
    )
    offers = hooks.cart_adjustments(cart, find_inputs(board, cart))
    return price_order(
        [
            QuoteLine(
                id=OrderLineId(one.key), quantity=one.quantity, unit=units[one.key], label="Tea"
            )
            for one in request.items
        ],
        currency=EUR,
        proposed=[(plugin, one) for plugin, offer in offers for one in offer.proposals],
        shipping=ShippingCost(
            rule="parcel",
            label="Parcel",
            steps=(ShippingStep(total_from_minor=0, amount_minor=4_90),),
        ),
    )


def time_one(found: Stand) -> float:
    """Return the milliseconds of one price."""
    began = time.process_time()
    for _ in range(ASKED):
        price(found)
    return (time.process_time() - began) / ASKED * 1e3


def measure(rounds: int) -> dict[str, float]:
    stands: dict[str, Callable[[], Stand]] = {
        "cart10": lambda: stand(10, _several()),
        "cart100": lambda: stand(100, _several()),
        "none": lambda: stand(10, ()),
        "live": lambda: stand(10, _many()),
    }
    made = {name: make() for name, make in stands.items()}
    took: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(rounds):
        for name, one in made.items():
            took[name].append(time_one(one))
    best = {name: min(found) for name, found in took.items()}
    plugins = sorted(made["none"].hooks.plugins)
    looked = {name: len(price(one).judged) for name, one in made.items()}
    sys.stdout.write(f"plugins: {', '.join(plugins)}; proposals: {looked}\n")
    return {
        "cart10_ms": round(best["cart10"], 3),
        "cart100_ms": round(best["cart100"], 3),
        "promotions_1000_ms": round(best["live"] - best["none"], 3),
        "plugins": len(plugins),
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args([*arguments])
    load = os.getloadavg()[0]
    figures = measure(options.rounds)
    missed = [name for name, target in TARGETS.items() if figures[name] > target]
    sys.stdout.write(json.dumps({**figures, "missed": missed, "load": load}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
