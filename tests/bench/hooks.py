"""What hooks cost; prints one JSON object on its last line.

    make bench ONLY=hooks [ARGS="--rounds 1"]

CPU of this process: of calls the best round, of requests the median. Both shops of a ratio are
asked in turns, request by request.
call_1_us, call_10_us    one call of a load hook with one implementation, and with ten
q2_price_x               20 products with variants and `price`: all installed plugins against none
q2_offer_x               the same 20 products with `offer` and all plugins, against `price` and none
q2_offer_own_x           with `offer` both times: all plugins against none
cart10_ms                the price of a cart of ten lines, with all installed plugins
"""

import argparse
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from statistics import median
from types import ModuleType
from typing import Any, NamedTuple

import uvloop
from msgspec import Struct

from koipond import hooks as specs
from koipond.app import make_executors, make_shop, set_up
from koipond.catalog.service import save_products
from koipond.catalog.types import ProductDraft, Saved, Telling, VariantDraft
from koipond.channel import service as channels
from koipond.graphql.asking import GraphQLRequest
from koipond.kernel.context import Scope, Shop
from koipond.kernel.dispatch import Dispatcher, Mood, Registry, implement
from koipond.kernel.ids import OrderLineId, VariantId, new_id
from koipond.kernel.plugins import Plugin, discover
from koipond.kernel.viewer import GUEST
from koipond.order.service.quoting import quote
from koipond.order.types import CartLine, CheckoutDetails
from koipond.settings import ChannelSettings, Settings
from koipond_sdk.testing.postgres import Postgres

CHANNEL = ChannelSettings(code="main", name="Main", currencies=("EUR",), locales=("en",))
PRODUCTS, VARIANTS, LINES = 20, 3, 10
CALLS, ASKED = 20_000, 60
TARGETS = {
    "call_1_us": 3.0,
    "call_10_us": 15.0,
    "q2_price_x": 1.05,
    "q2_offer_x": 1.5,
    "cart10_ms": 3.0,
}
LIST = "{{ products(first: 20) {{ nodes {{ slug name variants {{ sku {wanted} }} }} }} }}"
PRICE = LIST.format(wanted="price { amount currency }")
OFFER = LIST.format(wanted="offer { price { amount currency } was { amount } origin endsAt }")

Ask = Callable[[], Awaitable[object]]


class Stand(NamedTuple):
    """A shop with something to sell, and the plugins that it has."""

    shop: Shop
    scope: Scope
    plugins: tuple[Plugin, ...]
    variants: Sequence[VariantId]


class Found(Struct):
    """What a plugin loads."""

    units: int = 1


def dispatcher(count: int) -> Dispatcher:
    """Return what calls `count` plugins that each load something at once."""

    def one() -> ModuleType:
        async def price_inputs(ctx: Any, request: Any) -> Struct | None:
            return found

        found, module = Found(), ModuleType("bench_plugin")
        vars(module)["price_inputs"] = implement()(price_inputs)
        return module

    return Dispatcher(Registry(specs, {f"plugin{place}": one() for place in range(count)}))


async def time_calls(count: int) -> float:
    """Return the microseconds of one call of a hook with `count` implementations."""
    made = dispatcher(count)
    began = time.process_time()
    for _ in range(CALLS):
        await made.load("price_inputs", None, None, mood=Mood.REFUSE)
    return (time.process_time() - began) / CALLS * 1e6


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[dict[str, Stand]]:
    """Lend a shop without plugins and one with all of them, on one database of 20 products."""
    settings = Settings(database_url=url, channels=(CHANNEL,))
    installed = tuple(discover())
    await set_up(settings, installed)
    shops = {"none": make_shop(settings, []), "all": make_shop(settings, installed)}
    try:
        async with shops["none"].context(viewer=GUEST) as outside:
            ctx = outside.at(await channels.choose_scope(outside))
            telling = Telling(
                locale=ctx.scope.locales[0],
                channel_id=ctx.scope.channel_id,
                currency=ctx.scope.currency,
            )
            made = await save_products(ctx, [_draft(place) for place in range(PRODUCTS)], telling)
        saved = [one for one in made if isinstance(one, Saved)]
        variants = [key for one in saved for key in one.variants.values()]
        assert len(variants) == PRODUCTS * VARIANTS
        yield {
            "none": Stand(shops["none"], ctx.scope, (), variants),
            "all": Stand(shops["all"], ctx.scope, installed, variants),
        }
    finally:
        for shop in shops.values():
            await shop.close()


