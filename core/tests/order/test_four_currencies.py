"""One catalogue in four currencies, bought and refunded over GraphQL.

The amounts are those of core/tests/pricing/examples/currencies.toml, worked out there by hand.
"""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from core.tests.order.pricing_office import (
    CATEGORY,
    CHANNELS,
    SETTINGS,
    TAXED,
    ZONE,
    Office,
)
from core.tests.payment.till import KEY

from koipond.kernel.ids import OrderId, decode
from koipond.kernel.texts import Locale
from koipond.order.service import replay
from koipond.pricing.rules import explain
from koipond_sdk.testing import STAFF, running_shop

pytestmark = pytest.mark.story

PRICES = {
    "TEA": {"cn": "88.00", "eu": "11.49", "jp": "1815", "kw": "3.725"},
    "POT": {"cn": "266.00", "eu": "34.90", "jp": "5480", "kw": "11.250"},
}
SHIPPING = {"cn": "12.00", "eu": "4.90", "jp": "770", "kw": "1.500"}
# {channel: {category: ppm}}
TAXES = {
    "cn": {"standard": 130_000, "food": 90_000, "shipping": 60_000},
    "eu": {"standard": 190_000, "food": 70_000, "shipping": 190_000},
    "jp": {"standard": 100_000, "food": 80_000, "shipping": 100_000},
    "kw": {"standard": 50_000, "food": 0, "shipping": 50_000},
}
ORDER = """order { id state taxIncluded subtotal { amount } shipping { amount } tax { amount }
  total { amount currency } paid { amount }
  adjustments { stage amount { amount } included ratePpm base { amount } }
  lines { id sku quantity refundedQuantity unitPrice { amount } total { amount } tax { amount } } }
userErrors { code message field }"""
PLACED = ORDER.replace("refundedQuantity ", "")
PLACE = f"mutation($input: PlaceOrderInput!) {{ done: placeOrder(input: $input) {{ {PLACED} }} }}"
REFUND = f"mutation($input: RefundOrderInput!) {{ done: refundOrder(input: $input) {{ {ORDER} }} }}"
# {channel: (subtotal, shipping, tax, total, {sku: (total, tax)})}
EXPECTED = {
    "cn": ("530.00", "12.00", "53.08", "542.00", {"TEA": "21.80", "POT": "30.60"}),
    "eu": ("69.37", "4.90", "9.97", "84.24", {"TEA": "2.41", "POT": "6.63"}),
    "jp": ("10925", "770", "971", "11695", {"TEA": "403", "POT": "498"}),
    "kw": ("22.425", "1.500", "0.638", "24.563", {"TEA": "0.000", "POT": "0.563"}),
}


@pytest_asyncio.fixture
async def office(database_url: str) -> AsyncIterator[Office]:
    async with running_shop(database_url, channels=SETTINGS) as shop:
        made = Office(shop)
        for category in ("standard", "food", "shipping"):
            await made.set(CATEGORY, code=category, name=category.title())
        for sku, prices in PRICES.items():
            await made.sell(sku, prices)
        await made.set(TAXED, productId=made.products["TEA"], taxCategory="food")
        for channel, (money, country, _) in CHANNELS.items():
            await made.set(ZONE, code=channel, name=country, places=[country])
            for category, rate_ppm in TAXES[channel].items():
                await made.tax(channel, category, rate_ppm)
            price = {"amount": SHIPPING[channel], "currency": money}
            await made.ship(channel, "post", {"price": price})
        yield made
        assert await made.till.audit() == []


async def buy(office: Office, channel: str) -> dict[str, Any]:
    wish = {
        "lines": office.lines(TEA=3, POT=1),
        "contact": {"email": "lin@example.org"},
        "shippingAddress": {"line1": "1", "city": "x", "country": CHANNELS[channel][1]},
        "shippingMethod": "post",
        "payment": [{"provider": KEY}],
        "idempotencyKey": str(uuid4()),
    }
    headers = {"Koi-Channel": channel}
    answer = await office.shop.graphql(PLACE, {"input": wish}, headers=headers)
    assert "errors" not in answer, answer
    assert answer["data"]["done"]["userErrors"] == []
    order: dict[str, Any] = answer["data"]["done"]["order"]
    return order


