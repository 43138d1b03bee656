"""How many statements a purchase takes: what an order costs is little else."""

from typing import Any
from uuid import uuid4

import pytest
from core.tests.payment.till import KEY, Till

ADD = "mutation($input: AddToCartInput!) { done: addToCart(input: $input) { token } }"
TELL = "mutation($input: SetCheckoutInput!) { done: setCheckout(input: $input) { token } }"
PLACE = """mutation($input: PlaceOrderInput!) {
  done: placeOrder(input: $input) { order { state } userErrors { code } }
}"""

# SQLite is sent each table's rows in a statement of their own, PostgreSQL those of all tables in
# one. Of these the desk's two (SQLite: three) serve all who ask at the same time.
LINES = {"postgresql": 5, "sqlite": 27}
CART = {"postgresql": 6, "sqlite": 31}
# With what fills the cart and says who buys: at most 25 are allowed.
CHECKOUT = {"postgresql": 11, "sqlite": 36}


def wish(**given: Any) -> dict[str, Any]:
    """Say what a guest orders and pays in one request."""
    return {
        "contact": {"email": f"{uuid4()}@example.org"},
        "payment": [{"provider": KEY}],
        "idempotencyKey": str(uuid4()),
    } | given


async def count(till: Till, **given: Any) -> tuple[str, int]:
    """Place and pay; returns the database, and how many statements that took."""
    with till.shop.count_statements() as sent:
        placed = await till.ask(PLACE, **wish(**given))
    assert placed == {"order": {"state": "CONFIRMED"}, "userErrors": []}
    return till.shop.shop.database.url.get_backend_name(), len(sent)


@pytest.mark.parametrize("lines", [1, 3])
async def test_lines_are_placed_and_paid_in_so_many_statements(till: Till, lines: int) -> None:
    variants = [await till.stock(sku=f"TEA-{number}") for number in range(lines)]
    wanted = [{"variantId": variant, "quantity": 2} for variant in variants]
    await count(till, lines=wanted)
    database, statements = await count(till, lines=wanted)
    assert statements == LINES[database]


async def test_a_cart_is_placed_and_paid_in_so_many_statements(till: Till) -> None:
    variant = await till.stock()
    await count(till, lines=[{"variantId": variant, "quantity": 1}])
    added = await till.ask(ADD, variantId=variant, quantity=2)
    database, statements = await count(till, token=added["token"])
    assert statements == CART[database]


async def test_a_checkout_from_cart_to_paid_order_takes_so_many_statements(till: Till) -> None:
    variant = await till.stock()
    await count(till, lines=[{"variantId": variant, "quantity": 1}])
    with till.shop.count_statements() as sent:
        added = await till.ask(ADD, variantId=variant, quantity=2)
        await till.ask(TELL, token=added["token"], contact={"email": "lin@example.org"})
    database, placing = await count(till, token=added["token"])
    assert len(sent) + placing == CHECKOUT[database]
