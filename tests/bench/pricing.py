"""What a price costs; prints one JSON object on its last line.

    make bench ONLY=pricing [ARGS="--rounds 1"]

CPU of this process, the best of the rounds, of calculating alone: no database is asked.
cart10_ms            a cart of 10 lines: what the calculations of all installed plugins and of one
                     with eight promotions that apply say, choosing unit prices, all stages
cart100_ms           the same of 100 lines
promotions_1000_ms   what 1,000 live promotions cost a cart of 10 lines more than none: a tenth is
                     for something in it and proposed, the others are found not to be
"""

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import ModuleType
from typing import NamedTuple

from msgspec import Struct

from koipond import hooks as specs
from koipond.catalog.rules import price_items
from koipond.catalog.types import Activity
from koipond.hooks import Hooks
from koipond.kernel.dispatch import Mood, Registry, implement
from koipond.kernel.ids import CategoryId, ChannelId, OrderLineId, ProductId, VariantId, new_id
from koipond.kernel.money import Currency
from koipond.kernel.plugins import discover
from koipond.kernel.texts import Locale
from koipond.pricing.rules import price_order
from koipond.pricing.types import (
    AmountOff,
    CartItem,
    CartOffer,
    CartRequest,
    Percent,
    PricedOrder,
    PriceItem,
    PriceRequest,
    Proposal,
    QuoteLine,
    ShippingCost,
    ShippingStep,
    Stacking,
    StackMode,
    Stage,
    TracedInputs,
)

EUR, NOW = Currency("EUR"), datetime(2026, 11, 22, 12, tzinfo=UTC)
CATEGORIES, LIVE, ASKED = 100, 1_000, 200
TARGETS = {"cart10_ms": 1.0, "cart100_ms": 6.0, "promotions_1000_ms": 2.0}
LOCALES = (Locale("en"),)


class Live(Struct, frozen=True, kw_only=True):
    """A promotion that runs: a share off a category from a sum on."""

    rule: str
    category_id: CategoryId
    rate_ppm: int
    minimum_minor: int


class LiveInputs(TracedInputs, frozen=True, kw_only=True):
    """What the plugin loads. live: {category: its promotions}; fixed: of the whole order."""

    live: Mapping[CategoryId, Sequence[Live]]
    fixed: tuple[Proposal, ...]


class Stand(NamedTuple):
    """What is priced, and who is asked."""

    hooks: Hooks
    inputs: Mapping[str, Struct]
    units: PriceRequest
    categories: Mapping[ProductId, frozenset[CategoryId]]


def cart_adjustments(request: CartRequest, inputs: LiveInputs) -> CartOffer | None:
    """Propose what is for the categories of the cart, as a plugin of promotions does."""
    held: dict[CategoryId, dict[OrderLineId, int]] = defaultdict(dict)
    for item in request.items:
        for category in item.category_ids:
            held[category][item.id] = item.quantity
    found = [
        Proposal(
            rule=one.rule,
            label=one.rule,
            stage=Stage.LINE_PROMOTION,
            effect=Percent(rate_ppm=one.rate_ppm),
            targets=units,
            minimum_minor=one.minimum_minor,
            stacking=Stacking(group=category.hex, mode=StackMode.BEST_DEAL),
        )
        for category, units in held.items()
        for one in inputs.live.get(category, ())
    ]
    return CartOffer(proposals=(*found, *inputs.fixed))


def stand(lines: int, live: int, *, fixed: bool) -> Stand:
    """Make a cart, and shops' plugins with so many live promotions."""
    categories = [CategoryId(new_id()) for _ in range(CATEGORIES)]
    running: dict[CategoryId, list[Live]] = defaultdict(list)
    for place in range(live):
        category = categories[place % CATEGORIES]
        running[category].append(
            Live(
                rule=f"rule-{place}",
                category_id=category,
                rate_ppm=10_000 + place,
                minimum_minor=place,
            )
        )
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
    request = PriceRequest(
        channel_id=ChannelId(new_id()), currency=EUR, member_id=None, now=NOW, items=items
    )
    module = ModuleType("bench_promotions")
    vars(module)["cart_adjustments"] = implement()(cart_adjustments)
    plugins = {one.name: one.hooks for one in discover() if one.hooks}
    return Stand(
        Hooks(Registry(specs, {**plugins, "bench": module})),
        {"bench": LiveInputs(live=running, fixed=_fixed() if fixed else ())},
        request,
        {
            one.product_id: frozenset({categories[place % CATEGORIES]})
            for place, one in enumerate(items)
        },
    )


def _fixed() -> tuple[Proposal, ...]:
    """Return eight promotions of which most apply, of every stage."""
    order, code = Stage.ORDER_PROMOTION, Stage.COUPON
    deal = Stacking(group="deals", mode=StackMode.BEST_DEAL)
    return (
        Proposal(rule="a", label="A", stage=order, effect=Percent(rate_ppm=50_000), stacking=deal),
        Proposal(rule="b", label="B", stage=order, effect=AmountOff(amount_minor=7_00)),
        Proposal(rule="c", label="C", stage=code, effect=Percent(rate_ppm=70_000), stacking=deal),
        Proposal(rule="d", label="D", stage=code, effect=AmountOff(amount_minor=3_33)),
        Proposal(rule="e", label="E", stage=Stage.POINTS, effect=AmountOff(amount_minor=1_00)),
        Proposal(rule="f", label="F", stage=order, effect=Percent(rate_ppm=10_000), cap_minor=50),
        Proposal(
            rule="g",
            label="G",
            stage=Stage.SHIPPING_DISCOUNT,
            effect=Percent(rate_ppm=1_000_000),
            minimum_minor=50_00,
        ),
        Proposal(
            rule="h",
            label="H",
            stage=order,
            effect=AmountOff(amount_minor=9_00),
            minimum_minor=10**9,
        ),
    )


def price(found: Stand) -> PricedOrder:
    """Do all that a quote reckons between what it loads and what it shows."""
    hooks, inputs, request, categories = found
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
    offers = hooks.cart_adjustments(cart, inputs)
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
        "cart10": lambda: stand(10, 0, fixed=True),
        "cart100": lambda: stand(100, 0, fixed=True),
        "none": lambda: stand(10, 0, fixed=False),
        "live": lambda: stand(10, LIVE, fixed=False),
    }
    made = {name: make() for name, make in stands.items()}
    took: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(rounds):
        for name, one in made.items():
            took[name].append(time_one(one))
    best = {name: min(found) for name, found in took.items()}
    plugins = sorted(made["none"].hooks.plugins - {"bench"})
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
