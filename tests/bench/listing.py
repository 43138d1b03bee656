"""What lists of products cost in a small and in a large shop; one JSON object on its last line.

    make bench ONLY=listing [ARGS="--rounds 1 --products 1000 20000"]

A shop of 1,000 and one of 100,000 products with 3 variants each (builds/filling.py, `spread`) are
each served by one process with every plugin, on one PostgreSQL, and asked in turns by 8 callers
without a pause for a page of 20 products with their variants and prices:
newest                    nothing is filtered
category, collection, attribute, price, rare, han
                          one of which 100 products are, whatever the size; rare: a word, han: one
                          Chinese character of a name
in_stock, half, third, wide
                          what as many more products are as the shop is larger: half of them, the
                          same by a category, a third by an attribute, four tenths by price
together                  in a collection of 100, half, third, wide and in stock: fewer than 20
by_name, by_low, by_high  sorted by name, by price either way; …_hundred, …_half, …_wide, …_han: of
                          such a category, range or search
common, common_han        a search by a word and by a character that are in every name
total, facets             of a category of 100: totalCount alone, all five facets
total_half, facets_half   of half the shop
deep                      by price, the second page
Of each: app_ms, pg_ms    CPU of the serving process and of PostgreSQL for one, the median round
growth_x                  CPU of both in the large shop against that in the small one; more than
                          1.3 is missed, except for what must look at all that it finds: the
                          index of words tells of every hit before the first, and who counts half
                          the shop reads half the shop (`GROWS`). `together` is no miss either: it
                          counts each part up to 2,000 first, and the small shop has fewer
"""

import argparse
import json
import os
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any, NamedTuple

import uvloop
from tests.bench.builds.asking import (
    CALLERS,
    Round,
    Serving,
    make_database,
    ratio,
    run,
    serving,
    table,
    until_ready,
)
from tests.bench.builds.filling import (
    CHEAPEST,
    DEAREST,
    HAN,
    SHARING,
    fill,
)
from tests.bench.builds.operations import Post
from tests.bench.builds.processes import used_by_family

from koipond_sdk.testing.postgres import Postgres

GROWTH_X = 1.3
# What by its nature costs more with each product that it finds.
GROWS = {"common", "common_han", "together", "total_half", "facets_half"}
# Few: a page may be shorter than it could be.
FEW = {"together"}

Filter = Mapping[str, Any]
PAGE = """query page($filter: ProductFilter, $sort: ProductSort, $after: String) {
  products(first: 20, filter: $filter, sort: $sort, after: $after) {
    nodes { id name slug variants { id sku price { amount currency } } } pageInfo { endCursor }
  }
}"""
TOTAL = "query total($filter: ProductFilter) { products(filter: $filter) { totalCount } }"
FACETS = """query facets($filter: ProductFilter) { products(filter: $filter) { facets {
  categories { category { slug } count }
  collections { collection { slug } count }
  attributes { name values { value count } }
  price { least { amount } most { amount } ranges { count } }
  inStock
} } }"""
HALF: Filter = {"category": "half"}
THIRD: Filter = {"attributes": [{"name": "Grade", "value": "Grade 1"}]}
WIDE: Filter = {"price": {"least": "200", "most": "600"}}
STOCKED: Filter = {"inStock": True}


def _between(size: int) -> Filter:
    """A range of prices that as many products have in a shop of any size."""
    width = (DEAREST - CHEAPEST) * SHARING // size // 2
    least = random.randrange(CHEAPEST, DEAREST - width)
    return {"price": {"least": _major(least), "most": _major(least + width)}}


def _major(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02}"


# {name: what makes a filter of it, of the number of one of the groups and the size of the shop}
FILTERS: Mapping[str, Callable[[int, int], Filter]] = {
    "category": lambda group, _: {"category": f"garden-{group}"},
    "collection": lambda group, _: {"collection": f"harvest-{group}"},
    "attribute": lambda group, _: {"attributes": [{"name": "Valley", "value": f"Valley {group}"}]},
    "price": lambda _, size: _between(size),
    "rare": lambda group, _: {"text": f"garden{group:04}"},
    "han": lambda group, _: {"text": chr(HAN + group)},
    "in_stock": lambda *_: STOCKED,
    "half": lambda *_: HALF,
    "third": lambda *_: THIRD,
    "wide": lambda *_: WIDE,
    "together": lambda group, _: {
        "collection": f"harvest-{group}",
        **HALF,
        **THIRD,
        **WIDE,
        **STOCKED,
    },
    "common": lambda *_: {"text": "tea"},
    "common_han": lambda *_: {"text": "茶"},
    "": lambda *_: {},
}


class Operation(NamedTuple):
    """What is asked for; filter: of FILTERS."""

    filter: str = ""
    sort: str | None = None
    document: str = PAGE


