"""Members, prices and stock from files, and files that are meant to do harm."""

from collections.abc import Callable
from pathlib import Path

import pytest
from core.tests.imports.loading import load

from koipond.imports import errors
from koipond.imports.types import Counts, ImportKind
from koipond.kernel.errors import DomainError
from koipond_sdk.testing.shop import RunningShop

pytestmark = pytest.mark.story


async def levels(shop: RunningShop) -> list[int]:
    return [row["on_hand"] for row in await shop.rows("stock_level")]


async def test_members_are_known_by_any_of_what_a_file_tells_of_them(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    header = "customer,email,phone,name,locale,time_zone"
    file = write(
        "1,lin@example.org,,Lin,zh-Hans,Asia/Shanghai",
        ",LIN@example.org,+86 138 0000 0000,,,",
        "2,,+8613800000000,Somebody,,",
        ",,,Nobody,,",
        ",,x,Nobody,,",
        "3,,,,nowhere!,",
        "4,,,,,Mars/Olympus",
        header=header,
    )
    report = await load(shop, file, kind=ImportKind.MEMBERS)
    assert report.counts == Counts(created=1, unchanged=2, refused=4)
    assert [(one.line, one.column, one.code) for one in report.refusals] == [
        (5, "customer", "CUSTOMER_MISSING"),
        (6, "phone", "CONTACT_INVALID"),
        (7, "locale", "LOCALE_UNKNOWN"),
        (8, "time_zone", "TIME_ZONE_UNKNOWN"),
    ]
    (member,) = await shop.rows("member")
    assert (member["name"], member["locale"], member["state"]) == (
        "Somebody",
        "zh-Hans",
        "guest",
    )
    assert sorted(row["value"] for row in await shop.rows("identity")) == [
        "+8613800000000",
        "import:1",
        "import:2",
        "lin@example.org",
    ]
    assert await shop.rows("outbox_event") == []
    file = write("1,,,Lin Mei,,", header=header)
    assert (await load(shop, file, kind=ImportKind.MEMBERS)).counts == Counts(changed=1)
    file = write("1,,,,,", header=header)
    assert (await load(shop, file, kind=ImportKind.MEMBERS)).counts == Counts(unchanged=1)
    (member,) = await shop.rows("member")
    assert member["name"] == "Lin Mei"


async def test_prices_become_what_a_file_says_in_its_currency(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    await shop.make_product("TEA-1", price="10.00")
    await shop.make_product("TEA-2", price=None)
    file = write("TEA-1,11.00", "TEA-2,5.00", "TEA-3,1.00", "TEA-1,2.00", header="sku,price")
    report = await load(shop, file, kind=ImportKind.PRICES, currency="EUR")
    assert report.counts == Counts(created=1, changed=1, refused=2)
    assert {(one.line, one.code) for one in report.refusals} == {
        (4, "SKU_UNKNOWN"),
        (5, "SKU_TWICE"),
    }
    assert sorted(row["amount_minor"] for row in await shop.rows("price")) == [5_00, 11_00]
    file = write("TEA-1,11.00", header="sku,price")
    assert (await load(shop, file, kind=ImportKind.PRICES)).counts == Counts(unchanged=1)


async def test_stock_is_what_was_counted_and_a_file_is_booked_once(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    await shop.make_product("TEA-1", stock=5)
    file = write("TEA-1,8", header="sku,on_hand")
    assert (await load(shop, file, kind=ImportKind.STOCK)).counts == Counts(changed=1)
    assert await levels(shop) == [8]
    more = write("TEA-1,2", header="sku,delta", name="more.csv")
    for _ in range(2):
        report = await load(shop, more, kind=ImportKind.STOCK)
        assert report.counts == Counts(changed=1)
    assert report.resumed_at == 1
    assert await levels(shop) == [10]
    less = write("TEA-1,-11", header="sku,delta", name="less.csv")
    report = await load(shop, less, kind=ImportKind.STOCK)
    assert [(one.line, one.code) for one in report.refusals] == [(2, "STOCK_PROMISED")]
    assert await levels(shop) == [10]
    assert sum(row["delta"] for row in await shop.rows("stock_movement")) == 10


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", errors.FileEmpty),
        (b"sku,price\n", errors.FileWithoutProducts),
        (b"sku\nA\n", errors.ColumnMissing),
        (b"sku,price,price\nA,1,1\n", errors.HeaderTwice),
        (b"sku,price\nA\0,1\n", errors.FileDamaged),
        (b'sku,price\nA,"1\n', errors.FileDamaged),
        (b"sku,price\n\xff\xfe,1\n", errors.EncodingWrong),
        (b"\xff\xfes\0k\0u\0", errors.EncodingWrong),
        (b"PK\x03\x04" + b"\0" * 60, errors.FileDamaged),
        (b"\x1f\x8b\x08\0" + b"\0" * 60, errors.EncodingWrong),
        (b"sku,price\nA," + b"1" * 1_000_001 + b"\n", errors.FieldTooLarge),
        (b"sku,price\n" + b"A" * 33_000_000, errors.FileDamaged),
        (b"[1]\n", errors.ColumnMissing),
        (b"{\n", errors.FileDamaged),
    ],
)
async def test_a_file_that_is_no_sound_one_is_refused_before_anything_is_stored(
    shop: RunningShop, tmp_path: Path, content: bytes, error: type[DomainError]
) -> None:
    before = await shop.snapshot()
    file = tmp_path / "prices.csv"
    file.write_bytes(content)
    with pytest.raises(error):
        await load(shop, file, kind=ImportKind.PRICES)
    assert await shop.snapshot() == before


async def test_a_bom_and_dos_line_ends_and_quotes_change_nothing(
    shop: RunningShop, tmp_path: Path
) -> None:
    await shop.make_product("=TEA,1", price="10.00")
    file = tmp_path / "prices.csv"
    file.write_bytes(b'\xef\xbb\xbfSKU,Price,note\r\n"\'=TEA,1"," 12.00 ","a ""b"""\r\n')
    assert (await load(shop, file, kind=ImportKind.PRICES)).counts == Counts(changed=1)


async def test_columns_may_be_called_otherwise_and_only_ours_can_be_named(
    shop: RunningShop, write: Callable[..., Path]
) -> None:
    await shop.make_product("TEA-1", price="10.00")
    file = write("TEA-1,12.00", header="Artikel,Preis")
    columns = {"sku": "Artikel", "price": "Preis"}
    report = await load(shop, file, kind=ImportKind.PRICES, columns=columns)
    assert report.counts == Counts(changed=1)
    for wrong in ({"sku": "Artikel", "cost": "Preis"}, {"sku": "Artikel", "price": "Kosten"}):
        with pytest.raises(errors.ColumnUnknown):
            await load(shop, file, kind=ImportKind.PRICES, columns=wrong)
