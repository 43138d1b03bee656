"""`koi import`, killed between two batches: said again, it goes on, and nothing is there twice."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from core.tests.imports.conftest import HEADER
from core.tests.imports.loading import goods, load, rows

from koipond_sdk.testing import RunningShop

PLACES = ["import.batch.stored"]
KOI = Path(sys.executable).with_name("koi")


@pytest.mark.slow
async def test_an_import_that_is_killed_is_gone_on_with(shop: RunningShop, tmp_path: Path) -> None:
    file = tmp_path / "tea.csv"
    file.write_text("\n".join([HEADER, *rows(350), ""]), encoding="utf-8")
    url = str(shop.settings.database_url)
    assert await run(file, url, tmp_path, KOI_CRASH_AT="import.batch.stored:2") == -signal.SIGKILL
    assert len(await shop.rows("product")) == 200
    assert await run(file, url, tmp_path) == 0
    assert len(await shop.rows("product")) == 350
    assert len(await shop.rows("stock_movement")) == 350
    before = await goods(shop)
    report = await load(shop, file)
    assert report.counts.unchanged == 350 or report.resumed_at == 350
    assert await goods(shop) == before


async def run(file: Path, url: str, folder: Path, **environment: str) -> int | None:
    process = await asyncio.create_subprocess_exec(
        *(str(KOI), "import", "catalog", str(file), "--currency", "EUR", "--locale", "en"),
        cwd=folder,
        env=os.environ | {"KOI_DATABASE_URL": url} | environment,
    )
    async with asyncio.timeout(40):
        return await process.wait()