def _draft(place: int) -> ProductDraft:
    variants = tuple(
        VariantDraft(sku=f"TEA-{place}-{nth}", price_minor=10_00 + nth) for nth in range(VARIANTS)
    )
    return ProductDraft(slug=f"tea-{place}", name=f"Tea {place}", variants=variants)


def asking(stand: Stand, document: str) -> Ask:
    """Return what answers a document as the endpoint does, without HTTP around it."""
    executor, _ = make_executors(stand.plugins, production=True)
    request = GraphQLRequest(query=document)

    async def ask() -> None:
        async with stand.shop.context(viewer=GUEST, scope=stand.scope) as ctx:
            answer = await executor.run(executor.prepare(request), request, ctx)
        assert not answer.errors, answer.errors
        assert answer.data is not None
        assert len(answer.data["products"]["nodes"]) == PRODUCTS

    return ask


def pricing(stand: Stand) -> Ask:
    """Return what prices a cart of ten lines, as each look at it does."""
    lines = [
        CartLine(id=OrderLineId(new_id()), variant_id=key, quantity=2)
        for key in stand.variants[:LINES]
    ]

    async def ask() -> None:
        async with stand.shop.context(viewer=GUEST, scope=stand.scope) as ctx:
            quoted = await quote(ctx, lines, CheckoutDetails())
        assert (len(quoted.lines), quoted.problems) == (LINES, ())

    return ask


async def time_in_turns(asks: Mapping[str, Ask], requests: int) -> dict[str, float]:
    """Return {name: the milliseconds of one request, of all the median}.

    One after the other, request by request: what else the machine does falls on all of them alike.
    """
    took: dict[str, list[float]] = {name: [] for name in asks}
    for _ in range(requests):
        for name, ask in asks.items():
            began = time.process_time()
            await ask()
            took[name].append((time.process_time() - began) * 1e3)
    return {name: median(found) for name, found in took.items()}


async def measure(url: str, rounds: int) -> dict[str, float]:
    calls = {count: [await time_calls(count) for _ in range(5)] for count in (1, 10)}
    async with opened(url) as stands:
        asks = {
            "price, none": asking(stands["none"], PRICE),
            "price, all": asking(stands["all"], PRICE),
            "offer, none": asking(stands["none"], OFFER),
            "offer, all": asking(stands["all"], OFFER),
            "cart": pricing(stands["all"]),
        }
        await time_in_turns(asks, ASKED)
        took = await time_in_turns(asks, rounds * ASKED)
    told = ", ".join(f"{name} {found:.2f} ms" for name, found in took.items())
    plugins = ", ".join(one.name for one in stands["all"].plugins)
    sys.stdout.write(f"plugins: {plugins}\n{told}\n")
    return {
        "call_1_us": round(min(calls[1]), 2),
        "call_10_us": round(min(calls[10]), 2),
        "q2_price_x": round(took["price, all"] / took["price, none"], 3),
        "q2_offer_x": round(took["offer, all"] / took["price, none"], 3),
        "q2_offer_own_x": round(took["offer, all"] / took["offer, none"], 3),
        "cart10_ms": round(took["cart"], 2),
        "plugins": len(stands["all"].plugins),
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args([*arguments])
    load = os.getloadavg()[0]
    with Postgres() as server:
        figures = uvloop.run(measure(server.url(), options.rounds))
    missed = [name for name, target in TARGETS.items() if figures[name] > target]
    sys.stdout.write(json.dumps({**figures, "missed": missed, "load": load}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
