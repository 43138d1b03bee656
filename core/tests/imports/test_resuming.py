"""Imports that were broken off, on both databases."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from core.tests.imports.loading import goods, load, rows

from koipond.imports import service
from koipond.imports.errors import ImportOvertaken
from koipond.imports.types import Counts, Dialect, ImportOptions, ImportReport, Progress
from koipond_sdk.testing.shop import RunningShop

pytestmark = pytest.mark.story


class Killed(Exception):
    """Stands for the end of the process."""


def kill_at(done: int) -> Callable[[Progress], None]:
    def on_progress(progress: Progress) -> None:
        if progress.done >= done:
            raise Killed

    return on_progress


@pytest.mark.slow
async def test_an_import_that_was_killed_goes_on_behind_its_last_whole_batch(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    content = rows(350)
    content[5] = content[5].replace("1.00", "bad")
    content[300] = content[300].replace("Tea", "")
    content[300] = content[300].replace(" 300", "")
    file = write(*content)
    with pytest.raises(Killed):
        await load(shop, file, kill_at(200))
    assert len(await shop.rows("product")) == 199
    seen: list[Progress] = []
    report = await load(shop, file, seen.append)
    assert seen == [Progress(done=done, total=350) for done in (200, 300, 350)]
    assert report.resumed_at == 200
    assert report.counts == Counts(created=348, refused=2, stock_booked=348)
    assert [refusal.line for refusal in report.refusals] == [7, 302]
    assert len(await shop.rows("product")) == 348
    assert len(await shop.rows("stock_movement")) == 348
    (run,) = await shop.rows("import_run")
    assert (run["state"], run["done"]) == ("finished", 350)


async def test_an_import_that_was_killed_before_its_end_was_noted_is_finished(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    file = write(*rows(100))
    with pytest.raises(Killed):
        await load(shop, file, kill_at(100))
    before = await goods(shop)
    report = await load(shop, file)
    assert (report.resumed_at, report.counts) == (100, Counts(created=100, stock_booked=100))
    assert await goods(shop) == before


async def test_other_options_are_another_import(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    file = write(*rows(150))
    with pytest.raises(Killed):
        await load(shop, file, kill_at(100))
    report = await load(shop, file, currency="CNY")
    assert (report.resumed_at, report.counts.created, report.counts.changed) == (0, 50, 100)


async def test_of_two_that_go_on_with_one_import_the_second_is_told_and_undone(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    file = write(*rows(150))
    with pytest.raises(Killed):
        await load(shop, file, kill_at(0))
    results = await asyncio.gather(load(shop, file), load(shop, file), return_exceptions=True)
    (overtaken,) = [one for one in results if isinstance(one, BaseException)]
    (report,) = [one for one in results if isinstance(one, ImportReport)]
    assert isinstance(overtaken, ImportOvertaken)
    assert str(overtaken) == (
        "tea.csv is being imported by another process, which goes on. Wait until it is done."
    )
    assert report.counts == Counts(created=150, stock_booked=150)
    assert len(await shop.rows("product")) == len(await shop.rows("stock_movement")) == 150
    (run,) = await shop.rows("import_run")
    assert (run["state"], run["done"], run["created"]) == ("finished", 150, 150)


async def test_a_file_is_known_to_be_imported_by_its_content_and_its_options(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    file = write(*rows(1))

    async def known(**options: Any) -> bool:
        async with shop.context() as ctx:
            return await service.is_imported(ctx, file, ImportOptions(**options))

    assert not await known()
    with pytest.raises(Killed):
        await load(shop, file, kill_at(1))
    assert not await known()
    await load(shop, file)
    assert await known()
    assert await known(currency="EUR", locale="en", dialect=Dialect.SHOPIFY, encoding="UTF8")
    assert not await known(currency="CNY")
    assert not await known(locale="zh-Hans")
    assert not await known(asset_base="/media")
    assert not await known(encoding="gb18030")
    write(*rows(2))
    assert not await known()
