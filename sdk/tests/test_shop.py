from datetime import UTC, datetime

import pytest

from koipond.catalog.errors import ProductInvalid
from koipond.channel.service import add_channel
from koipond.kernel.ids import VariantId, encode
from koipond_sdk.testing import STAFF, FakeClock, RunningShop, running_shop

pytestmark = pytest.mark.story

SHELF = "{ products { nodes { name variants { id sku price { amount currency } } } } }"


def test_a_clock_stands_still_until_it_is_told_to_move() -> None:
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
    assert clock.now() == clock.now() == datetime(2026, 1, 1, tzinfo=UTC)
    clock.advance(hours=1, seconds=0.5)
    assert clock.now() == datetime(2026, 1, 1, 1, 0, 0, 500_000, tzinfo=UTC)
    clock.set(datetime(2025, 1, 1, tzinfo=UTC))
    assert clock.now().year == 2025


async def test_the_shop_goes_by_the_clock(shop: RunningShop) -> None:
    token = shop.token(STAFF)
    headers = {"Authorization": f"Bearer {token}"}
    assert "data" in await shop.graphql("{ __typename }", headers=headers)
    shop.clock.advance(hours=2)
    answer = await shop.graphql("{ __typename }", headers=headers)
    assert answer["errors"][0]["extensions"]["code"] == "TOKEN_INVALID"


async def test_a_product_is_put_on_the_shelf(shop: RunningShop) -> None:
    made = await shop.make_product("TEA-1", price="12.50", name="Green tea")
    variant = {
        "id": encode(VariantId, made.variants["TEA-1"]),
        "sku": "TEA-1",
        "price": {"amount": "12.50", "currency": "EUR"},
    }
    assert (await shop.graphql(SHELF))["data"]["products"]["nodes"] == [
        {"name": "Green tea", "variants": [variant]}
    ]


async def test_a_product_is_told_again_in_another_language_and_currency(shop: RunningShop) -> None:
    await shop.make_product("TEA-1", price="12.50", name="Green tea")
    await shop.make_product(
        "TEA-1", price="98.00", name="绿茶", currency="CNY", locale="zh-Hans", stock=0
    )
    headers = {"Koi-Currency": "CNY", "Koi-Locale": "zh-Hans"}
    (node,) = (await shop.graphql(SHELF, headers=headers))["data"]["products"]["nodes"]
    assert (node["name"], node["variants"][0]["price"]["amount"]) == ("绿茶", "98.00")


async def test_a_product_that_cannot_be_is_refused(shop: RunningShop) -> None:
    before = await shop.snapshot()
    with pytest.raises(ProductInvalid):
        await shop.make_product("TEA-1", name="")
    assert await shop.snapshot() == before


async def test_a_snapshot_shows_any_change(shop: RunningShop) -> None:
    before = await shop.snapshot()
    assert before == await shop.snapshot()
    async with shop.context() as ctx:
        await add_channel(ctx, code="moon", name="Moon", currencies=["CNY"], locales=["en"])
    after = await shop.snapshot()
    assert {table for table in after if after[table] != before[table]} == {"channel"}


async def test_statements_are_counted_while_the_block_runs(shop: RunningShop) -> None:
    await shop.graphql("{ __typename }")
    with shop.count_statements() as sent:
        await shop.graphql("{ channels { code } }")
    await shop.graphql("{ channels { code } }")
    assert len(sent) == 1
    assert "FROM channel" in sent[0]


async def test_a_context_shops_where_it_is_told_to(shop: RunningShop) -> None:
    async with shop.context(currency="JPY", locale="zh-Hans") as ctx:
        assert (ctx.scope.channel, ctx.scope.currency) == ("main", "JPY")
        assert ctx.scope.locales == ("zh-Hans", "en")


@pytest.mark.slow
async def test_a_shop_has_no_plugins_unless_they_are_named(database_url: str) -> None:
    async with running_shop(database_url) as plain:
        assert "checkIn" not in str(await _mutations(plain))
    async with running_shop(database_url, plugins=["checkin"]) as richer:
        assert "checkIn" in str(await _mutations(richer))


async def _mutations(shop: RunningShop) -> list[str]:
    answer = await shop.graphql("{ __schema { mutationType { fields { name } } } }")
    return [one["name"] for one in answer["data"]["__schema"]["mutationType"]["fields"]]


async def test_settings_can_be_told(database_url: str) -> None:
    async with running_shop(database_url, order_lines_max=3) as shop:
        assert shop.settings.order_lines_max == 3


async def test_staff_ask_the_admin_endpoint(shop: RunningShop) -> None:
    answer = await shop.graphql("{ __typename }", viewer=STAFF, admin=True)
    assert answer == {"data": {"__typename": "Query"}}
    refused = await shop.graphql("{ __typename }", admin=True)
    assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
