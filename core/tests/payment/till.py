"""A shop at its till: short words for what tests of money do."""

from typing import Any
from uuid import uuid4

from koipond.duties import AUDITS
from koipond.kernel.ids import OrderId, PaymentId, VariantId, decode, encode
from koipond.kernel.invariants import Finding, run_audits
from koipond.kernel.worker import Drained, Worker
from koipond.order import service as orders
from koipond.order.types import Order
from koipond.payment import service as payments
from koipond.payment.sandbox import KEY, Sandbox
from koipond.payment.types import Payment, PaymentProvider, ProviderEvent
from koipond_sdk.testing import STAFF, RunningShop

PAYLOAD = """token order { id state total { amount } due { amount } paid { amount }
  payments { id state amount { amount } authorised { amount } captured { amount }
    refunded { amount } action { key value } }
  lines { id quantity }
} userErrors { __typename code message field }"""
PLACE = f"mutation($input: PlaceOrderInput!) {{ done: placeOrder(input: $input) {{ {PAYLOAD} }} }}"
PAY = f"mutation($input: PayOrderInput!) {{ done: payOrder(input: $input) {{ {PAYLOAD} }} }}"
CANCEL = (
    f"mutation($input: CancelOrderInput!) {{ done: cancelOrder(input: $input) {{ {PAYLOAD} }} }}"
)
WEBHOOK = f"/payments/{KEY}/webhook"


class Till:
    """`shop` and its sandbox. Prices are in EUR; a `buy` is one line of TEA-1 at 100.00."""

    def __init__(self, shop: RunningShop) -> None:
        self.shop = shop
        self.sandbox: Sandbox = shop.shop.providers[PaymentProvider][KEY]
        self.worker = Worker(shop.shop, chance=lambda: 0.0)
        self._tea = ""

    def install(self, sandbox: Sandbox) -> None:
        """Pay with another sandbox from now on."""
        providers: Any = shop_providers(self.shop)
        providers[KEY] = sandbox
        self.sandbox = sandbox

    async def stock(self, *, sku: str = "TEA-1", price: str = "100.00", units: int = 10) -> str:
        """Put a product on the shelf; returns the variant's outside id."""
        made = await self.shop.make_product(sku, price=price, stock=units)
        return encode(VariantId, made.variants[sku])

    async def ask(self, document: str, **given: Any) -> dict[str, Any]:
        """Send a mutation; returns its payload, with no error at the top."""
        answer = await self.shop.graphql(document, {"input": given})
        assert "errors" not in answer, answer
        payload: dict[str, Any] = answer["data"]["done"]
        return payload

    async def staff(self, document: str, **given: Any) -> dict[str, Any]:
        """Send a mutation as staff; returns its payload, with no error at the top."""
        answer = await self.shop.graphql(document, {"input": given}, viewer=STAFF, admin=True)
        assert "errors" not in answer, answer
        payload: dict[str, Any] = answer["data"]["done"]
        return payload

    async def place(
        self, variant: str, *tenders: dict[str, Any], quantity: int = 1, **given: Any
    ) -> dict[str, Any]:
        """Place an order of one line, as a guest, and pay it by these tenders."""
        wish = {
            "lines": [{"variantId": variant, "quantity": quantity}],
            "contact": {"email": "lin@example.org"},
            "payment": list(tenders),
            "idempotencyKey": str(uuid4()),
        }
        return await self.ask(PLACE, **(wish | given))

    async def buy(self, **data: str) -> tuple[OrderId, str]:
        """Place one unit for 100.00 and pay it with these switches; returns its id and token."""
        self._tea = self._tea or await self.stock(units=1_000)
        return await self.buy_of(self._tea, **data)

    async def buy_of(self, variant: str, **data: str) -> tuple[OrderId, str]:
        """Place one unit of a variant and pay it with these switches; returns its id and token."""
        placed = await self.place(variant, tender(**data))
        assert placed["userErrors"] == [], placed
        return decode(OrderId, placed["order"]["id"]), placed["token"]

    async def pay(self, order_id: OrderId, token: str, **given: Any) -> dict[str, Any]:
        """Pay a placed order."""
        wish = {"orderId": encode(OrderId, order_id), "token": token, "provider": KEY}
        return await self.ask(PAY, **(wish | {"idempotencyKey": str(uuid4())} | given))

    async def cancel(self, order_id: OrderId, token: str) -> dict[str, Any]:
        """Cancel an order as its buyer."""
        return await self.ask(CANCEL, orderId=encode(OrderId, order_id), token=token)

    async def order(self, order_id: OrderId) -> Order:
        """Return an order as it is now."""
        async with self.shop.context(viewer=STAFF) as ctx:
            found = await orders.find_any_order(ctx, order_id=order_id)
        assert found is not None
        return found

    async def payments(self, order_id: OrderId) -> list[Payment]:
        """Return the payments of an order."""
        async with self.shop.context(viewer=STAFF) as ctx:
            return await payments.find_payments(ctx, order_id)

    async def payment(self, order_id: OrderId) -> Payment:
        """Return the one payment of an order."""
        (found,) = await self.payments(order_id)
        return found

    async def refunds(self, order_id: OrderId) -> list[tuple[str, int, str]]:
        """Return (state, amount, reason) of an order's refunds."""
        async with self.shop.context(viewer=STAFF) as ctx:
            found = await payments.find_refunds(ctx, order_id)
        return [(one.state.name, one.amount.amount_minor, one.reason.name) for one in found]

    async def work(self) -> Drained:
        """Do what is due now, as a worker does."""
        return await self.worker.run_once()

    async def pass_time(self, **parts: float) -> None:
        """Let time pass, then do what is due."""
        self.shop.clock.advance(**parts)
        await self.work()

    async def post(self, headers: dict[str, str], body: bytes) -> int:
        """Send a notice to the shop; returns the status of its answer."""
        return (await self.shop.http.post(WEBHOOK, headers=headers, content=body)).status_code

    async def send(self, event: ProviderEvent) -> int:
        """Sign a notice now and send it."""
        signed = self.sandbox.sign(event)
        return await self.post(signed.headers, signed.body)

    async def taken(self) -> int:
        """Return how many units of the one quota are taken."""
        (quota,) = await self.shop.rows("quota")
        return int(quota["taken"])

    async def audit(self) -> list[Finding]:
        """Return what of all that must hold does not."""
        return await run_audits(self.shop.shop, AUDITS)

    async def check_books(self) -> None:
        """Assert that ours are the provider's (I4), of all that has an end."""
        for record in self.sandbox.charges:
            async with self.shop.context(viewer=STAFF) as ctx:
                ours = await payments.find_payment(ctx, PaymentId(record.id))
            assert ours is not None
            given = sum(one.amount_minor for one in record.refunds if one.state == "done")
            assert (ours.captured.amount_minor, ours.refunded.amount_minor) == (
                record.result.captured_minor,
                given,
            )


def tender(amount: str | None = None, **data: str) -> dict[str, Any]:
    """Return a way to pay: of EUR, with the sandbox's switches."""
    given: dict[str, Any] = {
        "provider": KEY,
        "data": [{"key": key, "value": value} for key, value in data.items()],
    }
    return given | ({"amount": {"amount": amount, "currency": "EUR"}} if amount else {})


def shop_providers(shop: RunningShop) -> Any:
    return shop.shop.providers[PaymentProvider]


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]
