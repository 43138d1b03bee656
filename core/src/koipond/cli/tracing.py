"""Which hooks a request calls, as a tree: `koi dev --trace-hooks` and `koi plugin trace`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from koipond.app import create_app, open_shop, set_up
from koipond.catalog.service import save_products
from koipond.catalog.types import ProductDraft, Refused, Telling, VariantDraft
from koipond.channel.service import choose_scope
from koipond.cli.problems import Problem
from koipond.front import STOREFRONT_PATH
from koipond.kernel.dispatch.tracing import draw, traced
from koipond.kernel.ids import VariantId, encode
from koipond.kernel.viewer import SYSTEM
from koipond.settings import ChannelSettings, Settings
from koipond.stock.service import receive as receive_stock
from koipond.stock.types import StockReceipt

if TYPE_CHECKING:
    from litestar import Litestar

_PURCHASE = """
mutation TracedPurchase($input: PlaceOrderInput!) {
  placeOrder(input: $input) { order { number total { amount } } userErrors { code message } }
}
"""
_KEY = "00000000-0000-4000-8000-000000000001"


class HookTrace:
    """Tells after each HTTP request which hooks it called, if it called any."""

    def __init__(self, app: ASGIApp, tell: Callable[[str], None]) -> None:
        self._app = app
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        with traced() as made:
            await self._app(scope, receive, send)
        if made:
            spent = (time.perf_counter() - began) * 1_000
            self._tell(draw(f"{scope['method']} {scope['path']}  {spent:.2f} ms", made))


async def trace_purchase(tell: Callable[[str], None]) -> dict[str, Any]:
    """Place an order for one thing in a new shop of its own, with the plugins that are installed.

    Nothing of the real shop is read or written. Returns the answer.
    """
    with TemporaryDirectory(prefix="koi-trace-") as folder:
        channel = ChannelSettings(code="main", name="Main", currencies=("EUR",), locales=("en",))
        settings = Settings(database_url=f"sqlite:///{folder}/shop.db", channels=(channel,))
        await set_up(settings)
        variant = await _stock_one(settings)
        given = {
            "lines": [{"variantId": encode(VariantId, variant), "quantity": 1}],
            "contact": {"email": "trace@example.org", "name": "Trace"},
            "expectedTotal": {"amount": "10.00", "currency": "EUR"},
            "idempotencyKey": _KEY,
        }
        body = {"query": _PURCHASE, "variables": {"input": given}}
        return await trace_request(create_app(settings), body, tell)


async def trace_request(
    app: Litestar,
    body: dict[str, Any],
    tell: Callable[[str], None],
    *,
    path: str = STOREFRONT_PATH,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Send a GraphQL request to an app in this process, and tell its hooks; returns the answer."""
    sent = json.dumps(body).encode()
    lines = {"content-type": "application/json", "content-length": str(len(sent))}
    lines |= headers or {}
    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in lines.items()],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
        "extensions": {},
        "state": {},
    }
    answer = bytearray()

    async def receive() -> Any:
        return {"type": "http.request", "body": sent, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            answer.extend(message["body"])

    told: list[str] = []
    async with app.lifespan():
        await HookTrace(app, told.append)(scope, receive, send)
    tell("\n".join(told) or "no plugin was asked anything")
    found: dict[str, Any] = json.loads(answer)
    return found


async def _stock_one(settings: Settings) -> VariantId:
    """Put one thing for 10 EUR on the shelf; returns its variant."""
    draft = ProductDraft(
        slug="trace", name="Trace", variants=(VariantDraft(sku="TRACE", price_minor=1_000),)
    )
    async with open_shop(settings) as shop, shop.context(viewer=SYSTEM) as outside:
        ctx = outside.at(await choose_scope(outside))
        telling = Telling(
            locale=ctx.scope.locales[0],
            channel_id=ctx.scope.channel_id,
            currency=ctx.scope.currency,
        )
        (made,) = await save_products(ctx, [draft], telling)
        if isinstance(made, Refused):
            raise made.error
        variant = made.variants["TRACE"]
        await receive_stock(ctx, [StockReceipt(variant_id=variant, quantity=1)])
    return variant


def read_request(file: Path) -> dict[str, Any]:
    """Return the request of a file, a GraphQL document or JSON with `query`. Raises Problem."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"{file} cannot be read: {error}") from error
    try:
        body: dict[str, Any] = (
            json.loads(text) if text.lstrip().startswith('{"') else {"query": text}
        )
    except ValueError as error:
        raise Problem(f"{file} is no JSON: {error}") from error
    return body


async def trace_on(
    settings: Settings,
    body: dict[str, Any],
    tell: Callable[[str], None],
    headers: dict[str, str],
) -> dict[str, Any]:
    """Send a request to the shop of the settings; returns the answer. Raises NotReady."""
    return await trace_request(create_app(settings), body, tell, headers=headers)
