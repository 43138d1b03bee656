"""What staff do with rounds: schedule, add, end, and what is refused."""

from typing import Any
from uuid import uuid4

import pytest
from plugins.flashsale.tests.stall import ADD, END, SCHEDULE, Stall, at, read

from koipond.channel import service as channels
from koipond.kernel.viewer import GUEST
from koipond_flashsale.tables import flashsale_round
from koipond_sdk import Viewer
from koipond_sdk.testing import STAFF
from koipond_sdk.testing.clock import START

pytestmark = pytest.mark.story


@pytest.mark.slow
async def test_a_round_sets_its_units_apart_and_says_what_it_is(stall: Stall) -> None:
    payload = await stall.schedule(limitPerMember=2)
    made = payload["round"]
    assert made == {
        "id": made["id"],
        "state": "RUNNING",
        "price": {"amount": "6.00", "currency": "EUR"},
        "was": {"amount": "10.00"},
        "units": 5,
        "free": 5,
        "limitPerMember": 2,
        "startsAt": at(),
        "endsAt": at(hours=1),
        "serverNow": at(),
        "paymentWindowMinutes": 10,
        "version": 1,
        "variant": {"sku": "TEA-1"},
    }
    assert made["id"].startswith("flash_")
    assert await stall.free() == (15, [5])
    names = [row["name"] for row in await stall.shop.rows("outbox_event")]
    assert names.count("FlashSaleScheduled") == 1


async def test_asking_again_with_the_same_key_changes_nothing(stall: Stall) -> None:
    key = str(uuid4())
    first = await stall.schedule(idempotencyKey=key)
    before = await stall.shop.snapshot()
    assert await stall.schedule(idempotencyKey=key) == first
    assert await stall.shop.snapshot() == before


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"price": {"amount": "10.00", "currency": "EUR"}}, "FLASH_SALE_PRICE_TOO_HIGH", "price"),
        ({"price": {"amount": "6.00", "currency": "CNY"}}, "VARIANT_NOT_PRICED", "variantId"),
        ({"price": {"amount": "6.00", "currency": "USD"}}, "CURRENCY_NOT_SOLD", None),
        ({"price": {"amount": "-1", "currency": "EUR"}}, "AMOUNT_INVALID", None),
        ({"channel": "moon"}, "CHANNEL_UNKNOWN", None),
        ({"units": 0}, "FLASH_SALE_NUMBER_INVALID", "units"),
        ({"units": 1_000_001}, "FLASH_SALE_NUMBER_INVALID", "units"),
        ({"units": 21}, "INSUFFICIENT_STOCK", None),
        ({"limitPerMember": 0}, "FLASH_SALE_NUMBER_INVALID", "limitPerMember"),
        ({"limitPerMember": 6}, "FLASH_SALE_NUMBER_INVALID", "limitPerMember"),
        ({"paymentWindowMinutes": 61}, "FLASH_SALE_NUMBER_INVALID", "paymentWindowMinutes"),
        ({"endsAt": at()}, "FLASH_SALE_TIMES_INVALID", "endsAt"),
        ({"startsAt": at(hours=1)}, "FLASH_SALE_TIMES_INVALID", "endsAt"),
        ({"variantId": "prod_01k"}, "ID_INVALID", None),
    ],
)
async def test_what_cannot_be_sold_is_refused(
    stall: Stall, given: dict[str, Any], code: str, field: str | None
) -> None:
    refused = await stall.refused(stall.schedule(**given))
    assert (refused["code"], refused["field"]) == (code, field)


@pytest.mark.one_database
async def test_a_refusal_says_the_numbers_and_the_way_out(stall: Stall) -> None:
    refused = await stall.refused(stall.schedule(price={"amount": "12.00", "currency": "EUR"}))
    assert refused["message"] == "12.00 EUR is not below the price of 10.00 EUR. Lower it."
    refused = await stall.refused(stall.schedule(limitPerMember=6))
    assert refused["message"] == "6 does not go, from 1 to 5 does."


@pytest.mark.slow
@pytest.mark.parametrize(
    ("starts", "ends", "overlaps"),
    [
        (1, 2, True),
        (0, 1, False),
        (2, 3, False),
        (0, 1.001, True),
        (1.999, 3, True),
        (0.5, 3, True),
        (1.2, 1.3, True),
    ],
)
async def test_two_rounds_of_a_variant_never_overlap(
    stall: Stall, starts: float, ends: float, overlaps: bool
) -> None:
    first = await stall.begin(startsAt=at(hours=1), endsAt=at(hours=2))
    second = {"startsAt": at(hours=starts), "endsAt": at(hours=ends)}
    if not overlaps:
        await stall.begin(**second)
        return
    refused = await stall.refused(stall.schedule(**second))
    assert refused["code"] == "FLASH_SALE_OVERLAPS"
    assert refused["message"] == (
        f"This variant has a flash sale in this channel from {at(hours=1)} until {at(hours=2)}. "
        "Begin after it, end before it, or end that one first."
    )
    await stall.end(first)
    await stall.begin(**second)


async def test_another_channel_has_rounds_of_its_own(stall: Stall) -> None:
    async with stall.shop.context(viewer=STAFF) as ctx:
        await channels.add_channel(
            ctx, code="fair", name="Fair", currencies=["EUR"], locales=["en"]
        )
    answer = await stall.shop.graphql(
        """mutation($input: SetPriceInput!) { setPrice(input: $input) { userErrors { code } } }""",
        {"input": {"variantId": stall.tea, "channel": "fair", "amount": "9", "currency": "EUR"}},
        viewer=STAFF,
        admin=True,
    )
    assert answer == {"data": {"setPrice": {"userErrors": []}}}
    await stall.begin()
    await stall.begin(channel="fair")
    assert await stall.free() == (10, [5, 5])


