"""A shop of as many products as are wanted, for the bench."""

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import text
from tests.bench.builds.operations import VARIANTS, Goods
from tests.bench.builds.serving import settings_of

from koipond.app import make_shop, set_up
from koipond.catalog.service import save_products
from koipond.catalog.types import ProductDraft, Saved, Telling, VariantDraft
from koipond.channel import service as channels
from koipond.kernel.ids import VariantId
from koipond.kernel.viewer import GUEST
from koipond.stock.service import receive
from koipond.stock.types import StockReceipt

UNITS = 10**6
BATCH = 250
# Of so many products the last ones are asked for and bought.
SOLD = 200
# How many products share a category, a collection, a word and so on, in a shop of any size.
SHARING = 100
# From what to what products cost, in whole cents; the same in a shop of any size.
CHEAPEST, DEAREST = 10_00, 1_000_00
HAN = 0x4E00


async def fill(url: str, count: int, *, spread: bool = False) -> Goods:
    """Make a shop of `count` products at `url`; the last ones have something to sell.

    spread: they are also in categories, collections and attributes that SHARING of them share, and
    in some that each second one has; no two cost the same, and half of them are in stock.
    """
    make: Callable[[int], ProductDraft] = partial(_spread_draft, count=count) if spread else _draft
    settings = settings_of(url)
    await set_up(settings)
    shop = make_shop(settings, [])
    products: dict[str, Sequence[VariantId]] = {}
    try:
        async with shop.context(viewer=GUEST) as outside:
            scope = await channels.choose_scope(outside)
        telling = Telling(
            locale=scope.locales[0], channel_id=scope.channel_id, currency=scope.currency
        )
        began = time.perf_counter()
        for start in range(0, count, BATCH):
            places = range(start, min(start + BATCH, count))
            async with shop.context(viewer=GUEST, scope=scope) as ctx:
                made = await save_products(ctx, [make(place) for place in places], telling)
                saved = [one for one in made if isinstance(one, Saved)]
                assert len(saved) == len(made), made
                if spread:
                    await receive(ctx, _receipts(places, saved))
            _progress(f"{places[-1] + 1:,} of {count:,} products", began)
            if count - SOLD <= places[-1]:
                named = zip((f"tea-{place}" for place in places), saved, strict=True)
                products |= {slug: [*one.variants.values()] for slug, one in named}
        receipts = [
            StockReceipt(variant_id=key, quantity=UNITS)
            for variants in products.values()
            for key in variants
        ]
        async with shop.context(viewer=GUEST, scope=scope) as ctx:
            await receive(ctx, [] if spread else receipts)
        # As PostgreSQL does by itself, if it is given a minute.
        writer = shop.database.writer.execution_options(isolation_level="AUTOCOMMIT")
        async with writer.connect() as connection:
            await connection.execute(text("VACUUM ANALYZE"))
    finally:
        await shop.close()
    return Goods(products)


def _draft(place: int) -> ProductDraft:
    variants = tuple(
        VariantDraft(sku=f"TEA-{place}-{nth}", price_minor=10_00 + nth, track_stock=True)
        for nth in range(VARIANTS)
    )
    return ProductDraft(
        slug=f"tea-{place}",
        name=f"Tea {place}",
        description="<p>Picked by hand before the rains, and fired the same day.</p>",
        variants=variants,
    )


def _receipts(places: Sequence[int], saved: Sequence[Saved]) -> list[StockReceipt]:
    return [
        StockReceipt(variant_id=next(iter(one.variants.values())), quantity=UNITS)
        for place, one in zip(places, saved, strict=True)
        if place // 3 % 2
    ]


def _spread_draft(place: int, *, count: int) -> ProductDraft:
    # Two ways to divide them: of each category ten parts are in ten collections.
    nth_of_group, across = divmod(place, count // SHARING)
    along = across // 10 * 10 + nth_of_group % 10
    price = CHEAPEST + place * 7919 % (DEAREST - CHEAPEST)
    return ProductDraft(
        slug=f"tea-{place}",
        name=f"Tea {chr(HAN + across)}茶 garden{across:04} {place}",
        description="<p>Picked by hand before the rains, and fired the same day.</p>",
        categories=(f"Garden {across}", "Half" if place // 2 % 2 else "Rest"),
        collections=(f"Harvest {along}",),
        attributes=(("Valley", f"Valley {across}"), ("Grade", f"Grade {place % 3}")),
        variants=tuple(
            VariantDraft(sku=f"TEA-{place}-{nth}", price_minor=price + nth)
            for nth in range(VARIANTS)
        ),
    )


def _progress(said: str, began: float) -> None:
    sys.stderr.write(f"\r{said}, {time.perf_counter() - began:.0f} s ")
    sys.stderr.flush()
