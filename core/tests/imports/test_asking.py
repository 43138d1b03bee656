"""Imports that staff ask for: sent, done by a worker, seen, cancelled, and who may."""

from typing import Any
from uuid import uuid4

import pytest
from msgspec import structs
from sqlalchemy import select

from koipond.imports import service
from koipond.imports.types import ImportKind, RunImport
from koipond.kernel import filing
from koipond.kernel.audit import audit_record
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import ImportRunId, StoredFileId, decode
from koipond.kernel.viewer import GUEST, SYSTEM, Viewer, ViewerKind
from koipond_sdk.testing.shop import STAFF, RunningShop

pytestmark = pytest.mark.story

START = """mutation Start($input: StartImportInput!) { startImport(input: $input) {
  started { id state total done refused problem errorsUrl errors { line column code message } }
  userErrors { code message } } }"""
SEEN = """query Seen($id: ID!) { importRun(id: $id) {
  state total done created refused problem errorsUrl errors { line column code } } }"""
CANCEL = """mutation Cancel($id: ID!) { cancelImport(input: {importId: $id}) {
  cancelled { state done } userErrors { code } } }"""
PRICES = "sku,price\nTEA-1,11.00\nTEA-9,1.00\n=cmd|' /C calc'!A0,1.00\n"


def staff(*permissions: str) -> Viewer:
    return Viewer(kind=ViewerKind.STAFF, id=uuid4(), permissions=frozenset(permissions))


async def send(
    shop: RunningShop, content: bytes, *, viewer: Viewer = STAFF, name: str = "prices.csv"
) -> Any:
    given = {} if viewer is GUEST else {"Authorization": f"Bearer {shop.token(viewer)}"}
    return await shop.http.post(
        "/admin/uploads", params={"name": name}, content=content, headers=given
    )


async def start(shop: RunningShop, *, viewer: Viewer = STAFF, **given: Any) -> dict[str, Any]:
    answer = await shop.graphql(START, {"input": given}, viewer=viewer, admin=True)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["startImport"]
    return found


async def work(shop: RunningShop, key: str) -> None:
    async with shop.shop.context(viewer=SYSTEM) as ctx:
        await service.do_import(ctx, RunImport(run_id=decode(ImportRunId, key)))


async def test_a_file_is_sent_imported_by_a_worker_and_seen(shop: RunningShop) -> None:
    await shop.make_product("TEA-1", price="10.00")
    sent = (await send(shop, PRICES.encode(), name="../../etc/<b>prices\r\n.csv")).json()
    assert sent["name"] == "<b>prices.csv"
    begun = (await start(shop, fileId=sent["id"], kind="PRICES"))["started"]
    assert (begun["state"], begun["done"]) == ("WAITING", 0)
    (job,) = [row for row in await shop.rows("job") if row["kind"] == "RunImport"]
    assert job["state"] == "waiting"
    for _ in range(2):
        await work(shop, begun["id"])
    seen = await shop.graphql(SEEN, {"id": begun["id"]}, viewer=STAFF, admin=True)
    found = seen["data"]["importRun"]
    assert {**found, "errorsUrl": ""} == {
        "state": "FINISHED",
        "total": 3,
        "done": 3,
        "created": 0,
        "refused": 2,
        "problem": None,
        "errorsUrl": "",
        "errors": [
            {"line": 3, "column": "sku", "code": "SKU_UNKNOWN"},
            {"line": 4, "column": "sku", "code": "SKU_UNKNOWN"},
        ],
    }
    assert [row["amount_minor"] for row in await shop.rows("price")] == [11_00]
    got = await shop.http.get(found["errorsUrl"])
    assert got.status_code == 200
    assert got.headers["x-content-type-options"] == "nosniff"
    lines = got.text.splitlines()
    assert lines[0] == "line,item,column,code,reason"
    assert lines[1].startswith("3,TEA-9,sku,SKU_UNKNOWN,")
    # What a spreadsheet would run is a text.
    assert lines[2].startswith("4,'=cmd|' /C calc'!A0,sku,SKU_UNKNOWN,")


async def test_a_link_to_errors_is_for_one_import_and_five_minutes(shop: RunningShop) -> None:
    sent = (await send(shop, PRICES.encode())).json()
    one = (await start(shop, fileId=sent["id"], kind="PRICES"))["started"]
    other = (await start(shop, fileId=sent["id"], kind="PRICES"))["started"]
    url = one["errorsUrl"]
    stolen = url.replace(one["id"], other["id"])
    for wrong in (stolen, url.partition("?")[0], url[:-2] + "xx", url.replace("until=", "until=9")):
        assert (await shop.http.get(wrong)).status_code == 404
    assert (await shop.http.get(url)).status_code == 200
    shop.clock.advance(minutes=6)
    assert (await shop.http.get(url)).status_code == 404


