"""Staff edit the same thing at once, each as they have seen it: one of them wins."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.rig.naive import builds, raced

from koipond.kernel.ids import VariantId, encode
from koipond_sdk.testing import STAFF, RunningShop, running_shop
from koipond_sdk.testing.databases import Databases, Kind

AT_ONCE = 6
Make = Callable[[RunningShop], Awaitable[dict[str, Any]]]


async def act(shop: RunningShop, name: str, given: dict[str, Any]) -> dict[str, Any]:
    document = (
        f"mutation($input: {name[0].upper()}{name[1:]}Input!) {{ done: {name}(input: $input) "
        "{ userErrors { code ... on VersionConflict { expectedVersion currentVersion } } } }"
    )
    answer = await shop.graphql(document, {"input": given}, viewer=STAFF, admin=True)
    assert "errors" not in answer, answer
    done: dict[str, Any] = answer["data"]["done"]
    return done


async def channel(_shop: RunningShop) -> dict[str, Any]:
    return {"code": "main", "name": "{}", "expectedVersion": 1}


async def new_zone(_shop: RunningShop) -> dict[str, Any]:
    return {"code": "eu", "name": "{}", "places": ["DE"], "expectedVersion": 0}


async def new_method(_shop: RunningShop) -> dict[str, Any]:
    name = [{"locale": "en", "text": "{}"}]
    return {"channel": "main", "code": "fast", "name": name, "rates": [], "expectedVersion": 0}


async def price(shop: RunningShop) -> dict[str, Any]:
    made = await shop.make_product()
    variant = encode(VariantId, made.variants["TEA-1"])
    return {
        "variantId": variant,
        "channel": "main",
        "amount": "1{}.00",
        "currency": "EUR",
        "expectedVersion": 1,
    }


async def first_price(shop: RunningShop) -> dict[str, Any]:
    made = await shop.make_product(price=None)
    variant = encode(VariantId, made.variants["TEA-1"])
    return {
        "variantId": variant,
        "channel": "main",
        "amount": "1{}.00",
        "currency": "EUR",
        "expectedVersion": 0,
    }


async def new_group(_shop: RunningShop) -> dict[str, Any]:
    return {"code": "gold", "name": "{}", "expectedVersion": 0}


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("setChannel", channel),
        ("setZone", new_zone),
        ("setShippingMethod", new_method),
        ("setPrice", price),
        ("setPrice", first_price),
        ("setMemberGroup", new_group),
    ],
)
@builds("a version is compared with nothing")
@pytest.mark.slow
async def test_of_edits_of_the_same_version_at_once_one_wins(
    shop: RunningShop, build: str, name: str, make: Make
) -> None:
    given = await make(shop)
    with raced(build):
        await edit_at_once(shop, name, given)


@pytest.mark.slow
async def test_two_edits_of_a_channel_win_without_its_lock(databases: Databases) -> None:
    """On PostgreSQL: SQLite's one writer runs them one after the other, with a lock or without."""
    async with running_shop(await databases.emptied(Kind.POSTGRES)) as shop:
        given = await channel(shop)
        with raced("a channel is changed without its lock"):
            await edit_at_once(shop, "setChannel", given)


async def edit_at_once(shop: RunningShop, name: str, given: dict[str, Any]) -> None:
    seen = given["expectedVersion"]
    done = await asyncio.gather(
        *(act(shop, name, numbered(given, number)) for number in range(AT_ONCE))
    )
    told = Counter(
        (one["code"], one["expectedVersion"], one["currentVersion"])
        for each in done
        for one in each["userErrors"]
    )
    assert told == {("VERSION_CONFLICT", seen, seen + 1): AT_ONCE - 1}


def numbered(given: Any, number: int) -> Any:
    """Return what is given with a number where it says {}: no two ask for the same."""
    if isinstance(given, dict):
        return {key: numbered(one, number) for key, one in given.items()}
    if isinstance(given, list):
        return [numbered(one, number) for one in given]
    return given.format(number) if isinstance(given, str) else given
