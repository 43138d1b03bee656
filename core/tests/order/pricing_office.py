"""A shop in four channels, short words for what its staff set of prices, and for its buyers."""

from typing import Any
from uuid import uuid4

from core.tests.payment.till import KEY, Till

from koipond.catalog.service import save_products
from koipond.catalog.types import ProductDraft, Saved, Telling, VariantDraft
from koipond.kernel.ids import MemberId, OrderId, ProductId, VariantId, decode, encode, new_id
from koipond.kernel.money import currency, parse_amount
from koipond.kernel.viewer import GUEST, Viewer, ViewerKind
from koipond.settings import ChannelSettings
from koipond.stock.service import receive
from koipond.stock.types import StockReceipt
from koipond_sdk.testing import STAFF, RunningShop

# {channel: (currency, country, whether prices include tax)}
CHANNELS = {
    "cn": ("CNY", "CN", True),
    "eu": ("EUR", "DE", False),
    "jp": ("JPY", "JP", True),
    "kw": ("KWD", "KW", False),
}
SETTINGS = tuple(
    ChannelSettings(
        code=code,
        name=code,
        currencies=(money,),
        locales=("en", "zh-Hans"),
        country=country,
        prices_include_tax=included,
    )
    for code, (money, country, included) in CHANNELS.items()
)

ZONE = "mutation($input: SetZoneInput!) { done: setZone(input: $input) { %s } }"
CATEGORY = "mutation($input: SetTaxCategoryInput!) { done: setTaxCategory(input: $input) { %s } }"
RATE = "mutation($input: AddTaxRateInput!) { done: addTaxRate(input: $input) { %s } }"
END = "mutation($input: EndTaxRateInput!) { done: endTaxRate(input: $input) { %s } }"
REMOVE = "mutation($input: RemoveTaxRateInput!) { done: removeTaxRate(input: $input) { %s } }"
METHOD = "mutation($input: SetShippingMethodInput!) { done: setShippingMethod(input: $input) {%s} }"
CHANNEL = "mutation($input: SetChannelInput!) { done: setChannel(input: $input) { %s } }"
RULE = "mutation($input: SetPriceRuleInput!) { done: setPriceRule(input: $input) { %s } }"
UNRULE = "mutation($input: RemovePriceRuleInput!) { done: removePriceRule(input: $input) { %s } }"
WEIGHT = "mutation($input: SetVariantWeightInput!) { done: setVariantWeight(input: $input) { %s } }"
TAXED = (
    "mutation($input: SetProductTaxCategoryInput!)"
    " { done: setProductTaxCategory(input: $input) { %s } }"
)
GROUP = "mutation($input: SetMemberGroupInput!) { done: setMemberGroup(input: $input) { %s } }"
GROUPS = (
    "mutation($input: ChangeMemberGroupsInput!) { done: changeMemberGroups(input: $input) { %s } }"
)
ERRORS = "userErrors { code message field }"


class Office:
    """What staff of `shop` do, by the API; `ids` of variants and products by sku."""

    def __init__(self, shop: RunningShop) -> None:
        self.shop = shop
        self.till = Till(shop)
        self.variants: dict[str, str] = {}
        self.products: dict[str, str] = {}

    async def do(self, document: str, **given: Any) -> list[dict[str, Any]]:
        """Send a mutation as staff; returns what it is refused by."""
        done = await self.till.staff(document % ERRORS, **given)
        errors: list[dict[str, Any]] = done["userErrors"]
        return errors

    async def set(self, document: str, **given: Any) -> None:
        """Send a mutation that must not be refused."""
        assert await self.do(document, **given) == []

    async def sell(self, sku: str, prices: dict[str, str], *, units: int = 1_000) -> None:
        """Put a product of one variant on the shelf: {channel: what it costs there}."""
        for channel, price in prices.items():
            async with self.shop.context(viewer=STAFF, channel=channel) as ctx:
                code = currency(ctx.scope.currency)
                variant = VariantDraft(sku=sku, price_minor=parse_amount(price, code).amount_minor)
                telling = Telling(
                    locale=ctx.scope.locales[0], channel_id=ctx.scope.channel_id, currency=code
                )
                draft = ProductDraft(slug=sku.lower(), name=sku, variants=(variant,))
                (saved,) = await save_products(ctx, [draft], telling)
                assert isinstance(saved, Saved)
        async with self.shop.context(viewer=STAFF) as ctx:
            receipt = StockReceipt(variant_id=saved.variants[sku], quantity=units)
            await receive(ctx, [receipt])
        self.variants[sku] = encode(VariantId, saved.variants[sku])
        self.products[sku] = encode(ProductId, saved.product_id)

    async def tax(self, zone: str, category: str, rate_ppm: int, **given: Any) -> None:
        """Say what a category is taxed in a zone."""
        label = [{"locale": "en", "text": f"VAT {category}"}]
        await self.set(RATE, zone=zone, category=category, ratePpm=rate_ppm, label=label, **given)

    async def ship(self, channel: str, code: str, *rates: dict[str, Any]) -> None:
        """Let parcels of a channel go by a method."""
        name = [{"locale": "en", "text": code.title()}]
        await self.set(METHOD, channel=channel, code=code, name=name, rates=list(rates))

    def lines(self, **units: int) -> list[dict[str, Any]]:
        """Return lines of an order: {sku: units}, with _ in the place of -."""
        return [
            {"variantId": self.variants[sku.replace("_", "-")], "quantity": count}
            for sku, count in units.items()
        ]


