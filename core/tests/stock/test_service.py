"""Stock on both databases: receipts, corrections by staff, promises to orders."""

import asyncio

import pytest

from koipond.kernel.context import Context
from koipond.kernel.ids import OrderId, VariantId, encode, new_id
from koipond.kernel.invariants import Finding, run_audits
from koipond.quota import service as quota
from koipond.stock import service
from koipond.stock.errors import BackOrderInvalid, InsufficientStock, LocationUnknown
from koipond.stock.types import Demand, MovementReason, StockReceipt
from koipond_sdk.testing import STAFF, RunningShop

ADJUST = """mutation($input: AdjustStockInput!) { adjustStock(input: $input) {
  variant { sku stockLevels { location onHand free promised short } }
  userErrors { __typename code message }
} }"""


async def make_tea(shop: RunningShop, stock: int) -> VariantId:
    made = await shop.make_product("TEA-1", stock=stock)
    return made.variants["TEA-1"]


def correction(
    variant_id: VariantId, delta: int, reference: str, **given: str
) -> dict[str, object]:
    wish = {"variantId": encode(VariantId, variant_id), "delta": delta, "reference": reference}
    return wish | {"idempotencyKey": str(new_id())} | given


def demand(variant_id: VariantId, quantity: int) -> list[Demand]:
    return [Demand(variant_id=variant_id, sku="TEA-1", quantity=quantity)]


async def level(shop: RunningShop) -> tuple[int, int]:
    """What is in the house, and how much of it is taken."""
    (row,) = await shop.rows("stock_level")
    (quota,) = await shop.rows("quota")
    return row["on_hand"], quota["taken"]


async def buy(ctx: Context, variant_id: VariantId, quantity: int) -> OrderId:
    """Reserve and place units for an order that is of no further interest."""
    order_id = OrderId(new_id())
    claims = await service.reserve(ctx, order_id, demand(variant_id, quantity))
    await service.place(ctx, order_id, claims)
    return order_id


async def findings(shop: RunningShop) -> list[Finding]:
    """What the audits of stock and quota find wrong."""
    return await run_audits(shop.shop, [service.audit, quota.audit])


async def test_every_unit_in_the_house_has_a_movement(shop: RunningShop) -> None:
    tea = await make_tea(shop, stock=5)
    async with shop.context(viewer=STAFF) as ctx:
        await service.receive(
            ctx,
            [StockReceipt(variant_id=tea, quantity=7)],
            reason=MovementReason.RECEIPT,
            reference="note 1",
        )
    assert await level(shop) == (12, 0)
    assert sorted(row["delta"] for row in await shop.rows("stock_movement")) == [5, 7]


async def test_an_unknown_location_is_refused(shop: RunningShop) -> None:
    tea = await make_tea(shop, stock=5)
    before = await shop.snapshot()
    async with shop.context(viewer=STAFF) as ctx:
        with pytest.raises(LocationUnknown, match="This shop has: main"):
            await service.receive(
                ctx, [StockReceipt(variant_id=tea, quantity=1)], location_code="moon"
            )
    assert await shop.snapshot() == before


async def test_what_is_released_twice_is_given_back_once(shop: RunningShop) -> None:
    tea = await make_tea(shop, stock=5)
    async with shop.context() as ctx:
        order_id = await buy(ctx, tea, 3)
        assert await level(shop) == (5, 3)
        await service.release(ctx, order_id)
        await service.release(ctx, order_id)
        assert await service.give_back(ctx) == 1
        assert await service.give_back(ctx) == 0
    assert await level(shop) == (5, 0)
    assert await findings(shop) == []


async def test_a_hold_that_nobody_places_lapses(shop: RunningShop) -> None:
    tea = await make_tea(shop, stock=5)
    async with shop.context() as ctx:
        await service.reserve(ctx, OrderId(new_id()), demand(tea, 5))
        with pytest.raises(InsufficientStock, match="1 requested, 0 can be had"):
            await service.reserve(ctx, OrderId(new_id()), demand(tea, 1))
        shop.clock.advance(seconds=ctx.settings.reservation_hold_s)
        await service.give_back(ctx)
        await buy(ctx, tea, 5)
    assert await level(shop) == (5, 5)


async def test_an_order_that_asks_again_keeps_what_it_has(shop: RunningShop) -> None:
    tea = await make_tea(shop, stock=5)
    order_id = OrderId(new_id())
    async with shop.context() as ctx:
        first = await service.reserve(ctx, order_id, demand(tea, 5))
        assert await service.reserve(ctx, order_id, demand(tea, 5)) == first
    assert await level(shop) == (5, 5)


async def test_a_hundred_buyers_of_five_units_get_five(shop: RunningShop) -> None:
    tea = await make_tea(shop, stock=5)

    async def try_to_buy() -> bool:
        async with shop.context() as ctx:
            try:
                await buy(ctx, tea, 1)
            except InsufficientStock:
                return False
            return True

    sold = await asyncio.gather(*(try_to_buy() for _ in range(100)))
    assert sum(sold) == 5
    assert await level(shop) == (5, 5)
    assert await findings(shop) == []


