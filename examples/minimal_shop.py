"""A shop in one small file: one tea on the shelf, and the API that sells it."""

import asyncio
import os

import uvicorn

from koipond.app import create_app, open_shop, set_up
from koipond.catalog.service import save_products
from koipond.catalog.types import ProductDraft, Telling, VariantDraft
from koipond.channel.service import choose_scope
from koipond.kernel.viewer import GUEST
from koipond.settings import load
from koipond.stock.service import receive
from koipond.stock.types import StockReceipt

SETTINGS = load(database_url="sqlite:///tea.db")
TEA = VariantDraft(sku="LONGJING-50", price_minor=12_50)


async def open_for_business() -> None:
    await set_up(SETTINGS)
    async with open_shop(SETTINGS) as shop, shop.context(viewer=GUEST) as ctx:
        scope = await choose_scope(ctx)
        told = Telling(
            locale=scope.locales[0], channel_id=scope.channel_id, currency=scope.currency
        )
        draft = ProductDraft(slug="longjing", name="Longjing", variants=(TEA,))
        (saved,) = await save_products(ctx, [draft], told)
        if saved.created:  # the first time, not at every start
            await receive(ctx, [StockReceipt(variant_id=saved.variants[TEA.sku], quantity=20)])


if __name__ == "__main__":
    asyncio.run(open_for_business())
    app = create_app(SETTINGS, work=True)  # work: also do what comes later, such as expiring
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")), access_log=False)
