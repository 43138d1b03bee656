"""What the bench asks for over GraphQL, and what must come back."""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from koipond.kernel.ids import VariantId, encode

VARIANTS = 3

_PRICE = "price { amount currency }"
_OFFER = "offer { price { amount currency } }"
_PRODUCT = """query q1($slug: String!) {{ product(slug: $slug) {{
  id slug name description variants {{ id sku {wanted} availability {{ state quantityAtMost }} }}
}} }}"""
_PAGE = """query q2($first: Int!) {{ products(first: $first) {{
  nodes {{ id name slug variants {{ id sku {wanted} }} }}
}} }}"""
_CHECKOUT = """mutation m1($variantId: ID!, $email: String!, $key: String!) {
  placeOrder(input: {lines: [{variantId: $variantId, quantity: 1}], idempotencyKey: $key,
    contact: {name: "Lin", email: $email}, payment: {provider: "sandbox"}}) {
    order { state number total { amount currency } } userErrors { code message }
  }
}"""
_FILL = """mutation fill($variantId: ID!) {
  addToCart(input: {variantId: $variantId, quantity: 1}) { token userErrors { code message } }
}"""
_CONTACT = """mutation contact($token: String!, $email: String!) {
  setCheckout(input: {token: $token, contact: {name: "Lin", email: $email}}) {
    order { total { amount } } userErrors { code message }
  }
}"""
_PLACE = """mutation place($token: String!, $key: String!) {
  placeOrder(input: {token: $token, idempotencyKey: $key, payment: {provider: "sandbox"}}) {
    order { state number total { amount currency } } userErrors { code message }
  }
}"""
DOCUMENTS = {
    "q3": "query q3 { __typename }",
    "q1": _PRODUCT.format(wanted=_PRICE),
    "q1_offer": _PRODUCT.format(wanted=_OFFER),
    "q2_20": _PAGE.format(wanted=_PRICE),
    "q2_20_offer": _PAGE.format(wanted=_OFFER),
    "q2_100": _PAGE.format(wanted=_PRICE),
    "m1": _CHECKOUT,
    "m1_cart": "",
}
Post = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]


class Goods(NamedTuple):
    """What can be asked for: {slug: variants} of some products."""

    products: Mapping[str, Sequence[VariantId]]

    def slug(self) -> str:
        """Choose a product."""
        return random.choice(list(self.products))

    def variant(self) -> UUID:
        """Choose a variant."""
        return random.choice(self.products[self.slug()])


async def ask(operation: str, post: Post, goods: Goods) -> None:
    """Ask for one operation, and check that it is answered."""
    match operation.split("_"):
        case "q3", *_:
            assert await post(DOCUMENTS[operation], {}) == {"__typename": "Query"}
        case "q1", *_:
            slug = goods.slug()
            found = (await post(DOCUMENTS[operation], {"slug": slug}))["product"]
            assert found["slug"] == slug
            assert len(found["variants"]) == VARIANTS
        case "q2", first, *_:
            found = await post(DOCUMENTS[operation], {"first": int(first)})
            nodes = found["products"]["nodes"]
            assert [len(one["variants"]) for one in nodes] == [VARIANTS] * int(first)
        case "m1", "cart":
            await _buy_by_cart(post, goods)
        case "m1", *_:
            variant = goods.variant()
            given = {"variantId": encode(VariantId, variant), "floorVariantId": str(variant)}
            given |= {"email": f"{uuid4().hex}@example.org", "key": str(uuid4())}
            _check_bought(await post(_CHECKOUT, given))


async def _buy_by_cart(post: Post, goods: Goods) -> None:
    filled = (await post(_FILL, {"variantId": encode(VariantId, goods.variant())}))["addToCart"]
    assert filled["userErrors"] == []
    token, email = filled["token"], f"{uuid4().hex}@example.org"
    contact = await post(_CONTACT, {"token": token, "email": email})
    assert contact["setCheckout"]["userErrors"] == []
    _check_bought(await post(_PLACE, {"token": token, "key": str(uuid4())}))


def _check_bought(answered: Mapping[str, Any]) -> None:
    bought = answered["placeOrder"]
    assert bought["userErrors"] == [], bought
    assert bought["order"]["state"] == "CONFIRMED"
