"""What staff set of tax and rounding, and what buyers then pay; over GraphQL."""

from collections.abc import Mapping
from typing import Any

import pytest
from core.tests.order.pricing_office import (
    ADD,
    CATEGORY,
    CHANNEL,
    CHECKOUT,
    END,
    EU,
    RATE,
    REMOVE,
    SETTINGS,
    TAXED,
    ZONE,
    Office,
    ask,
    eur,
    place,
    refused,
    tax_europe,
)

from koipond.kernel.ids import OrderId, TaxRateId, decode, encode, new_id
from koipond_sdk.testing import running_shop

pytestmark = pytest.mark.story

CART = "query($token: String!) { cart(token: $token) { total { amount } } }"


async def test_before_there_is_an_address_the_channels_home_decides(office: Office) -> None:
    await tax_europe(office)
    token = (await ask(office, ADD, variantId=office.variants["TEA"], quantity=1))["token"]
    home = (await ask(office, CHECKOUT, token=token))["order"]
    assert (home["tax"]["amount"], home["total"]["amount"]) == ("1.90", "11.90")
    assert home["lines"][0]["tax"] == {"amount": "1.90"}
    totals = {}
    for country in ("FR", "CH"):
        address = {"line1": "1", "city": "x", "country": country}
        cart = (await ask(office, CHECKOUT, token=token, shippingAddress=address))["order"]
        totals[country] = cart["total"]["amount"]
    assert totals == {"FR": "12.00", "CH": "10.00"}
    await office.set(CHANNEL, code="eu", country="FR")
    fresh = (await ask(office, ADD, variantId=office.variants["TEA"], quantity=1))["token"]
    assert (await ask(office, CHECKOUT, token=fresh))["order"]["total"]["amount"] == "12.00"


async def test_an_order_keeps_its_tax_when_the_rate_ends(office: Office) -> None:
    rates = await tax_europe(office)
    placed = await place(office, lines=office.lines(TEA=1))
    await office.set(END, id=rates["DE"], endsAt=office.shop.clock.now().isoformat())
    after = await place(office, lines=office.lines(TEA=1))
    order = await office.till.order(decode(OrderId, placed["order"]["id"]))
    assert (order.total.amount_minor, order.price.tax.amount_minor) == (11_90, 1_90)
    assert after["order"]["total"]["amount"] == "10.00"


async def test_an_order_is_placed_by_the_rate_that_holds_whatever_its_process_believes(
    office: Office,
) -> None:
    """Another process ends a rate; what this one keeps of it is still young enough to be used."""
    rates = await tax_europe(office)
    token = (await ask(office, ADD, variantId=office.variants["TEA"], quantity=1))["token"]
    await place(office, lines=office.lines(TEA=1))
    url = office.shop.settings.database_url
    async with running_shop(url, channels=SETTINGS) as elsewhere:
        await Office(elsewhere).set(END, id=rates["DE"])
    answer = await office.shop.graphql(CART, {"token": token}, headers=EU)
    assert answer["data"]["cart"]["total"] == {"amount": "11.90"}
    placed = await place(office, token=token)
    assert placed["order"]["total"] == {"amount": "10.00"}


async def test_a_total_that_tax_has_changed_since_is_refused(office: Office) -> None:
    await tax_europe(office)
    before = await office.shop.rows("order")
    lines = office.lines(TEA=1)
    done = await place(office, lines=lines, expectedTotal=eur("10.00"))
    assert [one["code"] for one in done["userErrors"]] == ["QUOTE_CHANGED"]
    assert await office.shop.rows("order") == before
    done = await place(office, lines=lines, expectedTotal=eur("11.90"))
    assert done["userErrors"] == []


async def test_products_are_taxed_by_their_category(office: Office) -> None:
    await tax_europe(office)
    await office.set(CATEGORY, code="food", name="Food")
    await office.tax("de", "food", 70_000)
    await office.set(TAXED, productId=office.products["TEA"], taxCategory="food")
    placed = await place(office, lines=office.lines(TEA=1))
    assert placed["order"]["tax"]["amount"] == "0.70"
    await office.set(TAXED, productId=office.products["TEA"], taxCategory=None)
    placed = await place(office, lines=office.lines(TEA=1))
    assert placed["order"]["tax"]["amount"] == "1.90"


async def test_a_channel_rounds_as_it_is_told(office: Office) -> None:
    await office.sell("DOT", {"eu": "0.50"})
    await office.set(ZONE, code="de", name="Germany", places=["DE"])
    await office.set(CATEGORY, code="standard", name="Standard")
    await office.tax("de", "standard", 50_000)
    taxes = []
    for mode, per_unit in (("HALF_AWAY", False), ("HALF_EVEN", False), ("HALF_AWAY", True)):
        rounding = [{"currency": "EUR", "mode": mode, "perUnit": per_unit}]
        await office.set(CHANNEL, code="eu", rounding=rounding)
        # Storefronts see channels as they were at most 5 s ago.
        office.shop.clock.advance(seconds=6)
        placed = await place(office, lines=office.lines(DOT=5))
        taxes.append(placed["order"]["tax"]["amount"])
    # 5 * 0.50 * 5 % = 0.125; of one it is 0.025, five times 0.03.
    assert taxes == ["0.13", "0.12", "0.15"]


async def test_a_rate_that_cannot_be_is_refused_and_changes_nothing(office: Office) -> None:
    rates = await tax_europe(office)
    label = [{"locale": "en", "text": "VAT"}]
    known: Mapping[str, Any] = {
        "zone": "de",
        "category": "standard",
        "ratePpm": 160_000,
        "label": label,
    }

    async def fails(code: str, /, **given: Any) -> str:
        return await refused(office, RATE, code, **{**known, **given})

    words = await fails("TAX_RATE_OUT_OF_RANGE", ratePpm=1_000_001)
    assert words == (
        "A tax of 1000001 ppm is not possible: 0 to 1000000 ppm, which is 100 %. 19 % is 190000."
    )
    words = await fails("TAX_RATE_OVERLAPS")
    assert "190000 ppm holds for standard in de always." in words
    assert "There are: de, fr." in await fails("ZONE_UNKNOWN", zone="mars")
    assert "There are: standard." in await fails("TAX_CATEGORY_UNKNOWN", category="food")
    await fails("TAX_RATE_INVALID", label=[])
    await fails("LOCALE_UNKNOWN", label=[{"locale": "klingon!", "text": "VAT"}])
    unknown = encode(TaxRateId, TaxRateId(new_id()))
    await refused(office, END, "TAX_RATE_UNKNOWN", id=unknown)
    await refused(office, REMOVE, "TAX_RATE_UNKNOWN", id=unknown)
    await refused(office, ZONE, "ZONE_INVALID", code="x", name="X", places=["Germany"])
    await refused(office, CATEGORY, "TAX_CATEGORY_INVALID", code="F D", name="Food")
    product = {"productId": office.products["TEA"], "taxCategory": "food"}
    await refused(office, TAXED, "TAX_CATEGORY_UNKNOWN", **product)
    await refused(office, CHANNEL, "CHANNEL_INVALID", code="eu", country="Germany")
    await refused(office, CHANNEL, "CHANNEL_UNKNOWN", code="moon", country="DE")
    await office.set(REMOVE, id=rates["DE"])
    await office.set(RATE, **known)
