"""The shop's counter: short words for what staff do with parcels and returns."""

from typing import Any
from uuid import UUID, uuid4

from core.tests.payment.till import Till, codes, tender

from koipond.kernel.ids import FulfilmentId, OrderId, decode, encode
from koipond_sdk.testing import STAFF

ORDER = """order { id state fulfilmentState returnState total { amount } paid { amount }
  due { amount } holds { name }
  lines { id sku quantity fulfilledQuantity returnedQuantity refundedQuantity total { amount } }
  fulfilments { id method state carrier trackingNumber pickUpCode lines { lineId quantity } }
  returns { id state reason note lines { lineId quantity receivedQuantity acceptedQuantity } }
  refunds { state amount { amount } reason } } userErrors { __typename code message field }"""
ORDER_OF_BUYER = ORDER.replace(" refundedQuantity", "")
# Those that take an idempotency key.
ONCE = {
    "createFulfilment",
    "shipFulfilment",
    "collectFulfilment",
    "requestReturn",
    "inspectReturn",
    "refundReturn",
    "exchangeReturn",
    "placeDraftOrder",
    "editOrder",
    "refundOrder",
    "retryRefund",
}


class Counter:
    """A till, and what happens behind it. Every act answers its payload."""

    def __init__(self, till: Till) -> None:
        self.till = till
        self.staff = STAFF

    async def act(self, mutation: str, **given: Any) -> dict[str, Any]:
        """Send a mutation as staff."""
        return await self.till.staff(_document(mutation, ORDER), **_keyed(mutation, given))

    async def ask(self, mutation: str, **given: Any) -> dict[str, Any]:
        """Send a mutation as whoever holds the token, if one is given."""
        return await self.till.ask(_document(mutation, ORDER_OF_BUYER), **_keyed(mutation, given))

    async def bought(self, quantity: int = 3, *, price: str = "10.00", units: int = 10) -> "Bought":
        """Return a paid order of one line of TEA-1."""
        return await self.buy([(await self.till.stock(price=price, units=units), quantity)])

    async def buy(self, wanted: list[tuple[str, int]], *tenders: dict[str, Any]) -> "Bought":
        """Return a paid order of these (variant, units)."""
        lines = [{"variantId": variant, "quantity": units} for variant, units in wanted]
        placed = await self.till.place("", *(tenders or (tender(),)), lines=lines)
        assert placed["order"]["state"] == "CONFIRMED", placed
        return Bought(self, placed)

    async def on_hand(self) -> int:
        """Return how many units are in the house, all together."""
        return sum(row["on_hand"] for row in await self.till.shop.rows("stock_level"))

    async def events(self, *names: str) -> list[str]:
        """Return which of these events were told, in their order."""
        rows = await self.till.shop.rows("outbox_event")
        told = sorted((row["aggregate_id"], row["seq"], row["name"]) for row in rows)
        return [name for _, _, name in told if name in names]


class Bought:
    """An order that was bought, its token and its lines' outside ids."""

    def __init__(self, counter: Counter, placed: dict[str, Any]) -> None:
        self.counter = counter
        self.id: str = placed["order"]["id"]
        self.key = decode(OrderId, self.id)
        self.token: str = placed["token"]
        self.lines: list[str] = [one["id"] for one in placed["order"]["lines"]]

    def units(self, *quantities: int) -> list[dict[str, Any]]:
        """Return so many units of each line, those of 0 left out."""
        named = zip(self.lines, quantities, strict=False)
        return [{"lineId": line, "quantity": units} for line, units in named if units]

    async def pack(self, *quantities: int, **given: Any) -> dict[str, Any]:
        """Have units packed; none named: all."""
        lines = self.units(*quantities)
        return await self.counter.act("createFulfilment", orderId=self.id, lines=lines, **given)

    async def parcels(self) -> list[str]:
        """Return the ids of its fulfilments, the oldest first."""
        rows = await self.counter.till.shop.rows("fulfilment")
        own = [UUID(str(row["id"])) for row in rows if UUID(str(row["order_id"])) == self.key]
        return [encode(FulfilmentId, FulfilmentId(key)) for key in sorted(own)]

    async def ship(self, *quantities: int) -> dict[str, Any]:
        """Pack units and send them off."""
        assert codes(await self.pack(*quantities)) == []
        for parcel in await self.parcels():
            done = await self.counter.act("shipFulfilment", fulfilmentId=parcel)
        return done

    async def deliver(self, *quantities: int) -> dict[str, Any]:
        """Pack units, send them off, and have them arrive."""
        await self.ship(*quantities)
        for parcel in await self.parcels():
            done = await self.counter.act("deliverFulfilment", fulfilmentId=parcel)
        return done

    async def request(self, *quantities: int, **given: Any) -> dict[str, Any]:
        """Ask to send units back, as the buyer."""
        wish = {"orderId": self.id, "token": self.token, "lines": self.units(*quantities)}
        return await self.counter.ask("requestReturn", **(wish | given))

    async def send_back(self, *quantities: int) -> str:
        """Ask, approve and receive; returns the return's id."""
        asked = await self.request(*quantities)
        assert codes(asked) == [], asked
        key: str = asked["order"]["returns"][-1]["id"]
        for act in ("approveReturn", "receiveReturn"):
            assert codes(await self.counter.act(act, returnId=key)) == []
        return key

    async def take_back(self, *quantities: int, **inspected: int) -> dict[str, Any]:
        """Have units sent back, inspected and paid back; inspected: accepted and restocked."""
        key = await self.send_back(*quantities)
        lines = [
            {"lineId": one["lineId"], **inspected} for one in self.units(*quantities) if inspected
        ]
        done = await self.counter.act("inspectReturn", returnId=key, lines=lines)
        assert codes(done) == [], done
        return await self.counter.act("refundReturn", returnId=key)


def _document(mutation: str, payload: str) -> str:
    kind = f"{mutation[0].upper()}{mutation[1:]}Input!"
    return f"mutation($input: {kind}) {{ done: {mutation}(input: $input) {{ {payload} }} }}"


def _keyed(mutation: str, given: dict[str, Any]) -> dict[str, Any]:
    return ({"idempotencyKey": str(uuid4())} if mutation in ONCE else {}) | given
