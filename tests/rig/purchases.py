"""Everything that can be done with a purchase, in any order, against a model of a few lines.

A Hypothesis state machine: it looks for a sequence of acts after which the shop is not what the
model says, and prints the shortest one that it finds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hypothesis import strategies as some
from hypothesis.stateful import Bundle, initialize, invariant, multiple, rule
from msgspec import Struct
from tests.rig.auditing import at_rest, everything_holds
from tests.rig.buying import Reply, Storefront, buyer, key
from tests.rig.playing import Machine

from koipond.kernel.ids import VariantId, encode
from koipond.kernel.worker import Worker
from koipond.stock import service as stock
from koipond_sdk.testing import STAFF, RunningShop, running_shop

T = TypeVar("T")

SKUS = ("TEA-1", "TEA-2")
PRICES = {"TEA-1": 10_00, "TEA-2": 3_33}
STOCK = 6
WINDOW = timedelta(minutes=30)
ADJUST = """mutation($input: AdjustStockInput!) {
  done: adjustStock(input: $input) { userErrors { code } }
}"""
SET_PRICE = """mutation($input: SetPriceInput!) {
  done: setPrice(input: $input) { userErrors { code } }
}"""

skus = some.sampled_from(SKUS)
quantities = some.integers(1, 4)
# How it is paid at once, if at all: the sandbox's switch.
payments = some.sampled_from([None, "captured", "declined"])


class CartModel(Struct):
    """A cart as the model knows it; `ready` once it has a contact."""

    token: str
    lines: dict[str, int] = {}
    ready: bool = False
    order: str = ""


class OrderModel(Struct):
    """An order as the model knows it."""

    id: str
    token: str
    lines: dict[str, int]
    state: str
    placed_at: datetime


class Asked(Struct, frozen=True):
    """A request that was answered, to be sent again."""

    name: str
    given: dict[str, Any]
    reply: Reply


class Purchases(Machine):
    """Made anew for each sequence."""

    carts = Bundle("carts")
    orders = Bundle("orders")
    asked = Bundle("asked")

    @initialize()
    def open(self) -> None:
        """Open a shop with two products."""
        self.stack = AsyncExitStack()
        self.known: dict[str, OrderModel] = {}
        self.free = dict.fromkeys(SKUS, STOCK)
        self.prices = dict(PRICES)
        self.do(self._open())

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for what the shop does."""
        return self.loop.run_until_complete(work)

    async def _open(self) -> None:
        url = await type(self).open_database()
        self.shop: RunningShop = await self.stack.enter_async_context(running_shop(url))
        self.front = Storefront(self.shop.http)
        self.worker = Worker(self.shop.shop, chance=lambda: 0.0)
        self.variants = {}
        for sku in SKUS:
            price = f"{PRICES[sku] / 100:.2f}"
            made = await self.shop.make_product(sku, stock=STOCK, price=price)
            self.variants[sku] = encode(VariantId, made.variants[sku])

    @rule(target=carts, sku=skus, quantity=quantities)
    def begin_cart(self, sku: str, quantity: int) -> CartModel:
        """Put the first units into a new cart."""
        reply = self._add(None, sku, quantity)
        assert reply.outcome == "CART"
        assert reply.token is not None
        return CartModel(token=reply.token, lines={sku: quantity})

    @rule(cart=carts, sku=skus, quantity=quantities)
    def add(self, cart: CartModel, sku: str, quantity: int) -> None:
        """Put more into a cart."""
        reply = self._add(cart.token, sku, quantity)
        if cart.order:
            assert reply.outcome == "CART_ALREADY_PLACED"
            return
        assert reply.outcome == "CART"
        cart.lines = {**cart.lines, sku: cart.lines.get(sku, 0) + quantity}
        self._check_lines(reply, cart.lines)

    def _add(self, token: str | None, sku: str, quantity: int) -> Reply:
        given = {"token": token, "variantId": self.variants[sku], "quantity": quantity}
        return self.do(self.front.ask("addToCart", **given))

    @rule(cart=carts)
    def check_out(self, cart: CartModel) -> None:
        """Say who buys."""
        reply = self.do(self.front.ask("setCheckout", token=cart.token, contact=buyer()))
        assert reply.outcome == ("CART_ALREADY_PLACED" if cart.order else "CART")
        cart.ready = True

    @rule(target=asked, cart=carts, pays=payments)
    def place_cart(self, cart: CartModel, pays: str | None) -> Asked:
        """Place a cart, with a key of its own."""
        given = {"token": cart.token, "idempotencyKey": key(), **_paying(pays)}
        reply = self.do(self.front.ask("placeOrder", **given))
        if cart.order:
            expected = "CART_ALREADY_PLACED"
        elif not cart.ready:
            expected = "CHECKOUT_INCOMPLETE"
        else:
            expected = self._expected(cart.lines, pays)
        assert reply.outcome == expected, reply
        if reply.order is not None and not cart.order:
            cart.order = self._placed(reply, cart.lines)
        return Asked("placeOrder", given, reply)

    @rule(target=asked, sku=skus, quantity=some.integers(1, 8), pays=payments)
    def place_lines(self, sku: str, quantity: int, pays: str | None) -> Asked:
        """Place without a cart."""
        lines = [{"variantId": self.variants[sku], "quantity": quantity}]
        given = {"lines": lines, "contact": buyer(), "idempotencyKey": key(), **_paying(pays)}
        reply = self.do(self.front.ask("placeOrder", **given))
        assert reply.outcome == self._expected({sku: quantity}, pays), reply
        if reply.order is not None:
            self._placed(reply, {sku: quantity})
        return Asked("placeOrder", given, reply)

    @rule(asked=asked)
    def ask_again(self, asked: Asked) -> None:
        """Repeat a request with its key: one that was answered with an order answers with it."""
        if asked.reply.order is None:
            return
        reply = self.do(self.front.ask(asked.name, **asked.given))
        assert reply.made["id"] == asked.reply.made["id"]
        assert reply.made["state"] == self.known[reply.made["id"]].state

    @rule(target=asked, data=some.data(), pays=some.sampled_from(["captured", "declined"]))
    def pay(self, data: some.DataObject, pays: str) -> Any:
        """Pay any order that there is."""
        order = self._any_order(data)
        if order is None:
            return multiple()
        (tender,) = _paying(pays)["payment"]
        given = {"orderId": order.id, "token": order.token, "idempotencyKey": key(), **tender}
        reply = self.do(self.front.ask("payOrder", **given))
        expected = {
            "PLACED": "CONFIRMED" if pays == "captured" else "PAYMENT_DECLINED",
            "CONFIRMED": "CONFIRMED",
        }.get(order.state, "ORDER_NOT_PAYABLE")
        if order.state == "PLACED" and self.shop.clock.now() >= order.placed_at + WINDOW:
            expected = "PAYMENT_WINDOW_OVER"
        assert reply.outcome == expected, (reply, order)
        if reply.outcome == "CONFIRMED":
            order.state = "CONFIRMED"
        return Asked("payOrder", given, reply)

    @rule(data=some.data())
    def cancel(self, data: some.DataObject) -> None:
        """Cancel any order that there is."""
        order = self._any_order(data)
        if order is None:
            return
        given = {"orderId": order.id, "token": order.token}
        reply = self.do(self.front.ask("cancelOrder", **given))
        if order.state == "EXPIRED":
            assert reply.outcome == "ORDER_NOT_CANCELLABLE"
            return
        assert reply.outcome == "CANCELLED", (reply, order)
        if order.state != "CANCELLED":
            self._give_back(order)
        order.state = "CANCELLED"

    @rule(sku=skus, delta=some.integers(-5, 5).filter(bool))
    def count(self, sku: str, delta: int) -> None:
        """Correct the stock."""
        given = {"variantId": self.variants[sku], "delta": delta, "reference": "count"}
        given["idempotencyKey"] = key()
        refused = self._staff(ADJUST, given)
        if self.free[sku] + delta < 0:
            assert refused == ["STOCK_PROMISED"]
            return
        assert refused == []
        self.free[sku] += delta

    @rule(sku=skus, minor=some.integers(1, 50_00))
    def set_price(self, sku: str, minor: int) -> None:
        """Change a price."""
        given = {"variantId": self.variants[sku], "channel": "main", "currency": "EUR"}
        assert self._staff(SET_PRICE, {**given, "amount": f"{minor / 100:.2f}"}) == []
        self.prices[sku] = minor

    @rule(minutes=some.sampled_from([1, 5, 29, 31]))
    def wait(self, minutes: int) -> None:
        """Let time go by."""
        self.shop.clock.advance(minutes=minutes)

    @rule()
    def work(self) -> None:
        """Do all that is due; an order whose window is over is closed, and no other."""
        self.do(self._drain())
        for order in self.known.values():
            late = self.shop.clock.now() >= order.placed_at + WINDOW
            if order.state == "PLACED" and late:
                order.state = "EXPIRED"
                self._give_back(order)

    async def _drain(self) -> None:
        await self.worker.run_once()
        # What an order let go of just now would wait for the next tick.
        async with self.shop.context() as ctx:
            while await stock.give_back(ctx):
                pass

    @invariant()
    def the_shop_is_what_the_model_says(self) -> None:
        """Units that can be had, and the state of every order."""
        if hasattr(self, "variants"):
            self.do(self._compare())

    async def _compare(self) -> None:
        rows = await self.shop.rows("order")
        assert Counter(row["state"].upper() for row in rows) == Counter(
            order.state for order in self.known.values()
        )
        taken = await self.shop.rows("quota")
        assert sum(row["capacity"] - row["taken"] for row in taken) == sum(self.free.values())

    def teardown(self) -> None:
        """At the end everything that must hold does."""
        if hasattr(self, "variants"):
            self.do(everything_holds(self.shop))
            self.do(at_rest(self.shop.shop))
        if hasattr(self, "stack"):
            self.do(self.stack.aclose())

    def _expected(self, lines: dict[str, int], pays: str | None) -> str:
        if any(quantity > self.free[sku] for sku, quantity in lines.items()):
            return "INSUFFICIENT_STOCK"
        return {None: "PLACED", "captured": "CONFIRMED"}.get(pays, "PAYMENT_DECLINED")

    def _placed(self, reply: Reply, lines: dict[str, int]) -> str:
        """Note an order and what it costs; its units are gone."""
        order = reply.made
        total = sum(self.prices[sku] * quantity for sku, quantity in lines.items())
        assert order["total"]["amount"] == f"{total // 100}.{total % 100:02}"
        self._check_lines(reply, lines)
        assert reply.token is not None
        self.known[order["id"]] = OrderModel(
            id=order["id"],
            token=reply.token,
            lines=dict(lines),
            state=order["state"],
            placed_at=self.shop.clock.now(),
        )
        for sku, quantity in lines.items():
            self.free[sku] -= quantity
        return str(order["id"])

    def _give_back(self, order: OrderModel) -> None:
        for sku, quantity in order.lines.items():
            self.free[sku] += quantity

    def _any_order(self, data: some.DataObject) -> OrderModel | None:
        if not self.known:
            return None
        return self.known[data.draw(some.sampled_from(sorted(self.known)))]

    def _staff(self, document: str, given: dict[str, Any]) -> list[str]:
        variables = {"input": given}
        answer = self.do(self.shop.graphql(document, variables, viewer=STAFF, admin=True))
        return [error["code"] for error in answer["data"]["done"]["userErrors"]]

    @staticmethod
    def _check_lines(reply: Reply, lines: dict[str, int]) -> None:
        assert {line["sku"]: line["quantity"] for line in reply.made["lines"]} == lines


def _paying(pays: str | None) -> dict[str, Any]:
    if pays is None:
        return {}
    data = [{"key": "outcome", "value": pays}]
    return {"payment": [{"provider": "sandbox", "data": data}]}