async def refund(office: Office, order: dict[str, Any], **given: Any) -> dict[str, Any]:
    wish = {"orderId": order["id"], "idempotencyKey": str(uuid4())} | given
    done = await office.till.staff(REFUND, **wish)
    assert done["userErrors"] == []
    refunded: dict[str, Any] = done["order"]
    return refunded


@pytest.mark.slow
@pytest.mark.parametrize("channel", CHANNELS)
async def test_the_same_goods_are_bought_in_every_currency(office: Office, channel: str) -> None:
    order = await buy(office, channel)
    subtotal, shipping, tax, total, taxes = EXPECTED[channel]
    money, _, included = CHANNELS[channel]
    assert (order["state"], order["taxIncluded"]) == ("CONFIRMED", included)
    assert order["total"] == {"amount": total, "currency": money}
    assert order["paid"]["amount"] == total
    assert (order["subtotal"]["amount"], order["shipping"]["amount"]) == (subtotal, shipping)
    assert order["tax"]["amount"] == tax
    assert {one["sku"]: one["tax"]["amount"] for one in order["lines"]} == taxes
    of_shipping = [one for one in order["adjustments"] if one["stage"] == "TAX"]
    assert [(one["included"], one["ratePpm"], one["base"]["amount"]) for one in of_shipping] == [
        (included, TAXES[channel]["shipping"], shipping)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("channel", CHANNELS)
async def test_refunding_line_by_line_and_the_shipping_gives_back_all_of_it(
    office: Office, channel: str
) -> None:
    order = await buy(office, channel)
    tea, pot = (one["id"] for one in order["lines"])
    await refund(office, order, lines=[{"lineId": tea, "quantity": 1}])
    await refund(office, order, lines=[{"lineId": pot, "quantity": 1}], shipping=True)
    done = await refund(office, order, lines=[{"lineId": tea, "quantity": 2}])
    assert (
        done["paid"]["amount"]
        == {"CNY": "0.00", "EUR": "0.00", "JPY": "0", "KWD": "0.000"}[order["total"]["currency"]]
    )
    await office.till.check_books()


@pytest.mark.one_database
async def test_a_unit_gives_back_its_share_with_the_tax_on_top(office: Office) -> None:
    """36.88 of 3 units of tea with their tax: 12.29, then 12.29, and the last one 12.30."""
    order = await buy(office, "eu")
    tea = order["lines"][0]
    assert tea["total"] == {"amount": "36.88"}
    left = []
    for _ in range(3):
        done = await refund(office, order, lines=[{"lineId": tea["id"], "quantity": 1}])
        left.append(done["paid"]["amount"])
    assert left == ["71.95", "59.66", "47.36"]


@pytest.mark.slow
@pytest.mark.one_database
@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_price_with_tax_and_shipping_is_worked_out_again_from_what_is_kept(
    office: Office, channel: str
) -> None:
    order = await buy(office, channel)
    async with office.shop.context(viewer=STAFF) as ctx:
        replayed = await replay(ctx, order["id"])
    assert replayed is not None
    assert (replayed.is_same, replayed.differences) == (True, ())


async def test_a_line_tells_its_tax_in_the_readers_language(office: Office) -> None:
    order_id = decode(OrderId, (await buy(office, "eu"))["id"])
    order = await office.till.order(order_id)
    quantities = {line.id: line.quantity for line in order.lines}
    taxes = {
        locale: [
            one.sentence
            for one in explain(order.price, quantities, [Locale(locale)])
            if one.stage == "tax"
        ]
        for locale in ("en", "zh-Hans")
    }
    assert taxes["en"][0] == "VAT food adds €2.41: 7\u00a0% of €34.47."
    assert taxes["zh-Hans"][0] == "VAT food：按 €34.47 的 7\u00a0% 加 €2.41。"