LOW, HIGH = "PRICE_LOWEST_FIRST", "PRICE_HIGHEST_FIRST"
OPERATIONS = {
    "newest": Operation(),
    **{name: Operation(name) for name in FILTERS if name},
    "by_name": Operation("", "NAME"),
    "by_name_hundred": Operation("category", "NAME"),
    "by_name_half": Operation("half", "NAME"),
    "by_low": Operation("", LOW),
    "by_low_hundred": Operation("category", LOW),
    "by_low_half": Operation("half", LOW),
    "by_low_han": Operation("han", LOW),
    "by_low_wide": Operation("wide", LOW),
    "by_high": Operation("", HIGH),
    "by_high_wide": Operation("wide", HIGH),
    "deep": Operation("", LOW),
    "total": Operation("category", None, TOTAL),
    "facets": Operation("category", None, FACETS),
    "total_half": Operation("half", None, TOTAL),
    "facets_half": Operation("half", None, FACETS),
}


async def ask(name: str, post: Post, *, size: int) -> None:
    """Ask for one operation, and check that it is answered."""
    asked = OPERATIONS[name]
    group = random.randrange(size // SHARING)
    given: dict[str, Any] = {"filter": FILTERS[asked.filter](group, size)}
    if asked.sort is not None:
        given["sort"] = asked.sort
    if name == "deep":
        given["after"] = await _first_end(post, size)
    found = (await post(asked.document, given))["products"]
    count = size // 2 if asked.filter == "half" else SHARING
    match asked.document:
        case str(document) if document == PAGE:
            assert len(found["nodes"]) == 20 or name in FEW, (name, given, found)
        case str(document) if document == TOTAL:
            assert found["totalCount"] == count, (name, found)
        case _:
            counted = [one["count"] for one in found["facets"]["categories"]]
            assert max(counted) == count, (name, found)


_ends: dict[int, str] = {}


async def _first_end(post: Post, size: int) -> str:
    """Return where the first page by price ends."""
    if size not in _ends:
        found = await post(PAGE, {"sort": "PRICE_LOWEST_FIRST"})
        _ends[size] = found["products"]["pageInfo"]["endCursor"]
    return _ends[size]


async def compare(server: Postgres, options: argparse.Namespace) -> dict[str, Any]:
    """Measure shops of each size, in turns."""
    pid = int((server.home / "data" / "postmaster.pid").read_text().split()[0])
    urls = {}
    for size in options.products:
        urls[size] = await make_database(server, f"shop_{size}")
        await fill(urls[size], size, spread=True)
    small, large = options.products
    async with serving("all", urls[small]) as one, serving("all", urls[large]) as other:
        builds = {small: one, large: other}
        rounds = await measure(builds, options, lambda: used_by_family(pid))
    told: dict[str, Any] = {}
    for size in builds:
        told[f"of_{size}"] = {name: figures(rounds[size, name]) for name in OPERATIONS}
        sys.stdout.write(f"\n{size:,} products:\n{table(told[f'of_{size}'])}")
    of_small, of_large = (told[f"of_{size}"] for size in (small, large))
    told["growth_x"] = {name: ratio(of_large[name], of_small[name]) for name in OPERATIONS}
    return told


async def measure(
    builds: Mapping[int, Serving], options: argparse.Namespace, database_cpu: Any
) -> dict[tuple[int, str], list[Round]]:
    """Return {(size, operation): its rounds}."""
    rounds: dict[tuple[int, str], list[Round]] = {}
    for build in builds.values():
        await until_ready(build.port)
    for turn in range(options.rounds + 1):
        for name in OPERATIONS:
            for size, build in builds.items():
                # The first is to warm up: each connection plans a statement anew five times.
                done = await run(
                    build,
                    partial(ask, name, size=size),
                    seconds=options.seconds,
                    database_cpu=database_cpu,
                    # Eight at once would be cut off, each after ten seconds.
                    callers=1 if name.endswith("s_half") else CALLERS,
                )
                if turn:
                    rounds.setdefault((size, name), []).append(done)
    return rounds


def figures(rounds: Sequence[Round]) -> dict[str, float]:
    """Tell what an operation came to."""
    return {
        "app_ms": round(median(one.app_ms for one in rounds), 2),
        "pg_ms": round(median(one.pg_ms for one in rounds), 2),
        "per_s": round(max(one.per_s for one in rounds)),
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--products", type=int, nargs=2, default=[1_000, 100_000])
    options = parser.parse_args([*arguments])
    load = os.getloadavg()[0]
    with Postgres(durable=True) as server:
        told = uvloop.run(compare(server, options))
    grown = told["growth_x"].items()
    missed = [f"growth_x.{one}" for one, x in grown if x > GROWTH_X and one not in GROWS]
    sys.stdout.write(json.dumps({**told, "missed": missed, "load": load}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