async def test_only_staff_who_may_send_and_change_it_do(shop: RunningShop) -> None:
    clerk = staff("catalog.write")
    local = structs.replace(staff("import.write"), limited={"import.write": frozenset({"main"})})
    for one in (clerk, local):
        await shop.employ(one)
    before = await shop.snapshot()
    member = Viewer(kind=ViewerKind.MEMBER, id=uuid4())
    statuses = [
        (await send(shop, b"sku,price\n", viewer=viewer)).status_code
        for viewer in (GUEST, member, clerk, local)
    ]
    assert statuses == [401, 401, 403, 403]
    assert (await send(shop, b"x" * 2_000, name=" ")).status_code == 400
    assert await shop.snapshot() == before
    sent = (await send(shop, PRICES.encode())).json()
    answer = await shop.graphql(
        START,
        {"input": {"fileId": sent["id"], "kind": "MEMBERS"}},
        viewer=staff("import.write", "catalog.write"),
        admin=True,
    )
    assert answer["data"]["startImport"]["userErrors"][0]["code"] == "PERMISSION_MISSING"
    begun = (await start(shop, fileId=sent["id"], kind="PRICES"))["started"]
    for viewer, sees in ((staff("import.write"), False), (staff("import.write", "*"), True)):
        seen = await shop.graphql(SEEN, {"id": begun["id"]}, viewer=viewer, admin=True)
        assert (seen["data"]["importRun"] is not None) is sees
    hidden = await shop.graphql(
        CANCEL, {"id": begun["id"]}, viewer=staff("import.write"), admin=True
    )
    assert hidden["data"]["cancelImport"]["userErrors"] == [{"code": "IMPORT_UNKNOWN"}]


async def test_a_cancelled_import_stores_no_more_and_is_over(shop: RunningShop) -> None:
    content = "\n".join(["placed_at,customer,quantity,line_total", *["2020-05-01,1,1,1.00"] * 5])
    sent = (await send(shop, content.encode())).json()
    begun = (await start(shop, fileId=sent["id"], kind="ORDERS"))["started"]
    ended = await shop.graphql(CANCEL, {"id": begun["id"]}, viewer=STAFF, admin=True)
    assert ended["data"]["cancelImport"]["cancelled"] == {"state": "CANCELLED", "done": 0}
    await work(shop, begun["id"])
    assert await shop.rows("order") == []
    again = await shop.graphql(CANCEL, {"id": begun["id"]}, viewer=STAFF, admin=True)
    assert again["data"]["cancelImport"]["userErrors"] == [{"code": "IMPORT_OVER"}]
    told = [
        (row["operation"], row["subject"], row["before"], row["after"])
        for row in await records(shop)
    ]
    hashed = {"kind": "orders", "file": sent["sha256"], "state": "waiting"}
    assert told == [
        ("startImport", begun["id"], None, hashed),
        ("cancelImport", begun["id"], {"state": "waiting"}, {"state": "cancelled"}),
    ]


async def test_what_staff_export_is_in_the_audit(shop: RunningShop) -> None:
    document = "mutation { startExport(input: {kind: MEMBERS}) { started { id } } }"
    answer = await shop.graphql(document, viewer=STAFF, admin=True)
    (record,) = await records(shop)
    assert (record["operation"], record["subject"]) == (
        "startExport",
        answer["data"]["startExport"]["started"]["id"],
    )
    assert record["after"] == {"kind": "members", "state": "waiting"}


async def records(shop: RunningShop) -> list[dict[str, Any]]:
    """Return the records of the audit, the oldest first."""

    async def read(db: AsyncConnection) -> list[dict[str, Any]]:
        rows = await db.execute(select(audit_record).order_by(audit_record.c.id))
        return [dict(row) for row in rows.mappings()]

    return await shop.shop.database.transact(read)


async def test_a_file_that_is_refused_says_why_and_is_not_tried_again(shop: RunningShop) -> None:
    sent = (await send(shop, b"PK\x03\x04 a zip")).json()
    begun = (await start(shop, fileId=sent["id"], kind="ORDERS"))["started"]
    await work(shop, begun["id"])
    seen = await shop.graphql(SEEN, {"id": begun["id"]}, viewer=STAFF, admin=True)
    found = seen["data"]["importRun"]
    assert found["state"] == "REFUSED"
    assert found["problem"].startswith("A file of orders needs the columns: placed_at")


@pytest.mark.parametrize("size", [1_001, 700_000])
async def test_a_file_that_is_too_large_is_cut_and_not_kept(shop: RunningShop, size: int) -> None:
    async def parts() -> Any:
        for _ in range(size // 1_000 + 1):
            yield b"x" * 1_000

    async with shop.context(viewer=STAFF) as ctx:
        with pytest.raises(filing.FileTooLarge):
            await filing.keep(
                ctx, "a", parts(), media_type="text/csv", owner_id=None, limit=size - 1
            )
    assert await shop.rows("stored_file") == await shop.rows("stored_piece") == []


async def test_what_is_kept_is_what_was_sent_and_is_gone_after_a_week(shop: RunningShop) -> None:
    content = bytes(range(256)) * 3_000
    sent = (await send(shop, content)).json()
    assert sent["size"] == len(content)
    assert len(await shop.rows("stored_piece")) == 3
    async with shop.context(viewer=STAFF) as ctx:
        key = decode(StoredFileId, sent["id"])
        with await filing.copy_out(ctx, key) as copy:
            assert copy.read() == content
        shop.clock.advance(days=8)
        assert await filing.forget(ctx) == 1
    assert await shop.rows("stored_file") == await shop.rows("stored_piece") == []


def test_every_kind_asks_for_a_permission() -> None:
    from koipond.imports.service.asking import PERMISSIONS

    assert PERMISSIONS.keys() == set(ImportKind)
