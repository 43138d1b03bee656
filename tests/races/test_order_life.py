"""Races about what follows a sale, in the test's process: each fails on the naive build that is
named with it. On PostgreSQL: SQLite has one writer, who needs no lock."""

import asyncio
from collections import Counter as Count
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from core.tests.order.counter import Bought, Counter
from core.tests.payment.till import Till, codes
from sqlalchemy.exc import IntegrityError
from tests.rig.crowding import open_connections
from tests.rig.naive import raced

from koipond.fulfilment.rules import make_code
from koipond.fulfilment.types import FulfilmentMethod, FulfilmentWish, LineUnits
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import FulfilmentId, OrderLineId, ReturnId, decode
from koipond.kernel.quantity import Quantity
from koipond.order import service as orders
from koipond.order.types import LineWish, OrderEditWish, ReturnWish
from koipond_sdk.testing import STAFF, RunningShop

UNLOCKED = "an order's units are looked at without its lock"
on_postgres = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
Act = Callable[..., Awaitable[Any]]
Acting = tuple[Act, tuple[Any, ...], dict[str, Any]]
Race = Callable[[RunningShop], Awaitable[None]]


async def at_once(shop: RunningShop, acts: Sequence[Acting]) -> Count[str]:
    """Do all acts at the same time, each as staff; returns how they ended."""

    async def do(act: Act, given: tuple[Any, ...], named: dict[str, Any]) -> str:
        async with shop.context(viewer=STAFF) as ctx:
            try:
                await act(ctx, *given, **named)
            except DomainError as refusal:
                return refusal.code
            except IntegrityError:
                return "an error that nobody can act on"
        return "done"

    await open_connections(shop.shop)
    return Count(await asyncio.gather(*(do(*one) for one in acts)))


def once() -> dict[str, str]:
    return {"idempotency_key": str(uuid4())}


def of_line(bought: Bought, units: int = 1) -> tuple[LineUnits, ...]:
    key = decode(OrderLineId, bought.lines[0])
    return (LineUnits(line_id=key, quantity=Quantity(units)),)


async def pack_the_last_unit(shop: RunningShop) -> None:
    counter = Counter(Till(shop))
    bought = await counter.bought(1)
    wish = FulfilmentWish(order_id=bought.key, lines=of_line(bought))
    ends = await at_once(shop, [(orders.create_fulfilment, (wish,), once()) for _ in range(8)])
    assert ends == {"done": 1, "NOTHING_TO_FULFIL": 7}
    assert len(await bought.parcels()) == 1
    assert await counter.till.audit() == []


async def fetch_with_one_code(shop: RunningShop) -> None:
    counter = Counter(Till(shop))
    bought = await counter.bought(2)
    await bought.pack(method=FulfilmentMethod.PICK_UP.name)
    (parcel,) = await bought.parcels()
    await counter.act("readyFulfilment", fulfilmentId=parcel)
    key = decode(FulfilmentId, parcel)
    code = make_code(shop.settings.secret, key, 1)
    acts: list[Acting] = [(orders.collect_fulfilment, (key, code), once()) for _ in range(50)]
    assert await at_once(shop, acts) == {"done": 1, "FULFILMENT_NOT_COLLECTABLE": 49}
    assert await counter.on_hand() == 8
    assert await counter.till.audit() == []


async def guess_a_code(shop: RunningShop) -> None:
    counter = Counter(Till(shop))
    bought = await counter.bought(1)
    await bought.pack(method=FulfilmentMethod.PICK_UP.name)
    (parcel,) = await bought.parcels()
    await counter.act("readyFulfilment", fulfilmentId=parcel)
    key = decode(FulfilmentId, parcel)
    acts: list[Acting] = [
        (orders.collect_fulfilment, (key, f"guess {n}"), once()) for n in range(10)
    ]
    assert await at_once(shop, acts) == {"PICK_UP_CODE_WRONG": 5, "PICK_UP_CODE_LOCKED": 5}
    assert await counter.till.audit() == []


