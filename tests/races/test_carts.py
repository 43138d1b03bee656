"""Races about carts, in the test's process. Each fails on the naive build that is named with it."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, ExceptionContext, event, make_url, select, text
from sqlalchemy.ext.asyncio import create_async_engine
from tests.rig.auditing import count_orders, everything_holds, free_units
from tests.rig.buying import CART, SANDBOX, Storefront, all_at_once, buyer, key, outcomes
from tests.rig.naive import builds, raced

from koipond.kernel.ids import VariantId, encode, new_id
from koipond.order.tables import cart as cart_table
from koipond_sdk.testing import RunningShop, running_shop
from koipond_sdk.testing.databases import Databases, Kind

TRIES = 12


async def make_variant(shop: RunningShop, sku: str = "TEA-1", **given: Any) -> str:
    made = await shop.make_product(sku, **given)
    return encode(VariantId, made.variants[sku])


async def fill_cart(front: Storefront, *variants: str) -> str:
    """Put a unit of each variant into a new cart that is ready to be placed; returns its token."""
    token: str | None = None
    for variant in variants:
        reply = await front.ask("addToCart", variantId=variant, quantity=1, token=token)
        token = reply.token
    assert token is not None
    assert (await front.ask("setCheckout", token=token, contact=buyer())).outcome == "CART"
    return token


async def place_lines_with_one_key(shop: RunningShop, tries: int) -> None:
    tea = await make_variant(shop, stock=tries)
    front = Storefront(shop.http)
    wish = {
        "lines": [{"variantId": tea, "quantity": 1}],
        "contact": buyer(),
        "payment": SANDBOX,
        "idempotencyKey": key(),
    }
    replies = await all_at_once(front.ask("placeOrder", **wish) for _ in range(tries))
    assert outcomes(replies) == {"CONFIRMED": tries}
    assert len({reply.made["id"] for reply in replies}) == 1
    assert await count_orders(shop) == {"confirmed": 1}
    assert await free_units(shop) == tries - 1
    await everything_holds(shop)


async def place_cart_with_one_key(
    shop: RunningShop, tries: int, *, sku: str = "TEA-1", before: int = 0
) -> None:
    """before: orders that are there already."""
    front = Storefront(shop.http)
    token = await fill_cart(front, await make_variant(shop, sku, stock=1))
    wish = {"token": token, "payment": SANDBOX, "idempotencyKey": key()}
    replies = await all_at_once(front.ask("placeOrder", **wish) for _ in range(tries))
    assert outcomes(replies) == {"CONFIRMED": tries}
    assert await count_orders(shop) == {"confirmed": before + 1}
    assert await free_units(shop) == 0
    await everything_holds(shop)


async def place_cart_with_distinct_keys(
    shop: RunningShop, tries: int, *, sku: str = "TEA-1", before: int = 0
) -> None:
    """before: orders that are there already."""
    front = Storefront(shop.http)
    token = await fill_cart(front, await make_variant(shop, sku, stock=1))
    replies = await all_at_once(
        front.ask("placeOrder", token=token, payment=SANDBOX, idempotencyKey=key())
        for _ in range(tries)
    )
    assert outcomes(replies) == {"CONFIRMED": 1, "CART_ALREADY_PLACED": tries - 1}
    assert await count_orders(shop) == {"confirmed": before + 1}
    assert await free_units(shop) == 0
    await everything_holds(shop)


async def ask_twice_for_the_last_unit(shop: RunningShop, _: int = 2) -> None:
    front = Storefront(shop.http)
    token = await fill_cart(front, await make_variant(shop, stock=1))
    await _split_line(shop)
    assert [line["quantity"] for line in (await _cart(front, token))["lines"]] == [1, 1]
    before = await shop.snapshot()
    reply = await front.ask("placeOrder", token=token, payment=SANDBOX, idempotencyKey=key())
    assert reply.outcome == "INSUFFICIENT_STOCK"
    assert await shop.snapshot() == before


Race = Callable[[RunningShop, int], Awaitable[None]]
RACES: list[tuple[str, Race]] = [
    ("a key is not looked up", place_lines_with_one_key),
    ("the cart is not read again under its lock", place_cart_with_distinct_keys),
    ("lines of one variant are asked for one by one", ask_twice_for_the_last_unit),
]


async def test_one_cart_with_one_key_is_one_order(shop: RunningShop) -> None:
    """Two locks hold here, the key's and the cart's: each is taken away in a race of its own."""
    await place_cart_with_one_key(shop, TRIES)


@pytest.mark.story
@pytest.mark.parametrize(("naive", "race"), RACES)
async def test_one_purchase_is_one_order(shop: RunningShop, naive: str, race: Race) -> None:
    await race(shop, TRIES)


@pytest.mark.slow
@pytest.mark.parametrize(("naive", "race"), RACES)
async def test_on_a_naive_build_it_is_not(shop: RunningShop, naive: str, race: Race) -> None:
    with raced(naive):
        await race(shop, TRIES)


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize("race", [place_cart_with_one_key, place_cart_with_distinct_keys])
async def test_25_carts_placed_50_times_each(
    shop: RunningShop, race: Any, tell: Callable[[str], None]
) -> None:
    """Both ways, on both databases: 100 carts."""
    for count in range(25):
        await race(shop, 50, sku=f"TEA-{count}", before=count)
    tell("25 carts, 50 requests each: 25 orders")


@pytest.fixture
def deadlocks() -> Iterator[list[str]]:
    """The deadlocks that PostgreSQL broke up, those that were run again too."""
    found: list[str] = []

    def note(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", "") == "40P01":
            found.append(str(context.original_exception))

    event.listen(Engine, "handle_error", note)
    yield found
    event.remove(Engine, "handle_error", note)


LOCKS = "quotas are locked one by one in any order"


@builds(LOCKS)
async def test_carts_with_variants_in_opposite_order_never_lock_each_other_out(
    databases: Databases, deadlocks: list[str], build: str
) -> None:
    with raced(build):  # a naive one ends at its first deadlock
        await place_in_opposite_order(databases, deadlocks, pairs=80 if build else 12)


@pytest.mark.faults
@pytest.mark.timeout(600)
async def test_1000_pairs_of_carts_in_opposite_order(
    databases: Databases, deadlocks: list[str], tell: Callable[[str], None]
) -> None:
    await place_in_opposite_order(databases, deadlocks, pairs=1_000)
    tell(f"1,000 pairs placed, {len(deadlocks)} deadlocks")


async def place_in_opposite_order(
    databases: Databases, deadlocks: list[str], *, pairs: int
) -> None:
    """Place pairs of carts side by side; fails on a deadlock, also on one that was run again."""
    url = await databases.emptied(Kind.POSTGRES)
    async with AsyncExitStack() as stack, impatient(url):
        # Two shops, so that two desks decide at once.
        shops = [await stack.enter_async_context(running_shop(url)) for _ in range(2)]
        variants = [
            await make_variant(shops[0], sku, stock=2 * pairs) for sku in ("TEA-1", "TEA-2")
        ]
        lines = [{"variantId": one, "quantity": 1} for one in variants]
        there, back = (Storefront(shop.http) for shop in shops)
        for _ in range(pairs):
            replies = await all_at_once(
                [
                    there.place(lines=lines, payment=SANDBOX),
                    back.place(lines=lines[::-1], payment=SANDBOX),
                ]
            )
            assert outcomes(replies) == {"CONFIRMED": 2}
            assert deadlocks == []
        await everything_holds(shops[0])


@asynccontextmanager
async def impatient(url: str) -> AsyncIterator[None]:
    """Let PostgreSQL look for deadlocks after 20 ms, and not after a second."""
    name = make_url(url).database
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")

    async def tell(statement: str) -> None:
        async with engine.connect() as connection:
            await connection.execute(text(statement))

    await tell(f"ALTER DATABASE {name} SET deadlock_timeout = '20ms'")
    try:
        yield
    finally:
        await tell(f"ALTER DATABASE {name} RESET deadlock_timeout")
        await engine.dispose()


async def test_20_adds_to_one_cart_at_once_all_count(shop: RunningShop) -> None:
    await add_at_once(shop)


@pytest.mark.slow
async def test_adds_to_one_cart_are_lost_without_its_lock(databases: Databases) -> None:
    """On PostgreSQL: SQLite's one writer runs them one after the other, with a lock or without."""
    async with running_shop(await databases.emptied(Kind.POSTGRES)) as shop:
        with raced("a cart is changed without its lock"):
            await add_at_once(shop)


