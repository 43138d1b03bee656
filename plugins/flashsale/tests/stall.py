"""A shop with flash sales: short words for what the tests do."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from core.tests.payment.till import PAYLOAD, Till, codes, tender

from koipond.duties import audits_of
from koipond.kernel.ids import VariantId, encode
from koipond.kernel.invariants import Finding, run_audits
from koipond.kernel.viewer import GUEST
from koipond.member import service as members
from koipond.member.types import Contact
from koipond_flashsale.tables import flashsale_round
from koipond_sdk import Viewer, ViewerKind
from koipond_sdk.testing import RunningShop
from koipond_sdk.testing.clock import START

_ROUND = """round { id state price { amount currency } was { amount } units free limitPerMember
  startsAt endsAt serverNow paymentWindowMinutes version variant { sku }
} userErrors { __typename code message field }"""
SCHEDULE, ADD, END = (
    f"mutation($input: {kind}Input!) {{ done: {name}(input: $input) {{ {_ROUND} }} }}"
    for name, kind in (
        ("scheduleFlashSale", "FlashSaleSchedule"),
        ("addFlashSaleUnits", "FlashSaleAddUnits"),
        ("endFlashSale", "FlashSaleEnd"),
    )
)
PLACE = f"mutation($input: PlaceOrderInput!) {{ done: placeOrder(input: $input) {{ {PAYLOAD} }} }}"
ROUNDS = """{ flashSaleRounds {
  state price { amount currency } was { amount } startsAt endsAt serverNow left limitPerMember
  membersOnly variant { sku }
} }"""
OFFER = """query($id: ID!) { node(id: $id) { ... on Variant {
  offer { price { amount } was { amount } origin endsAt }
  flashSale { state price { amount } left membersOnly }
} } }"""


def at(**after: float) -> str:
    """Return an instant after the tests begin, as it is written in GraphQL."""
    return (START + timedelta(**after)).isoformat()


def read(instant: str) -> datetime:
    return datetime.fromisoformat(instant)


class Stall(Till):
    """One variant, TEA-1 of 10.00 with 20 units, that is sold for 6.00 from time to time."""

    tea: str

    @classmethod
    async def open(cls, shop: RunningShop) -> "Stall":
        """Put the tea on the shelf."""
        stall = cls(shop)
        made = await shop.make_product("TEA-1", price="10.00", stock=20)
        stall.tea = encode(VariantId, made.variants["TEA-1"])
        return stall

    async def schedule(self, **given: Any) -> dict[str, Any]:
        """Ask for a round of 5 units for an hour from now on; returns the payload."""
        wish = {
            "variantId": self.tea,
            "price": {"amount": "6.00", "currency": "EUR"},
            "units": 5,
            "endsAt": at(hours=1),
            "idempotencyKey": str(uuid4()),
        }
        return await self.staff(SCHEDULE, **(wish | given))

    async def begin(self, **given: Any) -> str:
        """Schedule a round; returns its id."""
        payload = await self.schedule(**given)
        assert payload["userErrors"] == [], payload
        return str(payload["round"]["id"])

    async def add(self, round_id: str, units: int, **given: Any) -> dict[str, Any]:
        wish = {"roundId": round_id, "units": units, "idempotencyKey": str(uuid4())}
        return await self.staff(ADD, **(wish | given))

    async def end(self, round_id: str) -> dict[str, Any]:
        return await self.staff(END, roundId=round_id)

    async def refused(self, asked: Awaitable[dict[str, Any]]) -> dict[str, str]:
        """Return the one refusal of a request, which changed nothing."""
        before = await self.shop.snapshot()
        payload = await asked
        (error,) = payload["userErrors"]
        assert await self.shop.snapshot() == before
        return dict(error)

    async def order_of(
        self, quantity: int = 1, *, viewer: Viewer = GUEST, pay: str = "", **given: Any
    ) -> dict[str, Any]:
        """Place an order of the tea; returns what came of it, errors at the top included.

        pay: the sandbox's outcome; "": later.
        """
        wish = {
            "lines": [{"variantId": self.tea, "quantity": quantity}],
            "contact": {"email": f"{uuid4().hex}@example.org"},
            "payment": [tender(outcome=pay)] if pay else [],
            "idempotencyKey": str(uuid4()),
        }
        answer = await self.shop.graphql(PLACE, {"input": wish | given}, viewer=viewer)
        if "errors" in answer:
            return {"order": None, "userErrors": [{"code": str(answer["errors"])}]}
        payload: dict[str, Any] = answer["data"]["done"]
        return payload

    async def offer(self, viewer: Viewer = GUEST) -> dict[str, Any]:
        """Return what a viewer is told of the tea: `offer` and `flashSale`."""
        answer = await self.shop.graphql(OFFER, {"id": self.tea}, viewer=viewer)
        assert "errors" not in answer, answer
        found: dict[str, Any] = answer["data"]["node"]
        return found

    async def rounds(self, viewer: Viewer = GUEST, **headers: str) -> list[dict[str, Any]]:
        answer = await self.shop.graphql(ROUNDS, viewer=viewer, headers=headers)
        assert "errors" not in answer, answer
        found: list[dict[str, Any]] = answer["data"]["flashSaleRounds"]
        return found

    async def free(self) -> tuple[int, list[int]]:
        """Return the free units: of the stock, and of each round, the first one first."""
        quotas = {row["id"]: row for row in await self.shop.rows("quota")}
        rounds = await self.shop.rows(flashsale_round)
        pools = [row["quota_id"] for row in sorted(rounds, key=lambda row: str(row["id"]))]
        own = [quotas.pop(key) for key in pools]
        return sum(map(_free, quotas.values())), [_free(one) for one in own]

    async def settle(self) -> None:
        """Do what is due until what was let go is free again."""
        await self.work()
        await self.pass_time(seconds=5)

    async def audit(self) -> list[Finding]:
        """Return what of all that must hold does not, in core and in the plugin."""
        return await run_audits(self.shop.shop, audits_of(self.shop.shop))


def _free(quota: dict[str, Any]) -> int:
    return int(quota["capacity"] - quota["taken"])


async def make_member(shop: RunningShop) -> Viewer:
    async with shop.context() as ctx:
        key = await members.ensure_buyer(ctx, Contact(email=f"{uuid4().hex}@example.org"))
    return Viewer(kind=ViewerKind.MEMBER, id=key)


def outcome(payload: dict[str, Any]) -> str:
    """Return a refusal's code, else the order's state with its total."""
    refused = codes(payload)
    if refused:
        return str(refused[0])
    return f"{payload['order']['state']} {payload['order']['total']['amount']}"


async def all_at_once(asked: Iterable[Awaitable[dict[str, Any]]]) -> Counter[str]:
    """Return {outcome: how many got it} of requests that are on their way together."""
    return Counter(map(outcome, await asyncio.gather(*asked)))
