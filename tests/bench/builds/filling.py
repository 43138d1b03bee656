"""A shop of as many products as are wanted, for the bench."""

import sys
import time
from collections.abc import Sequence

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


async def fill(url: str, count: int) -> Goods:
    """Make a shop of `count` products at `url`; the last ones have something to sell."""
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
                made = await save_products(ctx, [_draft(place) for place in places], telling)
            _progress(f"{places[-1] + 1:,} of {count:,} products", began)
            if count - SOLD <= places[-1]:
                saved = [one for one in made if isinstance(one, Saved)]
                named = zip((f"tea-{place}" for place in places), saved, strict=True)
                products |= {slug: [*one.variants.values()] for slug, one in named}
        receipts = [
            StockReceipt(variant_id=key, quantity=UNITS)
            for variants in products.values()
            for key in variants
        ]
        async with shop.context(viewer=GUEST, scope=scope) as ctx:
            await receive(ctx, receipts)
        async with shop.database.writer.begin() as connection:
            await connection.execute(text("ANALYZE"))
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


def _progress(said: str, began: float) -> None:
    sys.stderr.write(f"\r{said}, {time.perf_counter() - began:.0f} s ")
    sys.stderr.flush()
