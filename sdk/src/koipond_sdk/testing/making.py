"""What a test begins with, in one word each: a product, a member, an order that is paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from msgspec import Struct

from koipond.catalog.types import Saved
from koipond.kernel.ids import OrderId, VariantId, decode, encode
from koipond.kernel.viewer import GUEST, Viewer, ViewerKind
from koipond.member import service as members
from koipond.member.types import EMAIL
from koipond.payment.sandbox import KEY
from koipond_sdk.testing.actors import STAFF

if TYPE_CHECKING:
    from koipond_sdk.testing.shop import RunningShop

_ORDER = "id number state total { amount currency }"
_ERRORS = "userErrors { code message field }"
_PLACE = f"""mutation($input: PlaceOrderInput!) {{
  done: placeOrder(input: $input) {{ token order {{ {_ORDER} }} {_ERRORS} }}
}}"""
_PAY = f"""mutation($input: PayOrderInput!) {{
  done: payOrder(input: $input) {{ token order {{ {_ORDER} }} {_ERRORS} }}
}}"""
_CANCEL = f"""mutation($input: CancelOrderInput!) {{
  done: cancelOrder(input: $input) {{ token order {{ {_ORDER} }} {_ERRORS} }}
}}"""
_REFUND = f"""mutation($input: RefundOrderInput!) {{
  done: refundOrder(input: $input) {{ order {{ {_ORDER} }} {_ERRORS} }}
}}"""


class MadeOrder(Struct, frozen=True, kw_only=True):
    """An order as its buyer was told of it. outside: its id as the API has it. token: the buyer's.

    total: in major units of `currency`, such as "20.00". state: PLACED, or CONFIRMED once paid.
    """

    id: OrderId
    outside: str
    number: str
    state: str
    total: str
    currency: str
    token: str
    buyer: Viewer


class Refusal(Exception):
    """What was to be made was refused; `codes` of the answer's userErrors."""

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        super().__init__("; ".join(f"{one['code']}: {one['message']}" for one in errors))
        self.codes = [one["code"] for one in errors]


class Factory:
    """Makes what a test begins with, by the doors that buyers and staff use."""

    def __init__(self, shop: RunningShop) -> None:
        self.shop = shop

    async def product(self, sku: str = "TEA-1", **given: Any) -> Saved:
        """Put a product of one variant on the shelf; see `RunningShop.make_product`."""
        return await self.shop.make_product(sku, **given)

    async def variant(self, sku: str = "TEA-1", **given: Any) -> str:
        """Put a product of one variant on the shelf; returns that variant's id for the API."""
        made = await self.product(sku, **given)
        return encode(VariantId, made.variants[sku])

    async def member(self, email: str = "lin@example.org", *, name: str = "Lin") -> Viewer:
        """Return the registered member of an e-mail address, who is logged in; new if need be."""
        async with self.shop.context() as ctx:
            known = await members.take_in(ctx, [(EMAIL, email)], name=name)
        return Viewer(kind=ViewerKind.MEMBER, id=known.member_id)

    async def order(
        self, lines: Mapping[str, int], *, by: Viewer = GUEST, pay: str | None = None, **given: Any
    ) -> MadeOrder:
        """Place an order. Raises Refusal.

        lines: {variant's id for the API: quantity}. pay: what the sandbox is to do, see
        docs/sandbox.md; None: nothing is paid yet. given: what else `placeOrder` takes, such as
        `plugins` or `couponCodes`; `lines` as it takes them, where lines have plugins' input.
        """
        told = {
            "lines": [{"variantId": key, "quantity": units} for key, units in lines.items()],
            "contact": {"name": "Lin", "email": "lin@example.org"},
            "idempotencyKey": str(uuid4()),
            **({} if pay is None else {"payment": [_tender(pay)]}),
        }
        return await self._ask(_PLACE, told | given, by)

    async def paid_order(
        self, lines: Mapping[str, int], *, by: Viewer = GUEST, **given: Any
    ) -> MadeOrder:
        """Place an order and pay it, and do what follows, as a worker does. Raises Refusal."""
        made = await self.order(lines, by=by, pay="captured", **given)
        await self.shop.work()
        return made

    async def pay(self, order: MadeOrder, *, outcome: str = "captured") -> MadeOrder:
        """Pay an order that is placed. Raises Refusal."""
        told = {
            "orderId": order.outside,
            "token": order.token,
            "idempotencyKey": str(uuid4()),
            **_tender(outcome),
        }
        return await self._ask(_PAY, told, order.buyer)

    async def cancel(self, order: MadeOrder) -> MadeOrder:
        """Cancel an order as its buyer. Raises Refusal."""
        told = {"orderId": order.outside, "token": order.token}
        return await self._ask(_CANCEL, told, order.buyer)

    async def refund(self, order: MadeOrder, **given: Any) -> None:
        """Give all of an order's money back as staff. Raises Refusal.

        given: what else `refundOrder` takes; `lines` or a smaller `amount` for a part of it.
        """
        told: dict[str, Any] = {
            "orderId": order.outside,
            "idempotencyKey": str(uuid4()),
            "amount": {"amount": order.total, "currency": order.currency},
        }
        if "lines" in given:
            del told["amount"]
        await self._done(_REFUND, told | given, STAFF, admin=True)

    async def _ask(self, document: str, told: Mapping[str, Any], by: Viewer) -> MadeOrder:
        done = await self._done(document, told, by)
        order = done["order"]
        return MadeOrder(
            id=decode(OrderId, order["id"]),
            outside=order["id"],
            number=order["number"],
            state=order["state"],
            total=order["total"]["amount"],
            currency=order["total"]["currency"],
            token=done["token"] or str(told.get("token", "")),
            buyer=by,
        )

    async def _done(
        self, document: str, told: Mapping[str, Any], by: Viewer, *, admin: bool = False
    ) -> dict[str, Any]:
        answer = await self.shop.graphql(document, {"input": told}, viewer=by, admin=admin)
        assert "errors" not in answer, answer
        done: dict[str, Any] = answer["data"]["done"]
        if done["userErrors"]:
            raise Refusal(done["userErrors"])
        return done


def _tender(outcome: str) -> dict[str, Any]:
    return {"provider": KEY, "data": [{"key": "outcome", "value": outcome}]}