async def test_units_are_added_and_never_set(stall: Stall) -> None:
    round_id = await stall.begin()
    assert (await stall.order_of(2, pay="captured"))["userErrors"] == []
    key = str(uuid4())
    for _ in range(2):
        payload = await stall.add(round_id, 4, idempotencyKey=key)
        made = payload["round"]
        assert (made["units"], made["free"], made["version"]) == (9, 7, 2)
    assert await stall.free() == (11, [7])


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("units", "code", "field"),
    [
        (12, "INSUFFICIENT_STOCK", "units"),
        (0, "FLASH_SALE_NUMBER_INVALID", "units"),
        (-1, "FLASH_SALE_NUMBER_INVALID", "units"),
    ],
)
async def test_units_that_there_are_none_of_cannot_be_added(
    stall: Stall, units: int, code: str, field: str
) -> None:
    round_id = await stall.begin(units=9)
    refused = await stall.refused(stall.add(round_id, units))
    assert (refused["code"], refused["field"]) == (code, field)


async def test_a_round_that_is_over_takes_no_more_units(stall: Stall) -> None:
    round_id = await stall.begin()
    stall.shop.clock.advance(hours=1)
    refused = await stall.refused(stall.add(round_id, 1))
    assert refused["code"] == "FLASH_SALE_ENDED"
    await stall.end(round_id)
    refused = await stall.refused(stall.add(round_id, 1))
    assert refused["code"] == "FLASH_SALE_ENDED"


@pytest.mark.slow
async def test_a_round_that_ends_gives_back_what_is_left_and_a_second_end_does_nothing(
    stall: Stall,
) -> None:
    round_id = await stall.begin()
    assert (await stall.order_of(2, pay="captured"))["userErrors"] == []
    ended = await stall.end(round_id)
    assert (ended["round"]["state"], ended["round"]["free"]) == ("ENDED", 0)
    assert await stall.free() == (18, [0])
    before = await stall.shop.snapshot()
    assert await stall.end(round_id) == ended
    assert await stall.shop.snapshot() == before


async def test_a_round_ends_by_itself_when_its_time_is_over(stall: Stall) -> None:
    await stall.begin()
    await stall.pass_time(minutes=59, seconds=59)
    assert await stall.free() == (15, [5])
    await stall.pass_time(seconds=31)
    assert await stall.free() == (20, [0])
    (row,) = await stall.shop.rows(flashsale_round)
    assert (row["state"], row["version"]) == ("ended", 2)
    for _ in range(2):
        await stall.pass_time(seconds=30)
    assert await stall.shop.rows(flashsale_round) == [row]
    names = [row["name"] for row in await stall.shop.rows("outbox_event")]
    assert names.count("FlashSaleRoundEnded") == 1


async def test_staff_see_the_rounds_that_are_not_over(stall: Stall) -> None:
    first = await stall.begin()
    await stall.begin(startsAt=at(hours=2), endsAt=at(hours=3), units=1)
    ask = "{ flashSaleSchedule { id state units free } }"
    answer = await stall.shop.graphql(ask, viewer=STAFF, admin=True)
    found = answer["data"]["flashSaleSchedule"]
    assert [(one["state"], one["units"], one["free"]) for one in found] == [
        ("RUNNING", 5, 5),
        ("ANNOUNCED", 1, 1),
    ]
    await stall.end(first)
    answer = await stall.shop.graphql(ask, viewer=STAFF, admin=True)
    assert [one["state"] for one in answer["data"]["flashSaleSchedule"]] == ["ANNOUNCED"]


@pytest.mark.one_database
@pytest.mark.parametrize("document", [SCHEDULE, ADD, END])
async def test_only_who_manages_flash_sales_may(stall: Stall, document: str) -> None:
    round_id = await stall.begin()
    given = {
        SCHEDULE: {
            "variantId": stall.tea,
            "price": {"amount": "6.00", "currency": "EUR"},
            "units": 1,
            "endsAt": at(hours=9),
            "idempotencyKey": "k",
        },
        ADD: {"roundId": round_id, "units": 1, "idempotencyKey": "k"},
        END: {"roundId": round_id},
    }[document]
    other = Viewer(kind=STAFF.kind, id=STAFF.id, permissions=frozenset({"stock.write"}))
    before = await stall.shop.snapshot()
    for viewer, code in ((GUEST, "UNAUTHENTICATED"), (other, "PERMISSION_MISSING")):
        answer = await stall.shop.graphql(document, {"input": given}, viewer=viewer, admin=True)
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == code
    assert await stall.shop.snapshot() == before


async def test_what_staff_set_is_how_long_an_order_may_be_unpaid(stall: Stall) -> None:
    document = """mutation($input: SetPluginSettingsInput!) {
      done: setPluginSettings(input: $input) { userErrors { code message } }
    }"""
    given = {"plugin": "flashsale", "expectedVersion": 0}
    refused = await stall.staff(document, **given, values={"payment_window_minutes": 61})
    assert refused["userErrors"][0]["message"] == (
        "flashsale.payment_window_minutes must be a whole number from 1 to 60, and is 61."
    )
    done = await stall.staff(document, **given, values={"payment_window_minutes": 3})
    assert done["userErrors"] == []
    assert (await stall.schedule())["round"]["paymentWindowMinutes"] == 3
    await stall.order_of()
    (order,) = await stall.shop.rows("order")
    assert read(str(order["pay_until"])).replace(tzinfo=START.tzinfo) == read(at(minutes=3))