async def add_at_once(shop: RunningShop, _: int = 20) -> None:
    tea = await make_variant(shop, stock=100)
    front = Storefront(shop.http)
    token = await fill_cart(front, tea)
    replies = await all_at_once(
        front.ask("addToCart", token=token, variantId=tea, quantity=count) for count in range(1, 21)
    )
    assert outcomes(replies) == {"CART": 20}
    assert [line["quantity"] for line in (await _cart(front, token))["lines"]] == [1 + 210]
    # Each saw what was there before it, and none what another one saw.
    assert len({reply.made["lines"][0]["quantity"] for reply in replies}) == 20


async def test_changes_of_one_cart_at_once_are_a_serial_result(shop: RunningShop) -> None:
    await change_at_once(shop, await make_variant(shop, stock=1_000))
    await everything_holds(shop)


@pytest.mark.faults
@pytest.mark.timeout(600)
async def test_200_carts_changed_20_times_at_once(
    shop: RunningShop, tell: Callable[[str], None]
) -> None:
    tea = await make_variant(shop, stock=100_000)
    ends = Counter([await change_at_once(shop, tea) for _ in range(200)])
    await everything_holds(shop)
    tell(f"200 carts, 20 changes each at once: {dict(ends)}")


async def change_at_once(shop: RunningShop, tea: str) -> str:
    """Set quantities while the cart is filled and placed; what is placed is one of them."""
    front = Storefront(shop.http)
    free = await free_units(shop)
    token = await fill_cart(front, tea)
    (line,) = (await _cart(front, token))["lines"]
    changes = [
        front.ask("updateCartLine", token=token, lineId=line["id"], quantity=count)
        for count in range(1, 10)
    ]
    adds = [front.ask("addToCart", token=token, variantId=tea, quantity=10) for _ in range(10)]
    placing = front.ask("placeOrder", token=token, payment=SANDBOX, idempotencyKey=key())
    *replies, placed = await all_at_once([*changes, *adds, placing])
    assert outcomes(replies).keys() <= {"CART", "CART_ALREADY_PLACED"}
    assert placed.outcome in {"CONFIRMED", "QUOTE_CHANGED"}
    if placed.outcome == "CONFIRMED":
        (bought,) = placed.made["lines"]
        seen = {reply.made["lines"][0]["quantity"] for reply in replies if reply.order} | {1}
        assert bought["quantity"] in seen
        # A try that went stale left nothing, or a hold of the same order that was then placed.
        assert await free_units(shop) == free - bought["quantity"]
    return placed.outcome


async def _cart(front: Storefront, token: str) -> dict[str, Any]:
    return (await front.send(CART, {"token": token})).made


async def _split_line(shop: RunningShop) -> None:
    """Make two lines of the cart's one, as a shop may have that came from another system."""
    async with shop.shop.database.writer.begin() as db:
        row = (await db.execute(select(cart_table.c.id, cart_table.c.lines))).one()
        twin = {**row.lines[0], "id": str(new_id())}
        await db.execute(cart_table.update().values(lines=[*row.lines, twin]))
