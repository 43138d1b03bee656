"""Files that are imported into a shop."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from koipond.imports import service
from koipond.imports.types import ImportOptions, ImportReport, Progress
from koipond_sdk.testing.shop import STAFF, RunningShop

HEADER = "Handle,Title,Variant SKU,Variant Price,Variant Inventory Tracker,Variant Inventory Qty"
# Tables in which an import writes about itself.
ABOUT = {"import_run", "import_refusal"}


def rows(count: int, *, price: str = "1.00", stock: int = 5) -> list[str]:
    return [f"p{n},Tea {n},SKU-{n},{price},shopify,{stock}" for n in range(count)]


async def load(
    shop: RunningShop,
    file: Path,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    **options: Any,
) -> ImportReport:
    async with shop.context(viewer=STAFF) as ctx:
        return await service.import_catalog(ctx, file, ImportOptions(**options), on_progress)


async def goods(shop: RunningShop) -> dict[str, list[dict[str, Any]]]:
    """All rows but those in which imports write about themselves."""
    found = await shop.snapshot()
    return {table: content for table, content in found.items() if table not in ABOUT}
