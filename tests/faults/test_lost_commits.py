"""The answer to a COMMIT is lost: nobody knows whether it happened, and the repeat settles it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.faults.test_kill_points import LEASE, charges
from tests.rig.auditing import count_events, count_orders, everything_holds, free_units
from tests.rig.buying import SANDBOX, Reply, buyer, key
from tests.rig.proxy import Proxy, proxying
from tests.rig.servers import Server, Servers

from koipond.kernel.ids import VariantId, encode
from koipond_sdk.testing import RunningShop, running_shop
from koipond_sdk.testing.databases import Databases, Kind

ROUNDS = 50
# How many transactions a purchase takes at most, reads by themselves too.
COMMITS = 12
# What a caller may be told of a database that went away, and of a try of theirs that still works.
_AGAIN = {"DATABASE_UNAVAILABLE", "REQUEST_IN_FLIGHT", "PAYMENT_UNRESOLVED"}


async def repeat(server: Server, wish: dict[str, Any]) -> list[Reply]:
    """Ask until it is done, as a storefront does; returns every reply."""
    replies = [await server.storefront.ask("placeOrder", **wish)]
    while replies[-1].outcome in _AGAIN:
        assert len(replies) < 8, replies
        replies.append(await server.storefront.ask("placeOrder", **wish))
    return replies


async def lose_answers(
    shop: RunningShop, servers: Servers, proxy: Proxy, books: Path, places: Sequence[int]
) -> dict[str, int]:
    """Buy once for each of `places`, with the answer to that commit of the purchase lost."""
    made = await shop.make_product(stock=200)
    lines = [{"variantId": encode(VariantId, made.variants["TEA-1"]), "quantity": 1}]
    name = shop.shop.database.url.database or ""
    seen = {"as if nothing had happened": 0, "after a repeat": 0}
    async with servers.serving(
        proxy.url(name), sandbox_file=str(books), database_answer_s=5, **LEASE
    ) as server:
        for sold, place in enumerate(places, start=1):
            wish = {
                "lines": lines,
                "contact": buyer(),
                "payment": SANDBOX,
                "idempotencyKey": key(),
            }
            proxy.drop_commit = place
            *failed, done = await repeat(server, wish)
            proxy.drop_commit = 0
            assert {reply.status for reply in failed} <= {200, 503}, failed
            assert all(
                reply.headers["retry-after"] == "5" for reply in failed if reply.status == 503
            )
            assert done.outcome == "CONFIRMED", (place, done, server.log[-3_000:])
            seen["after a repeat" if failed else "as if nothing had happened"] += 1
            assert await count_orders(shop) == {"confirmed": sold}
    events = await count_events(shop)
    # One that was not stored before its provider was asked counts as failed; the repeat makes one.
    events.pop("PaymentFailed", None)
    assert set(events.values()) == {len(places)}
    assert charges(books) == len(places)
    assert await free_units(shop) == 200 - len(places)
    await everything_holds(shop)
    return seen


@pytest.mark.slow
async def test_a_lost_answer_to_a_commit_is_one_order_after_the_repeat(
    databases: Databases, servers: Servers, tmp_path: Path
) -> None:
    url = await databases.emptied(Kind.POSTGRES)
    async with running_shop(url) as shop, proxying(databases.home) as proxy:
        await lose_answers(shop, servers, proxy, tmp_path / "books", [4])
        assert proxy.dropped >= 1


@pytest.mark.faults
@pytest.mark.timeout(900)
async def test_lost_answers_at_every_commit_of_a_purchase(
    databases: Databases, servers: Servers, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    url = await databases.emptied(Kind.POSTGRES)
    async with running_shop(url) as shop, proxying(databases.home) as proxy:
        places = [1 + one % COMMITS for one in range(ROUNDS)]
        found = await lose_answers(shop, servers, proxy, tmp_path / "books", places)
        tell(f"{proxy.dropped} answers lost of {proxy.commits} commits: {found}")
