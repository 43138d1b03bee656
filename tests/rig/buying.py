"""A storefront as buyers use it, over HTTP or in the test's own process, and what they are told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable
from typing import Any
from uuid import uuid4

import httpx2
from msgspec import Struct

from koipond.front import ADMIN_PATH, STOREFRONT_PATH
from koipond.payment.sandbox import Notice

_ORDER = """
  id number state total { amount }
  lines { id sku quantity unitPrice { amount } total { amount } }
  payments { state captured { amount } }
"""
_PAYLOAD = f"token order {{ {_ORDER} }} userErrors {{ code message }}"
_NAMES = ("addToCart", "updateCartLine", "setCheckout", "placeOrder", "payOrder", "cancelOrder")
DOCUMENTS = {
    name: f"mutation($input: {name[0].upper()}{name[1:]}Input!) "
    f"{{ done: {name}(input: $input) {{ {_PAYLOAD} }} }}"
    for name in _NAMES
}
REFUND = """mutation($input: RefundOrderInput!) {
  done: refundOrder(input: $input) {
    order { id state paid { amount } } userErrors { code message }
  }
}"""
ORDER = (
    f"query($orderId: ID!, $token: String!) "
    f"{{ done: order(id: $orderId, token: $token) {{ {_ORDER} }} }}"
)
CART = f"query($token: String!) {{ done: cart(token: $token) {{ {_ORDER} }} }}"
SANDBOX = {"provider": "sandbox"}

# The connection ended before there was an answer: it has happened or not.
LOST = "LOST"


class Reply(Struct, frozen=True, kw_only=True):
    """What a caller got. outcome: a refusal's code, else the order's state, else LOST."""

    outcome: str
    status: int = 0
    order: dict[str, Any] | None = None
    token: str | None = None
    said: Any = None
    headers: dict[str, str] = {}

    @property
    def made(self) -> dict[str, Any]:
        """The order, of a reply that has one."""
        assert self.order is not None, self
        return self.order


class Storefront:
    """Asks one shop; every answer is told, none raises."""

    def __init__(self, http: httpx2.AsyncClient, *, books: str = "") -> None:
        """books: the file of the shop's sandbox, for who plays the provider."""
        self.http = http
        self.books = books

    async def ask(self, name: str, **given: Any) -> Reply:
        """Call a mutation by its name with its input."""
        return await self.send(DOCUMENTS[name], {"input": given})

    async def place(self, **given: Any) -> Reply:
        """Place lines or a cart, with a key and a contact unless they are given."""
        return await self.ask(
            "placeOrder", **({"idempotencyKey": key(), "contact": buyer()} | given)
        )

    async def notify(self, notice: Notice) -> bool:
        """Send what the sandbox has to tell; returns whether it was taken, or False if LOST."""
        given = {"headers": notice.headers, "content": notice.body}
        try:
            response = await self.http.post(f"/payments/{SANDBOX['provider']}/webhook", **given)
        except httpx2.TransportError:
            return False
        assert response.status_code == 200, response.text
        return True

    async def send(self, document: str, variables: dict[str, Any], *, staff: str = "") -> Reply:
        """Send any document whose one field is `done`. staff: a token of theirs."""
        body = {"query": document, "variables": variables}
        path = ADMIN_PATH if staff else STOREFRONT_PATH
        headers = {"Authorization": f"Bearer {staff}"} if staff else {}
        try:
            response = await self.http.post(path, json=body, headers=headers)
        except httpx2.TransportError as error:
            return Reply(outcome=LOST, said=repr(error))
        return _read(response)


def key() -> str:
    """Return a new idempotency key."""
    return str(uuid4())


def buyer() -> dict[str, str]:
    """Return somebody who has never bought before."""
    return {"name": "Lin", "email": f"{uuid4().hex}@example.org"}


async def all_at_once(asked: Iterable[Awaitable[Reply]]) -> list[Reply]:
    """Wait for requests that are all on their way together."""
    return await asyncio.gather(*asked)


def outcomes(replies: Iterable[Reply]) -> dict[str, int]:
    """Return {outcome: how many got it}."""
    return dict(Counter(reply.outcome for reply in replies))


def _read(response: httpx2.Response) -> Reply:
    said = response.json()
    headers = {name.lower(): value for name, value in response.headers.items()}
    if "errors" in said:
        code = said["errors"][0]["extensions"]["code"]
        return Reply(outcome=code, status=response.status_code, said=said, headers=headers)
    done = said["data"]["done"]
    if done is None:
        return Reply(outcome="NONE", status=response.status_code, headers=headers)
    order = done.get("order", done)
    refused = [error["code"] for error in done.get("userErrors", ())]
    return Reply(
        outcome=refused[0] if refused else order["state"],
        status=response.status_code,
        order=order,
        token=done.get("token"),
        said=said,
        headers=headers,
    )
