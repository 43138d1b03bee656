"""Stock on both databases: receipts, corrections by staff, promises to orders."""

import asyncio

import pytest

from koipond.kernel.ids import OrderId, VariantId, encode, new_id
from koipond.stock import service
from koipond.stock.errors import InsufficientStock, LocationUnknown
from koipond.stock.types import Demand, MovementReason, StockReceipt
from koipond_sdk.testing import STAFF, RunningShop

ADJUST = """mutation($input: AdjustStockInput!) { adjustStock(input: $input) {
  variant { sku stockLevels { location onHand allocated free } }
  userErrors { __typename code message }
} }"""


async def make_tea(shop: RunningShop, stock: int) -> VariantId:
    made = await shop.make_product("TEA-1", stock=stock)
    return made.variants["TEA-1"]


def demand(variant_id: VariantId, quantity: int) -> list[Demand]:
    return [Demand(variant_id=variant_id, sku="TEA-1", quantity=quantity)]


async def level(shop: RunningShop) -> tuple[int, int]:
    (row,) = await shop.rows("stock_level")
    return row["on_hand"], row["allocated"]


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
    order_id = OrderId(new_id())
    async with shop.context() as ctx:
        await service.allocate(ctx, order_id, demand(tea, 3))
        assert await level(shop) == (5, 3)
        await service.release(ctx, order_id)
        await service.release(ctx, order_id)
    assert await level(shop) == (5, 0)


async def test_twenty_buyers_of_five_units_get_five(shop: RunningShop) -> None:
    tea = await make_tea(shop, stock=5)

    async def buy() -> bool:
        async with shop.context() as ctx:
            try:
                await service.allocate(ctx, OrderId(new_id()), demand(tea, 1))
            except InsufficientStock:
                return False
            return True

    sold = await asyncio.gather(*(buy() for _ in range(20)))
    assert sum(sold) == 5
    assert await level(shop) == (5, 5)


async def test_staff_correct_stock_by_a_difference(shop: RunningShop) -> None:
    tea = await make_tea(shop, stock=5)
    wish = {"variantId": encode(VariantId, tea), "delta": -2, "reference": "two broke"}
    answer = await shop.graphql(ADJUST, {"input": wish}, viewer=STAFF, admin=True)
    assert answer["data"]["adjustStock"] == {
        "variant": {
            "sku": "TEA-1",
            "stockLevels": [{"location": "main", "onHand": 3, "allocated": 0, "free": 3}],
        },
        "userErrors": [],
    }


@pytest.mark.parametrize(
    ("delta", "code", "words"),
    [
        (0, "STOCK_DELTA_INVALID", "other than 0"),
        (-3, "STOCK_BELOW_ALLOCATED", "At most 2 can go"),
    ],
)
async def test_a_correction_that_cannot_be_is_refused(
    shop: RunningShop, delta: int, code: str, words: str
) -> None:
    tea = await make_tea(shop, stock=5)
    async with shop.context() as ctx:
        await service.allocate(ctx, OrderId(new_id()), demand(tea, 3))
    before = await shop.snapshot()
    wish = {"variantId": encode(VariantId, tea), "delta": delta, "reference": "count"}
    answer = await shop.graphql(ADJUST, {"input": wish}, viewer=STAFF, admin=True)
    (error,) = answer["data"]["adjustStock"]["userErrors"]
    assert error["code"] == code
    assert words in error["message"]
    assert await shop.snapshot() == before
