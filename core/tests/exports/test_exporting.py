"""What is exported can be imported again, and is given to nobody else."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from core.tests.imports.loading import load

from koipond.catalog import service as catalog
from koipond.catalog.types import MediaDraft, ProductDraft, Saved, Telling, VariantDraft
from koipond.exports import service
from koipond.exports.types import ExportFormat, ExportKind, ExportOptions, RunExport
from koipond.imports.types import Counts, ImportKind
from koipond.kernel.formulas import guard, unguard
from koipond.kernel.ids import ExportRunId, decode
from koipond.kernel.viewer import SYSTEM, PermissionMissing, Viewer, ViewerKind
from koipond.stock.service import receive
from koipond.stock.types import StockReceipt
from koipond_sdk.testing.databases import Databases, Kind
from koipond_sdk.testing.shop import STAFF, RunningShop, running_shop

pytestmark = pytest.mark.story

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "''=1", "|x", "%x", "plain", "'quoted'", ""]
START = """mutation Start($input: StartExportInput!) { startExport(input: $input) {
  started { id state url } userErrors { code } } }"""
SEEN = "query Seen($id: ID!) { exportRun(id: $id) { state rows url } }"


async def export(shop: RunningShop, kind: ExportKind, form: ExportFormat, file: Path) -> int:
    count = 0
    with file.open("w", encoding="utf-8", newline="") as stream:
        async with shop.shop.context(viewer=SYSTEM) as ctx:
            async for text, rows in service.export(ctx, ExportOptions(kind=kind, format=form)):
                stream.write(text)
                count += rows
    return count


@pytest.mark.parametrize("text", FORMULAS)
def test_what_looks_like_a_formula_is_a_text_and_comes_back(text: str) -> None:
    assert unguard(guard(text)) == text
    assert guard(text)[:1] not in {"=", "+", "-", "@", "|", "%"}


@pytest.mark.slow
@pytest.mark.parametrize("form", list(ExportFormat))
async def test_all_kinds_come_back_as_they_were(
    shop: RunningShop, tmp_path: Path, form: ExportFormat
) -> None:
    await shop.make_product("TEA-1", price="10.00", stock=7, name="=Green, tea")
    await shop.make_product("TEA-2", price=None, stock=0)
    history = tmp_path / "history.csv"
    history.write_text(
        "number,placed_at,customer,email,name,sku,title,quantity,line_total,order_total,state\n"
        "A-1,2020-05-01T10:00:00Z,7,lin@example.org,@Lin,TEA-1,=Tea,3,10.00,12.50,\n"
        "A-1,2020-05-01T10:00:00Z,7,,,OLD,Old,1,1.00,,\n"
        "A-2,2020-05-02,8,,,,,1,0.00,,cancelled\n",
        encoding="utf-8",
    )
    assert (await load(shop, history, kind=ImportKind.ORDERS)).counts == Counts(created=2)
    before = await shop.snapshot()
    written = {}
    for kind in ExportKind:
        written[kind] = await export(shop, kind, form, tmp_path / f"{kind}.{form}")
    assert written == {
        ExportKind.PRODUCTS: 2,
        ExportKind.ORDERS: 3,
        ExportKind.MEMBERS: 2,
        ExportKind.PRICES: 1,
        ExportKind.STOCK: 1,
    }
    told: dict[ExportKind, Any] = {}
    for kind in ExportKind:
        if kind is not ExportKind.ORDERS:
            file = tmp_path / f"{kind}.{form}"
            told[kind] = (await load(shop, file, kind=ImportKind(kind.value))).counts
    assert told == {
        ExportKind.PRODUCTS: Counts(unchanged=2, stock_left_alone=2),
        ExportKind.MEMBERS: Counts(unchanged=2),
        ExportKind.PRICES: Counts(unchanged=1),
        ExportKind.STOCK: Counts(unchanged=1),
    }
    after = await shop.snapshot()
    assert {table for table in after if after[table] != before[table]} == {"import_run"}
    # The same numbers in the same shop are the same orders, told by another file.
    again = await load(shop, tmp_path / f"orders.{form}", kind=ImportKind.ORDERS)
    assert [one.code for one in again.refusals] == ["NUMBER_TAKEN", "NUMBER_TAKEN"]


RICH = ProductDraft(
    slug="tea",
    name="=Green, tea",
    description="<p>Cool &amp; dry</p>",
    categories=("Drinks", "Gifts | small"),
    collections=("New, today", "Spring"),
    attributes=(("Origin", "Anhui"), ("Vendor", 'Lin "&" Wang'), ("Harvest", "2026")),
    options=("Weight", "Cut", "Tin", "Colour", "Lid"),
    media=(MediaDraft(url="/media/tea.jpg", alt="Tea"), MediaDraft(url="/media/tin.jpg")),
    variants=(
        VariantDraft(
            sku="TEA-1",
            options=("100 g", "Whole", "Round", "Red", "-1"),
            price_minor=1000,
            grams=120,
            media=(MediaDraft(url="/media/red.jpg"),),
        ),
        VariantDraft(
            sku="TEA-2", options=("200 g", "Whole", "Round", "红", "0"), track_stock=False
        ),
    ),
)
PLAIN = ProductDraft(
    slug="cup",
    name="Cup",
    categories=("Goods",),
    collections=("Spring",),
    variants=(VariantDraft(sku="CUP-1", price_minor=450),),
)


async def stock_up(shop: RunningShop) -> None:
    async with shop.context(viewer=STAFF) as ctx:
        telling = Telling(
            locale=ctx.scope.locales[0],
            channel_id=ctx.scope.channel_id,
            currency=ctx.scope.currency,
        )
        tea, cup = await catalog.save_products(ctx, [RICH, PLAIN], telling)
        assert isinstance(tea, Saved)
        assert isinstance(cup, Saved)
        keys = {**tea.variants, **cup.variants}
        units = {"TEA-1": 7, "CUP-1": 3}
        receipts = [StockReceipt(variant_id=keys[sku], quantity=units[sku]) for sku in units]
        await receive(ctx, receipts)


@pytest.mark.parametrize("form", list(ExportFormat))
async def test_products_that_move_to_an_empty_shop_are_exported_as_they_were(
    shop: RunningShop, databases: Databases, tmp_path: Path, form: ExportFormat
) -> None:
    await stock_up(shop)
    here, there = tmp_path / f"here.{form}", tmp_path / f"there.{form}"
    assert await export(shop, ExportKind.PRODUCTS, form, here) == 3
    async with databases.own(Kind.SQLITE) as url, running_shop(url) as other:
        report = await load(other, here)
        assert (report.counts, report.refusals) == (Counts(created=2, stock_booked=2), ())
        assert await export(other, ExportKind.PRODUCTS, form, there) == 3
    assert there.read_text(encoding="utf-8") == here.read_text(encoding="utf-8")
    if form is ExportFormat.NDJSON:
        first, second, _ = [json.loads(line) for line in here.read_text("utf-8").splitlines()]
        attributes = [["Origin", "Anhui"], ["Vendor", 'Lin "&" Wang'], ["Harvest", "2026"]]
        assert json.loads(first["Attributes"]) == attributes
        assert json.loads(first["More Options"]) == [["Colour", "Red"], ["Lid", "-1"]]
        assert json.loads(second["More Options"]) == [["Colour", "红"], ["Lid", "0"]]
        assert json.loads(first["Categories"]) == ["Drinks", "Gifts | small"]
        assert json.loads(first["Collections"]) == ["New, today", "Spring"]
        assert (first["Variant Image"], second["Variant Image"]) == ("/media/red.jpg", "")


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("Attributes", "Origin: Anhui"),
        ("Attributes", '[["Origin"]]'),
        ("More Options", '{"Cut": "Whole"}'),
        ("Categories", '"Tea"'),
        ("Collections", "[1]"),
    ],
)
async def test_a_list_that_is_none_skips_its_product(
    shop: RunningShop, tmp_path: Path, column: str, cell: str
) -> None:
    file = tmp_path / "tea.csv"
    written = '"' + cell.replace('"', '""') + '"'
    file.write_text(
        f"Handle,Title,Variant SKU,Variant Price,{column}\ntea,Tea,T-1,1.00,{written}\n"
    )
    before = await shop.rows("product")
    (refused,) = (await load(shop, file)).refusals
    assert (refused.line, refused.column) == (2, column)
    assert refused.reason.startswith(f"{column}: {cell[:40]!r} is no such list. Write it like [")
    assert await shop.rows("product") == before


async def test_orders_come_back_to_a_shop_that_lost_them(shop: RunningShop, tmp_path: Path) -> None:
    from sqlalchemy import text

    history = tmp_path / "history.csv"
    history.write_text(
        "number,placed_at,customer,sku,title,quantity,line_total,order_total,state\n"
        "A-1,2020-05-01T10:00:00Z,7,TEA-1,=Tea,3,10.00,12.50,\n"
        "A-1,2020-05-01T10:00:00Z,7,OLD,-Old,1,1.00,,\n",
        encoding="utf-8",
    )
    await load(shop, history, kind=ImportKind.ORDERS)
    kept = ("number", "total_minor", "placed_at", "state", "member_id")

    async def orders() -> list[list[Any]]:
        lines = await shop.rows("order_line")
        told = sorted((row["sku"], row["name"], row["quantity"]) for row in lines)
        return [[row[name] for name in kept] for row in await shop.rows("order")] + [told]

    before = await orders()
    await export(shop, ExportKind.ORDERS, ExportFormat.CSV, tmp_path / "orders.csv")

    async def lose(db: Any) -> None:
        for table in ("order_adjustment", "order_line", '"order"'):
            await db.execute(text(f"DELETE FROM {table}"))

    await shop.shop.database.transact(lose)
    report = await load(shop, tmp_path / "orders.csv", kind=ImportKind.ORDERS)
    assert report.counts == Counts(created=1)
    assert await orders() == before


async def test_a_worker_writes_the_file_and_a_link_opens_it_for_a_while(shop: RunningShop) -> None:
    await shop.make_product("TEA-1", price="10.00")
    answer = await shop.graphql(START, {"input": {"kind": "PRICES"}}, viewer=STAFF, admin=True)
    begun = answer["data"]["startExport"]["started"]
    assert (begun["state"], begun["url"]) == ("WAITING", None)
    job = RunExport(run_id=decode(ExportRunId, begun["id"]))
    for _ in range(2):
        async with shop.shop.context(viewer=SYSTEM) as ctx:
            await service.do_export(ctx, job)
    assert len(await shop.rows("stored_file")) == 1
    seen = await shop.graphql(SEEN, {"id": begun["id"]}, viewer=STAFF, admin=True)
    found = seen["data"]["exportRun"]
    assert (found["state"], found["rows"]) == ("FINISHED", 1)
    got = await shop.http.get(found["url"])
    assert got.text.splitlines() == ["sku,price,currency", "TEA-1,10.00,EUR"]
    assert got.headers["content-disposition"].startswith('attachment; filename="prices-')
    assert got.headers["cache-control"] == "no-store"
    for wrong in (found["url"][:-2] + "xx", found["url"].partition("?")[0]):
        assert (await shop.http.get(wrong)).status_code == 404
    shop.clock.advance(minutes=6)
    assert (await shop.http.get(found["url"])).status_code == 404


async def test_members_are_exported_by_who_may_read_members_only(shop: RunningShop) -> None:
    for permissions, code in (
        ({"export.run", "order.read"}, "PERMISSION_MISSING"),
        ({"member.read"}, None),
    ):
        viewer = Viewer(kind=ViewerKind.STAFF, id=uuid4(), permissions=frozenset(permissions))
        await shop.employ(viewer)
        before = await shop.snapshot()
        answer = await shop.graphql(
            START, {"input": {"kind": "MEMBERS"}}, viewer=viewer, admin=True
        )
        if code is None:
            assert answer["errors"][0]["extensions"]["code"] == "PERMISSION_MISSING"
        else:
            (error,) = answer["data"]["startExport"]["userErrors"]
            assert error["code"] == code
        assert await shop.snapshot() == before


async def test_who_may_read_orders_of_one_channel_exports_none(shop: RunningShop) -> None:
    clerk = Viewer(
        kind=ViewerKind.STAFF,
        id=uuid4(),
        permissions=frozenset({"export.run", "order.read"}),
        limited={"order.read": frozenset({"main"})},
    )
    async with shop.shop.context(viewer=clerk) as ctx:
        with pytest.raises(PermissionMissing):
            await service.start_export(ctx, ExportOptions(kind=ExportKind.ORDERS))
    assert await shop.rows("export_run") == []
