"""Row 8: whose it is not learns nothing of it and changes nothing, by any field of either schema.

Every query and mutation, made from the schema, is asked for a thing of somebody else, and again for
one that there is none of: the answers are the same. That they are not the same for who may see it
shows that the question was a good one.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from core.tests.notify.postoffice import Pigeons, post_plugin
from tests.attacks.documents import Asked, every_field
from tests.attacks.sayings import NEEDED, OWNED, THINGS, told
from tests.attacks.strangers import Actor
from tests.attacks.world import CHANNELS, FOUR_EYES, World, make_world

from koipond.app import make_schemas
from koipond.graphql.private import core_schema
from koipond.kernel.plugins import discover
from koipond_sdk.testing import STAFF
from koipond_sdk.testing.shop import running_shop

pytestmark = pytest.mark.slow

# What no answer may hold, whatever was asked.
BROKEN = "INTERNAL"
THEIRS, NOBODYS = 0, 1
# What keeps when it was seen last: a program's token.
SEEN = frozenset({"service_token"})


@pytest_asyncio.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    """A shop with every plugin that is installed."""
    plugins = [*discover(), post_plugin(Pigeons(), {})]
    async with running_shop(
        database_url, plugins=plugins, channels=CHANNELS, four_eyes=FOUR_EYES
    ) as shop:
        yield await make_world(shop)


def fields(name: str) -> list[Asked]:
    """Return every root field of the schema `name`, with all plugins."""
    return every_field(core_schema(getattr(make_schemas(tuple(discover())), name)), is_hole)


def is_hole(path: str, leaf: str) -> bool:
    return leaf == "ID" or told(THINGS, path) is not None


@pytest.mark.parametrize("name", ["storefront", "admin"])
def test_every_id_that_is_asked_for_is_known_to_be_of_something(name: str) -> None:
    """What stands in no line of sayings.py would be tried with nobody's thing."""
    unknown = [hole for asked in fields(name) for hole in asked.holes if told(THINGS, hole) is None]
    assert unknown == []


@pytest.mark.parametrize("name", ["storefront", "admin"])
async def test_a_foreign_thing_is_answered_like_one_that_there_is_none_of(
    world: World, name: str, tell: Callable[[str], None]
) -> None:
    strangers = [*world.strangers]
    if name == "admin":
        strangers.append(Actor(name="the owner", viewer=world.owner))
    before = await world.shop.snapshot()
    asked, differing, broken = 0, [], []
    for actor in strangers:
        for field in fields(name):
            for holes in () if actor.may_look and field.operation == "query" else ways(field):
                answers = [
                    await ask(world, name, field, actor, dict.fromkeys(holes, whose))
                    for whose in ((THEIRS, NOBODYS) if holes else (NOBODYS,))
                ]
                asked += len(answers)
                broken += [(actor.name, field.name)] if BROKEN in "".join(answers) else []
                if len(set(answers)) > 1:
                    differing.append((actor.name, holes, *answers))
    tell(f"{name}: {asked} operations as {len(strangers)} actors")
    assert broken == []
    assert not differing, told_by_line(differing)
    assert changed(before, await world.shop.snapshot()) == []


@pytest.mark.parametrize("name", ["storefront", "admin"])
async def test_who_may_see_a_thing_is_answered_otherwise(world: World, name: str) -> None:
    """Else the test above could not fail."""
    actor = Actor(name="who may", viewer=world.owner if name == "storefront" else STAFF)
    mute = []
    # What removes a thing comes last: the others ask for it before.
    for field in sorted(fields(name), key=lambda one: one.name.startswith("remove")):
        # The last first, and nobody's before theirs: what is done is done once.
        for hole in reversed(owned(field)):
            every = dict.fromkeys(owned(field), THEIRS)
            for given in (every, {}):
                answers = [
                    await ask(world, name, field, actor, given | {hole: whose})
                    for whose in (NOBODYS, THEIRS)
                ]
                if answers[0] != answers[1]:
                    break
            else:
                mute.append((hole, *answers))
    assert not mute, told_by_line(mute)


def told_by_line(found: list[Any]) -> str:
    return "".join(f"\n{one}" for one in found)


def owned(field: Asked) -> tuple[str, ...]:
    """Return the holes of a field that take somebody's thing."""
    return tuple(hole for hole in field.holes if told(THINGS, hole) in OWNED)


def ways(field: Asked) -> Iterator[tuple[str, ...]]:
    """Return the holes to fill: none for a field that has none, each by itself, all at once."""
    holes = owned(field)
    yield from ((hole,) for hole in holes)
    if len(holes) != 1:
        yield holes


def changed(
    before: dict[str, list[dict[str, Any]]], after: dict[str, list[dict[str, Any]]]
) -> list[tuple[str, dict[str, Any]]]:
    """Return (table, row) of all that was there and is not as it was."""
    return [
        (table, row)
        for table, rows in before.items()
        for row in rows
        if table not in SEEN and row not in after[table]
    ]


def needed(path: str) -> Any:
    """Return a value of what must be said."""
    return str(uuid4()) if path.endswith("idempotencyKey") else told(NEEDED, path)


async def ask(world: World, name: str, field: Asked, actor: Actor, whose: Mapping[str, int]) -> str:
    """Return the answer as text, with the ids taken out that were in the question.

    whose: of the holes for somebody's things. What is not in it is left out, or is nobody's.
    """
    said: list[str] = []

    def fill(path: str) -> Any:
        if path not in field.holes:
            return None
        thing = told(THINGS, path)
        if thing not in world.things:
            return world.public.get(thing, f"{thing}_00000000000000000000000000")
        if path not in whose and told(THINGS, path) in OWNED and whose:
            return None
        said.append(world.things[thing][whose.get(path, NOBODYS)])
        return said[-1]

    answer = await world.shop.graphql(
        field.document,
        field.variables(fill, needed),
        viewer=actor.viewer,
        admin=name == "admin",
        headers={"Authorization": f"Bearer {actor.token}"} if actor.token else None,
    )
    text = json.dumps(answer, sort_keys=True)
    for one in said:
        text = text.replace(one, "<asked>")
    return text