EU = {"Koi-Channel": "eu"}
EUR = {"currency": "EUR"}
VARIANT = """query($id: ID!) { node(id: $id) { ... on Variant { price { amount }
  offer { price { amount } was { amount } origin } grams } } }"""
ADD = """mutation($input: AddToCartInput!) { done: addToCart(input: $input) {
  token userErrors { code } } }"""
CART = """order { subtotal { amount } shipping { amount } tax { amount } total { amount }
  availableShippingMethods { code price { amount } } problems { code message field }
  adjustments { stage amount { amount } } lines { unitPrice { amount } tax { amount } } }"""
CHECKOUT = (
    "mutation($input: SetCheckoutInput!) { done: setCheckout(input: $input) {"
    f" {CART} userErrors {{ code message field }} }} }}"
)
PLACE = (
    "mutation($input: PlaceOrderInput!) { done: placeOrder(input: $input) {"
    " order { id state tax { amount } total { amount } priceTrace { sentence } }"
    " userErrors { code message field } } }"
)


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount} | EUR


async def ask(
    office: Office, document: str, *, viewer: Viewer = GUEST, **given: Any
) -> dict[str, Any]:
    answer = await office.shop.graphql(document, {"input": given}, headers=EU, viewer=viewer)
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["done"]
    return payload


async def place(office: Office, *, viewer: Viewer = GUEST, **given: Any) -> dict[str, Any]:
    wish = {
        "contact": {"email": "lin@example.org"},
        "payment": [{"provider": KEY}],
        "idempotencyKey": str(uuid4()),
    }
    return await ask(office, PLACE, viewer=viewer, **(wish | given))


async def seen(office: Office, sku: str = "TEA", *, viewer: Viewer = GUEST) -> dict[str, Any]:
    given = {"id": office.variants[sku]}
    answer = await office.shop.graphql(VARIANT, given, headers=EU, viewer=viewer)
    found: dict[str, Any] = answer["data"]["node"]
    return found


async def refused(office: Office, document: str, code: str, /, **given: Any) -> str:
    """Assert that a mutation is refused and changes nothing; returns what it says."""
    before = await office.shop.snapshot()
    (error,) = await office.do(document, **given)
    assert error["code"] == code
    assert await office.shop.snapshot() == before
    message: str = error["message"]
    return message


async def member(office: Office) -> tuple[Viewer, str]:
    """Return somebody who has ordered once, and their outside id."""
    placed = await place(office, lines=office.lines(TEA=1))
    order = await office.till.order(decode(OrderId, placed["order"]["id"]))
    assert order.member_id is not None
    viewer = Viewer(kind=ViewerKind.MEMBER, id=order.member_id)
    return viewer, encode(MemberId, order.member_id)


STAFF_VIEWER = Viewer(kind=ViewerKind.STAFF, id=new_id(), permissions=frozenset({"*"}))


def cny(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


async def tax_europe(office: Office) -> dict[str, str]:
    """Tax 19 % in Germany and 20 % in France; returns {country: the rate's id}."""
    await office.set(CATEGORY, code="standard", name="Standard")
    for country, rate_ppm in (("DE", 190_000), ("FR", 200_000)):
        zone = country.lower()
        await office.set(ZONE, code=zone, name=country, places=[country])
        await office.tax(zone, "standard", rate_ppm)
    answer = await office.shop.graphql("{ taxRates { id zone } }", viewer=STAFF_VIEWER, admin=True)
    return {one["zone"].upper(): one["id"] for one in answer["data"]["taxRates"]}


async def ship_europe(office: Office) -> None:
    """Let up to 2 kg go to Germany for 4.90, and anything anywhere for 15.00, free from 100.00."""
    await office.set(ZONE, code="de", name="Germany", places=["DE"])
    await office.ship("eu", "post", {"price": eur("4.90"), "zone": "de", "gramsMax": 2_000})
    await office.ship("eu", "courier", {"price": eur("15.00"), "freeFrom": "100.00"})


async def offered(office: Office, token: str, country: str) -> dict[str, str]:
    """Return {method: what it costs} of those that a cart may choose from there."""
    address = {"line1": "1", "city": "x", "country": country}
    cart = (await ask(office, CHECKOUT, token=token, shippingAddress=address))["order"]
    return {one["code"]: one["price"]["amount"] for one in cart["availableShippingMethods"]}