async def test_units_may_be_sold_ahead_where_staff_allow_it(shop: RunningShop) -> None:
    tea = await make_tea(shop, stock=1)
    async with shop.context(viewer=STAFF) as ctx:
        await service.allow_back_order(ctx, tea, units=3)
        await buy(ctx, tea, 3)
        with pytest.raises(BackOrderInvalid, match="2 to"):
            await service.allow_back_order(ctx, tea, units=1)
        await service.allow_back_order(ctx, tea, units=2)
        with pytest.raises(InsufficientStock, match="0 can be had"):
            await service.reserve(ctx, OrderId(new_id()), demand(tea, 1))
    assert await findings(shop) == []


async def test_promised_units_that_are_missing_are_told_and_taken_later(
    shop: RunningShop,
) -> None:
    tea = await make_tea(shop, stock=5)
    async with shop.context(viewer=STAFF) as ctx:
        order_id = await buy(ctx, tea, 4)
        await service.adjust_stock(ctx, tea, delta=-3, reference="count", missing=True)
        told = [row for row in await shop.rows("outbox_event") if row["name"] == "StockShort"]
        assert len(told) == 1
        (row,) = await shop.rows("stock_level")
        assert (row["on_hand"], row["short"]) == (2, 2)
        await service.release(ctx, order_id)
        await service.give_back(ctx)
        (row,) = await shop.rows("stock_level")
        (quota_row,) = await shop.rows("quota")
        assert (row["on_hand"], row["short"], quota_row["capacity"]) == (2, 0, 2)
    assert await findings(shop) == []


async def test_staff_correct_stock_by_a_difference(shop: RunningShop) -> None:
    tea = await make_tea(shop, stock=5)
    wish = correction(tea, -2, "two broke")
    answer = await shop.graphql(ADJUST, {"input": wish}, viewer=STAFF, admin=True)
    assert answer["data"]["adjustStock"] == {
        "variant": {
            "sku": "TEA-1",
            "stockLevels": [
                {"location": "main", "onHand": 3, "free": 3, "promised": 0, "short": 0}
            ],
        },
        "userErrors": [],
    }
    records = "{ auditRecords { nodes { operation subject before after } } }"
    told = await shop.graphql(records, viewer=STAFF, admin=True)
    assert told["data"]["auditRecords"]["nodes"][0] == {
        "operation": "adjustStock",
        "subject": wish["variantId"],
        "before": {"on_hand at main": 5},
        "after": {"on_hand at main": 3, "reference": "two broke"},
    }


@pytest.mark.parametrize(
    ("delta", "code", "words"),
    [
        (0, "STOCK_DELTA_INVALID", "1 to 1000000000 units"),
        (2**31, "STOCK_DELTA_INVALID", "2147483648 is no change"),
        (-3, "STOCK_PROMISED", "Take 2 or fewer"),
    ],
)
async def test_a_correction_that_cannot_be_is_refused(
    shop: RunningShop, delta: int, code: str, words: str
) -> None:
    tea = await make_tea(shop, stock=5)
    async with shop.context() as ctx:
        await buy(ctx, tea, 3)
    before = await shop.snapshot()
    wish = correction(tea, delta, "count")
    answer = await shop.graphql(ADJUST, {"input": wish}, viewer=STAFF, admin=True)
    (error,) = answer["data"]["adjustStock"]["userErrors"]
    assert error["code"] == code
    assert words in error["message"]
    assert await shop.snapshot() == before


async def test_a_correction_without_a_reason_is_refused(shop: RunningShop) -> None:
    tea = await make_tea(shop, stock=5)
    before = await shop.snapshot()
    wish = correction(tea, 1, " ")
    answer = await shop.graphql(ADJUST, {"input": wish}, viewer=STAFF, admin=True)
    (error,) = answer["data"]["adjustStock"]["userErrors"]
    assert error["code"] == "REFERENCE_MISSING"
    assert await shop.snapshot() == before


async def test_the_same_correction_again_changes_nothing_more(shop: RunningShop) -> None:
    tea = await make_tea(shop, stock=5)
    wish = correction(tea, -2, "two broke", idempotencyKey="once")
    asked = [shop.graphql(ADJUST, {"input": wish}, viewer=STAFF, admin=True) for _ in range(4)]
    answers = await asyncio.gather(*asked)
    assert [one["data"]["adjustStock"]["userErrors"] for one in answers] == [[]] * 4
    assert (await level(shop))[0] == 3
    before = await shop.snapshot()
    other = wish | {"delta": -1}
    answer = await shop.graphql(ADJUST, {"input": other}, viewer=STAFF, admin=True)
    (error,) = answer["data"]["adjustStock"]["userErrors"]
    assert error["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert await shop.snapshot() == before
