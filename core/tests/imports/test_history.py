"""Past purchases: what they become, and that nothing else follows from them."""

from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from time import monotonic

import pytest
from core.tests.imports.loading import load
from sqlalchemy import text

from koipond.duties import audits_of
from koipond.imports.types import Counts, ImportKind, ImportState, RefusedRow
from koipond.kernel.invariants import run_audits
from koipond.order import service as order
from koipond.order.types import OrderState
from koipond_sdk.testing.databases import Kind
from koipond_sdk.testing.shop import STAFF, RunningShop

HEADER = "number,placed_at,customer,email,sku,title,quantity,line_total,order_total,state"
ORDERS = ImportKind.ORDERS


def history() -> Path:
    """The order history of a CD shop, which the package brings: 1997-01-01 to 1998-06-30."""
    try:
        files = distribution("lifetimes").files or []
    except PackageNotFoundError:
        pytest.skip("the package lifetimes is not installed (requirements/data.txt)")
    (found,) = [one for one in files if one.name == "CDNOW_master.txt"]
    return Path(str(found.locate()))


BOTH = [Kind.SQLITE, pytest.param(Kind.POSTGRES, marks=pytest.mark.faults)]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("database_url", BOTH, indirect=True)
async def test_the_order_history_of_a_cd_shop_comes_in_to_the_cent(
    shop: RunningShop, tmp_path: Path
) -> None:
    before = {table: len(rows) for table, rows in (await shop.snapshot()).items()}
    began = monotonic()
    report = await load(shop, history(), kind=ORDERS, currency="EUR")
    print(f"\n69,659 purchases in {monotonic() - began:.1f} s")
    assert report.counts == Counts(created=69_659)
    async with shop.shop.database.reading() as db:
        sums = "SELECT count(*), count(DISTINCT member_id), sum(total_minor) FROM koi_v1_order"
        assert tuple((await db.execute(text(sums))).one()) == (69_659, 23_570, 250_031_563)
        sums = "SELECT sum(quantity), sum(total_minor) FROM koi_v1_order_line"
        assert tuple((await db.execute(text(sums))).one()) == (167_881, 250_031_563)
        free = "SELECT count(*) FROM koi_v1_order WHERE total_minor = 0"
        assert (await db.execute(text(free))).scalar_one() == 80
        often = "SELECT count(*) FROM (SELECT member_id FROM koi_v1_order GROUP BY member_id"
        often += " HAVING count(*) > 1) AS often"
        assert (await db.execute(text(often))).scalar_one() == 11_662
    again = await load(shop, history(), kind=ORDERS, currency="EUR")
    assert again.counts == Counts(unchanged=69_659)
    grown = {"order", "order_line", "order_adjustment", "member", "identity", "import_run"}
    after = {table: len(rows) for table, rows in (await shop.snapshot()).items()}
    assert {table for table in after if after[table] != before[table]} == grown


