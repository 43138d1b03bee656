"""What must hold of a shop whatever was done to it, and what tests count in its tables."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import Any

from sqlalchemy import text

from koipond.duties import AUDITS
from koipond.kernel.context import Shop
from koipond.kernel.invariants import run_audits
from koipond.order.tables import cart, order, order_adjustment, order_line
from koipond.payment.tables import payment
from koipond.quota.tables import reservation
from koipond_sdk.testing import RunningShop

_LOCKS = text("""
    SELECT a.state, a.query FROM pg_stat_activity a
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
      AND (a.state LIKE 'idle in transaction%' OR EXISTS (
        SELECT 1 FROM pg_locks l WHERE l.pid = a.pid AND l.locktype IN ('tuple', 'transactionid')))
""")


async def problems(shop: Shop) -> list[str]:
    """Return what the shop's own audits find wrong."""
    return [str(one) for one in await run_audits(shop, AUDITS)]


async def everything_holds(running: RunningShop) -> None:
    """Fail unless the audits find nothing, and orders, units and money fit each other."""
    assert await problems(running.shop) == []
    rows = {table.name: await running.rows(table) for table in (order, order_line, reservation)}
    _check_units(rows["order"], rows["order_line"], rows["reservation"])
    _check_totals(rows["order"], await running.rows(order_adjustment))
    _check_money(rows["order"], await running.rows(payment))
    _check_carts(rows["order"], await running.rows(cart))


def _check_units(
    orders: list[dict[str, Any]], lines: list[dict[str, Any]], reserved: list[dict[str, Any]]
) -> None:
    """I2: what an order wants is tied to it, consumed when it is paid."""
    wanted: Counter[Any] = Counter()
    for line in lines:
        wanted[line["order_id"]] += line["quantity"]
    had: dict[Any, Counter[str]] = defaultdict(Counter)
    for row in reserved:
        had[row["owner_id"]][row["state"]] += row["quantity"]
    for one in orders:
        state = {"placed": "placed", "confirmed": "consumed"}.get(one["state"])
        if state is not None:
            assert had[one["id"]][state] == wanted[one["id"]], (one, had[one["id"]])
        else:
            assert had[one["id"]].keys() <= {"returning", "released"}, (one, had[one["id"]])


def _check_totals(orders: list[dict[str, Any]], adjustments: list[dict[str, Any]]) -> None:
    """I13: the stored adjustments of an order sum to its total."""
    sums: Counter[Any] = Counter()
    for row in adjustments:
        sums[row["order_id"]] += 0 if row["included"] else row["amount_minor"]
    assert {one["id"]: one["total_minor"] for one in orders} == dict(sums)


def _check_money(orders: list[dict[str, Any]], payments: list[dict[str, Any]]) -> None:
    """A confirmed order is paid exactly once; of no order more is kept than it costs."""
    captured, kept = Counter[Any](), Counter[Any]()
    for row in payments:
        captured[row["order_id"]] += row["captured_minor"]
        kept[row["order_id"]] += row["captured_minor"] - row["refunded_minor"]
    for one in orders:
        if one["state"] == "confirmed":
            assert captured[one["id"]] == one["total_minor"], one
        assert 0 <= kept[one["id"]] <= one["total_minor"], one


def _check_carts(orders: list[dict[str, Any]], carts: list[dict[str, Any]]) -> None:
    """A cart is marked as placed if and only if there is an order of its id."""
    placed = {row["id"] for row in carts if row["placed"]}
    assert placed == {row["id"] for row in carts} & {one["id"] for one in orders}


async def count_orders(running: RunningShop) -> dict[str, int]:
    """Return {state: how many orders are in it}."""
    return dict(Counter(row["state"] for row in await running.rows(order)))


async def count_events(running: RunningShop) -> dict[str, int]:
    """Return {name: how many events of it there are}, of orders and what belongs to them."""
    names = Counter(row["name"] for row in await running.rows("outbox_event"))
    told = ("Order", "Payment", "Fulfilment", "Return")
    return {name: count for name, count in names.items() if name.startswith(told)}


async def units(running: RunningShop) -> dict[str, int]:
    """Return {state: units reserved in it}."""
    found: Counter[str] = Counter()
    for row in await running.rows(reservation):
        found[row["state"]] += row["quantity"]
    return dict(found)


async def free_units(running: RunningShop) -> int:
    """Return how many units of all there is could be sold now."""
    return sum(row["capacity"] - row["taken"] for row in await running.rows("quota"))


async def locks(shop: Shop) -> list[str]:
    """Return what other sessions of this database hold or leave open; nothing is well.

    On SQLite the one lock there is must be free for the writer, else this waits and fails.
    """
    async with shop.database.writer.begin() as db:
        if shop.database.is_sqlite:
            return []
        found = await db.execute(_LOCKS)
        return [str(tuple(row)) for row in found]


async def at_rest(shop: Shop) -> None:
    """I11: wait a little, then fail unless nothing is held by anybody."""
    for _ in range(100):
        if not shop.database.lent:
            break
        await asyncio.sleep(0.02)
    assert shop.database.lent == 0
    assert await locks(shop) == []
