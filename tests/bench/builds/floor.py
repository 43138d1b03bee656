"""The same work with nothing around it: one bare handler, asyncpg, SQL written by hand.

It reads and writes the tables of a shop that stands, and parses no GraphQL: a document is known by
its name. So there are no limits, no languages, no ids to decode, nobody's permissions; what it
sells is not held, priced, taxed or told of. What a request costs here, no framework can go below.
"""

import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from litestar import Litestar, asgi
from litestar.types import Receive, Scope, Send
from msgspec import Struct
from uuid_utils.compat import uuid7

_LOCALE, _CURRENCY = "en", "EUR"
_CONNECTIONS = 10

_VARIANTS = """
SELECT v.id, v.product_id, v.sku, p.amount_minor
FROM variant v LEFT JOIN price p ON p.variant_id = v.id AND p.price_list_id = $2
WHERE v.product_id = ANY($1::uuid[]) ORDER BY v.product_id, v.position"""
_STOCKED = """
SELECT v.id, v.product_id, v.sku, p.amount_minor, q.capacity - q.taken AS free
FROM variant v LEFT JOIN price p ON p.variant_id = v.id AND p.price_list_id = $2
LEFT JOIN stock_level s ON s.variant_id = v.id LEFT JOIN quota q ON q.id = s.quota_id
WHERE v.product_id = ANY($1::uuid[]) ORDER BY v.product_id, v.position"""
_LIST = """
SELECT p.id, p.slug, p.name ->> $1 AS name FROM product p
JOIN product_listing l ON l.product_id = p.id AND l.channel_id = $2
ORDER BY p.id DESC LIMIT $3"""
_ONE = """
SELECT p.id, p.slug, p.name ->> $1 AS name, p.description ->> $1 AS description FROM product p
JOIN product_listing l ON l.product_id = p.id AND l.channel_id = $2 WHERE p.slug = $3"""

# All that a paid order cannot be without, in one statement, which is one transaction.
_BUY = """
WITH sold AS (
    SELECT v.id, v.product_id, v.sku, p.amount_minor, s.quota_id, o.name ->> 'en' AS name
    FROM variant v JOIN price p ON p.variant_id = v.id AND p.price_list_id = $2
    JOIN stock_level s ON s.variant_id = v.id JOIN product o ON o.id = v.product_id
    WHERE v.id = $1
), taken AS (
    UPDATE quota SET taken = taken + 1 FROM sold
    WHERE quota.id = sold.quota_id AND taken + 1 <= capacity RETURNING quota.id
), held AS (
    INSERT INTO reservation
        (owner_id, quota_id, part, subject_id, period, quantity, state, release)
    SELECT $4, id, 0, $5, '', 1, 'consumed', 'return' FROM taken
), buyer AS (
    INSERT INTO member (id, state, name, locale, created_at, version)
    SELECT $5, 'guest', 'Lin', 'en', now(), 1 FROM taken
), known AS (
    INSERT INTO identity (id, member_id, kind, value) SELECT $6, $5, 'email', $7 FROM taken
), placed AS (
    INSERT INTO "order" (id, number, token_hash, channel_id, currency, locale, member_id,
        subject_id, state, details, total_minor, attributes, price_trace, placed_at, pay_until,
        updated_at)
    SELECT $4, $8, $9, $3, 'EUR', 'en', $5, $5, 'confirmed', $10, amount_minor, '{}', '{}',
        now(), now() + interval '30 minutes', now()
    FROM sold, taken
), line AS (
    INSERT INTO order_line (id, order_id, position, variant_id, product_id, sku, name, quantity,
        unit_price_minor, tracked, refunded_quantity, fulfilled_quantity, returned_quantity,
        attributes)
    SELECT $11, $4, 0, sold.id, product_id, sku, name, 1, amount_minor, true, 0, 0, 0, '{}'
    FROM sold, taken
), paid AS (
    INSERT INTO payment (id, order_id, provider, state, currency, amount_minor, authorised_minor,
        captured_minor, refunded_minor, capturing_minor, released, action, query_at, created_at,
        updated_at)
    SELECT $12, $4, 'sandbox', 'captured', 'EUR', amount_minor, amount_minor, amount_minor, 0,
        amount_minor, false, '{}', now(), now(), now()
    FROM sold, taken
), told AS (
    INSERT INTO outbox_event (id, name, version, aggregate_id, seq, payload, occurred_at)
    SELECT $13, 'OrderConfirmed', 1, $4, 1, '{}', now() FROM taken
)
SELECT amount_minor, currency FROM sold, taken, (SELECT 'EUR' AS currency) c"""