async def cancel_while_it_is_packed(shop: RunningShop) -> None:
    counter = Counter(Till(shop))
    tea = await counter.till.stock(units=100)
    for _ in range(8):
        bought = await counter.buy([(tea, 1)])
        wish = FulfilmentWish(order_id=bought.key)
        ends = await at_once(
            shop,
            [
                (orders.cancel_any_order, (bought.key,), {"reason": ""}),
                (orders.create_fulfilment, (wish,), once()),
            ],
        )
        assert ends in (
            {"done": 1, "ORDER_PARTLY_FULFILLED": 1},
            {"done": 1, "ORDER_NOT_FULFILLABLE": 1},
        )
    assert await counter.till.audit() == []


async def approve_what_is_cancelled(shop: RunningShop) -> None:
    """The order cannot be cancelled any more; of the return one decision counts.

    It is free: else the lock of its payments, which comes first, would hold them apart as well.
    """
    counter = Counter(Till(shop))
    bought = await counter.bought(8, price="0.00")
    await bought.deliver()
    for _ in range(8):
        asked = await bought.request(1)
        assert codes(asked) == []
        key = decode(ReturnId, asked["order"]["returns"][-1]["id"])
        acts: list[Acting] = [
            (orders.cancel_any_order, (bought.key,), {"reason": ""}),
            (orders.approve_return, (key,), {}),
            (orders.reject_return, (key,), {}),
        ]
        ends = await at_once(shop, acts)
        decided = {one for one in ends if one.startswith("RETURN_NOT_")}
        assert ends == {"ORDER_PARTLY_FULFILLED": 1, "done": 1} | dict.fromkeys(decided, 1)
        assert len(decided) == 1
    assert await counter.till.audit() == []


async def send_the_last_unit_back_twice(shop: RunningShop) -> None:
    counter = Counter(Till(shop))
    bought = await counter.bought(1)
    await bought.deliver()
    wish = ReturnWish(order_id=bought.key, lines=of_line(bought))
    ends = await at_once(shop, [(orders.request_any_return, (wish,), once()) for _ in range(8)])
    assert ends == {"done": 1, "RETURN_QUANTITY_TOO_LARGE": 7}
    assert await counter.till.audit() == []


async def edit_at_once(shop: RunningShop) -> None:
    """Every edit is planned anew for the order as the others left it, or says that it gives up."""
    counter = Counter(Till(shop))
    bought = await counter.bought(1, units=100)
    cup = await counter.till.stock(sku="CUP-1", price="1.00", units=100)
    wishes = [
        OrderEditWish(
            order_id=bought.key, added=(LineWish(variant_id=cup, quantity=Quantity(units)),)
        )
        for units in (1, 2, 3)
    ]
    ends = await at_once(shop, [(orders.edit_order, (wish,), once()) for wish in wishes])
    assert set(ends) <= {"done", "ORDER_CHANGED"}
    assert ends["done"] >= 2
    order = await counter.till.order(bought.key)
    assert len(order.lines) == 1 + ends["done"]
    assert await counter.till.audit() == []


LIFE: list[tuple[str, Race]] = [
    (UNLOCKED, pack_the_last_unit),
    (UNLOCKED, fetch_with_one_code),
    (UNLOCKED, guess_a_code),
    (UNLOCKED, approve_what_is_cancelled),
    (UNLOCKED, send_the_last_unit_back_twice),
    (
        "whether an order can be cancelled is looked at before its lock alone",
        cancel_while_it_is_packed,
    ),
    ("edits hold units for the same part", edit_at_once),
]


@pytest.mark.slow
@pytest.mark.story
@pytest.mark.parametrize("race", [race for _, race in LIFE])
async def test_what_follows_a_sale_happens_once(shop: RunningShop, race: Race) -> None:
    await race(shop)


@pytest.mark.slow
@on_postgres
@pytest.mark.parametrize(("naive", "race"), LIFE)
async def test_on_a_naive_build_it_does_not(shop: RunningShop, naive: str, race: Race) -> None:
    with raced(naive):
        await race(shop)