async def test_a_line_total_is_the_fact_whatever_a_unit_comes_to(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    made = await shop.make_product("TEA-1")
    file = write(
        "A-1,2020-05-01T10:00:00Z,7,,TEA-1,Green tea,3,10.00,12.50,",
        "A-1,2020-05-01T10:00:00Z,7,,OLD,Old tea,1,0.00,,",
        ",2020-05-02,7,Lin@Example.org,,,1,5.00,,cancelled",
        header=HEADER,
    )
    report = await load(shop, file, kind=ORDERS)
    assert report.counts == Counts(created=2)
    async with shop.context(viewer=STAFF) as ctx:
        found = await order.find_any_order(ctx, number="A-1")
        assert found is not None
        assert (found.state, found.total.amount_minor) == (OrderState.CLOSED, 12_50)
        assert [(one.sku, one.unit_price_minor, one.quantity) for one in found.lines] == [
            ("TEA-1", 3_33, 3),
            ("OLD", 0, 1),
        ]
        assert found.price.line_total(found.lines[0].id).amount_minor == 10_00
        assert found.price.shipping.amount_minor == 2_50
        assert found.lines[0].variant_id == made.variants["TEA-1"]
        assert found.placed_at == datetime(2020, 5, 1, 10, tzinfo=UTC)
    assert len({row["member_id"] for row in await shop.rows("order")}) == 1
    assert {(row["kind"], row["value"]) for row in await shop.rows("identity")} == {
        ("external", "import:7"),
        ("email", "lin@example.org"),
    }


async def test_nothing_follows_from_a_past_purchase_and_all_that_must_hold_holds(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    await shop.make_product("TEA-1", stock=5)
    before = await shop.snapshot()
    file = write(",2020-05-01,7,,TEA-1,Green tea,3,10.00,,", header=HEADER)
    await load(shop, file, kind=ORDERS)
    after = await shop.snapshot()
    changed = {table for table in after if after[table] != before[table]}
    assert changed == {
        *("order", "order_line", "order_adjustment", "member", "identity", "import_run")
    }
    assert await run_audits(shop.shop, audits_of(shop.shop)) == []


async def test_exact_repeats_are_real_and_the_same_file_is_not_told_twice(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    row = ",2020-05-01,7,,,,1,5.00,,"
    file = write(row, row, row, header=HEADER)
    assert (await load(shop, file, kind=ORDERS)).counts == Counts(created=3)
    # Told in another way it is another import, of the same purchases.
    again = await load(shop, file, kind=ORDERS, source="import", encoding="cp1252")
    assert again.counts == Counts(unchanged=3)
    assert len(await shop.rows("order")) == 3


async def test_rows_are_refused_one_by_one_with_line_column_and_code(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    file = write(
        "A-1,2020-05-01,7,,,,1,5.00,,",
        ",2020-05-01,7,,,,0,5.00,,",
        ",2020-05-01,7,,,,x,5.00,,",
        ",2020-05-01,7,,,,1,5.001,,",
        ",tomorrow,7,,,,1,5.00,,",
        ",2999-01-01,7,,,,1,5.00,,",
        ",2020-05-01,,,,,1,5.00,,",
        ",2020-05-01,,nobody,,,1,5.00,,",
        ",2020-05-01,7,,,,1,5.00,,placed",
        ",2020-05-01,7,,,,1,-5.00,,",
        "A-1,2020-05-02,7,,,,1,5.00,,",
        ",2020-05-01,7,,,,1,5.00,,,,",
        header=HEADER,
    )
    report = await load(shop, file, kind=ORDERS)
    assert report.counts == Counts(created=1, refused=11)
    assert [(one.line, one.column, one.code) for one in report.refusals] == [
        (3, "quantity", "QUANTITY_OUT_OF_RANGE"),
        (4, "quantity", "ROW_REFUSED"),
        (5, "line_total", "AMOUNT_INVALID"),
        (6, "placed_at", "DATE_INVALID"),
        (7, "placed_at", "DATE_OUT_OF_RANGE"),
        (8, "customer", "CUSTOMER_MISSING"),
        (9, "email", "CONTACT_INVALID"),
        (10, "state", "ORDER_NOT_OVER"),
        (11, "line_total", "TOTAL_OUT_OF_RANGE"),
        (12, "number", "NUMBER_TAKEN"),
        (13, "", "ROW_UNREADABLE"),
    ]
    assert len(await shop.rows("order")) == 1


@pytest.mark.slow
async def test_all_or_nothing_stores_nothing_for_one_bad_row(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    good = [f",2020-05-01,{n},,,,1,5.00,," for n in range(1_500)]
    file = write(*good, ",2020-05-01,7,,,,0,5.00,,", header=HEADER)
    report = await load(shop, file, kind=ORDERS, all_or_nothing=True)
    assert (report.state, report.counts) == (ImportState.REFUSED, Counts(refused=1))
    assert [one.line for one in report.refusals] == [1_502]
    assert await shop.rows("order") == await shop.rows("member") == []
    file = write(*good, header=HEADER)
    report = await load(shop, file, kind=ORDERS, all_or_nothing=True)
    assert (report.state, report.counts) == (ImportState.FINISHED, Counts(created=1_500))
    assert len(await shop.rows("order")) == 1_500


async def test_a_dry_run_says_what_would_happen_and_stores_nothing(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    file = write(",2020-05-01,7,,,,1,5.00,,", ",2020-05-01,7,,,,0,5.00,,", header=HEADER)
    report = await load(shop, file, kind=ORDERS, dry_run=True)
    assert report.counts == Counts(created=1, refused=1)
    assert report.refusals == (
        RefusedRow(
            line=3,
            item="row 2",
            reason="quantity: 0 is not from 1 to 1,000,000,000",
            column="quantity",
            code="QUANTITY_OUT_OF_RANGE",
        ),
    )
    assert await shop.rows("order") == await shop.rows("member") == []
    assert (await load(shop, file, kind=ORDERS)).counts == Counts(created=1, refused=1)


async def test_objects_say_the_same_as_rows(shop: RunningShop, write: Callable[..., Path]) -> None:
    file = write(
        '{"placed_at": "2020-05-01", "customer": 7, "quantity": 2, "line_total": 10.10}',
        '{"placed_at": "2020-05-01", "customer": 7, "quantity": 2, "line_total": {}}',
        '{"placed_at": "2020-05-01", "customer": 7, "quantity": 2, "line_total": 1, "x": 1}',
        '{"placed_at": "2020-05-01", "customer": 7, "customer": 8}',
        "[" * 100_000,
        '{"placed_at": "2020-05-01", "customer": "a\\u0000", "quantity": 2}',
        '{"placed_at": "2020-05-02", "customer": null, "quantity": NaN}',
        '{"placed_at": "2020-05-02", "customer": "8", "quantity": "1", "line_total": "0.00"}',
        header="",
        name="orders.ndjson",
    )
    report = await load(shop, file, kind=ORDERS)
    assert report.counts == Counts(created=2, refused=6)
    assert [one.line for one in report.refusals] == [3, 4, 5, 6, 7, 8]
    assert {one.code for one in report.refusals} == {"ROW_UNREADABLE"}
    totals = sorted(row["total_minor"] for row in await shop.rows("order"))
    assert totals == [0, 10_10]