class Asked(Struct):
    """A request as the shop gets it."""

    operationName: str = ""
    variables: dict[str, Any] = {}


class Floor:
    """What answers; every method is one operation of tests/bench/graphql.py."""

    def __init__(self, pool: asyncpg.Pool, channel_id: UUID, price_list_id: UUID) -> None:
        self._pool = pool
        self._channel_id = channel_id
        self._price_list_id = price_list_id

    async def typename(self, _: Mapping[str, Any]) -> dict[str, Any]:
        """Read nothing."""
        return {"__typename": "Query"}

    async def products(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Read products with their variants and prices."""
        async with self._pool.acquire() as db:
            rows = await db.fetch(_LIST, _LOCALE, self._channel_id, given["first"])
            keys = [row["id"] for row in rows]
            variants = await db.fetch(_VARIANTS, keys, self._price_list_id)
        mine: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
        for row in variants:
            mine[row["product_id"]].append(_variant(row))
        nodes = [
            {"id": str(key), "name": name, "slug": slug, "variants": mine[key]}
            for key, slug, name in rows
        ]
        return {"products": {"nodes": nodes}}

    async def product(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Read one product with its variants, their prices and stock."""
        async with self._pool.acquire() as db:
            row = await db.fetchrow(_ONE, _LOCALE, self._channel_id, given["slug"])
            variants = await db.fetch(_STOCKED, [row["id"]], self._price_list_id)
        told = [{**_variant(one), "availability": _availability(one["free"])} for one in variants]
        return {"product": {**row, "id": str(row["id"]), "variants": told}}

    async def buy(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Sell one unit to somebody new, paid for."""
        order, member, identity, line, payment, event = (uuid7() for _ in range(6))
        number = secrets.token_hex(6)
        token = sha256(secrets.token_bytes(32)).hexdigest()
        details = '{"contact": {"name": "Lin"}}'
        row = await self._pool.fetchrow(
            _BUY,
            *(UUID(given["floorVariantId"]), self._price_list_id, self._channel_id, order, member),
            *(identity, given["email"], number, token, details, line, payment, event),
        )
        assert row is not None, "sold out"
        bought = {"state": "CONFIRMED", "number": number, "total": _money(row["amount_minor"])}
        return {"placeOrder": {"order": bought, "userErrors": []}}


def _variant(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": str(row["id"]), "sku": row["sku"], "price": _money(row["amount_minor"])}


def _money(minor: int) -> dict[str, str]:
    return {"amount": f"{minor // 100}.{minor % 100:02d}", "currency": _CURRENCY}


def _availability(free: int) -> dict[str, Any]:
    return {"state": "IN_STOCK" if free > 0 else "SOLD_OUT", "quantityAtMost": min(free, 10)}


def make_app(url: str) -> Litestar:
    """Return the application that serves the shop in the database at `url`."""
    operations: dict[str, Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]] = {}
    decode, encode = msgspec.json.Decoder(Asked).decode, msgspec.json.encode

    async def start(app: Litestar) -> None:
        address = url.replace("postgresql+asyncpg", "postgresql")
        pool = await asyncpg.create_pool(address, min_size=_CONNECTIONS, max_size=_CONNECTIONS)
        app.state.pool = pool
        channel_id, price_list_id = await pool.fetchrow(
            "SELECT c.id, l.id FROM channel c JOIN price_list l ON l.channel_id = c.id"
        )
        floor = Floor(pool, channel_id, price_list_id)
        operations.update(q3=floor.typename, q1=floor.product, q2=floor.products, m1=floor.buy)

    async def stop(app: Litestar) -> None:
        await app.state.pool.close()

    @asgi("/graphql", copy_scope=False)
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message: Any = await receive()
            body += message["body"]
            if not message.get("more_body"):
                break
        asked = decode(body)
        told = encode({"data": await operations[asked.operationName](asked.variables)})
        length = (b"content-length", str(len(told)).encode())
        headers = [(b"content-type", b"application/json"), length]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": told, "more_body": False})

    return Litestar(
        [answer], openapi_config=None, logging_config=None, on_startup=[start], on_shutdown=[stop]
    )
