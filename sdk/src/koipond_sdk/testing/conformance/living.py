"""Rules of a shop at work with the plugin: what it holds, repeats, costs and reaches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from graphql import GraphQLObjectType, GraphQLSchema
from sqlalchemy import select

from koipond.app import make_schemas
from koipond.kernel.context import Context, transaction
from koipond.kernel.deliveries import Consumer
from koipond.kernel.dispatch.guarding import refuse_reaching_out
from koipond.kernel.events import Event
from koipond.kernel.outbox import outbox_event
from koipond.kernel.viewer import SYSTEM, Viewer
from koipond_sdk.testing.actors import STAFF
from koipond_sdk.testing.conformance.asking import asking
from koipond_sdk.testing.conformance.candidates import Candidate
from koipond_sdk.testing.making import Factory
from koipond_sdk.testing.shop import RunningShop, running_shop

# How many more of everything there are when statements are counted a second time.
_MORE = 3


async def find_bad_life(candidate: Candidate, url: str) -> list[str]:
    """In a shop that sells none of its hooks fails or reaches out, and all that must hold does.

    Each event that it hears changes nothing when it comes again.
    """
    refuse_reaching_out()
    async with running_shop(url, plugins=candidate.alone) as shop:
        with shop.trace_hooks() as called:
            await candidate.tell(shop)
        broken = [
            f"its hook {hook} {outcome}. {_mend(outcome)}"
            for hook, outcome in sorted(
                {(one.hook, one.outcome) for one in called if one.plugin == candidate.name}
            )
            if outcome.startswith("failed")
        ]
        broken += [f"after a few purchases {one}" for one in await shop.findings()]
        broken += await _repeat(candidate, shop)
    return broken


def _mend(outcome: str) -> str:
    if "reaches out" in outcome:
        return "Ask other servers in a hook of kind load, or in a job."
    return "Mend it, or leave to others what is none of its own: return None or []."


async def _repeat(candidate: Candidate, shop: RunningShop) -> list[str]:
    """Tell it of everything once more."""
    heard = [one for one in shop.shop.consumers if one.name == candidate.name]
    broken = []
    for consumer in heard:
        for event in await _told(shop, consumer):
            before = await shop.snapshot()
            async with shop.shop.context(viewer=SYSTEM) as ctx:
                await transaction(_handling(consumer))(ctx, event)
            # A job that was done may be asked for again: what counts is what it does.
            await shop.work()
            after = await shop.snapshot()
            changed = sorted(name for name in after if after[name] != before.get(name))
            if changed:
                broken.append(
                    f"hearing {event.name()} a second time changes {', '.join(changed)}. Events "
                    "come at least once: write by a key that the event names, such as its "
                    "order_id, and do nothing if it is there."
                )
    return list(dict.fromkeys(broken))


def _handling(consumer: Consumer) -> Any:
    async def handle(ctx: Context, event: Event) -> None:
        await consumer.handle(ctx, event)

    return handle


async def _told(shop: RunningShop, consumer: Consumer) -> list[Event]:
    """Return the events of the shop that a consumer hears of, in their order."""
    kinds: Mapping[str, type[Event]] = {one.name(): one for one in consumer.events}
    wanted = select(outbox_event).where(outbox_event.c.name.in_(kinds)).order_by(outbox_event.c.id)
    async with shop.shop.database.reading() as db:
        rows = (await db.execute(wanted)).all()
    return [msgspec.convert(row.payload, kinds[row.name], str_keys=True) for row in rows]


async def find_growing_costs(candidate: Candidate, url: str) -> list[str]:
    """A list costs as many statements with many rows as with few: its fields read in batches."""
    schemas = make_schemas(candidate.alone)
    questions = [
        (place, document, is_admin)
        for is_admin, one in ((False, schemas.storefront), (True, schemas.admin))
        for place, document in _documents(candidate, one._schema)
    ]
    if not questions:
        return []
    async with running_shop(url, plugins=candidate.alone) as shop:
        make = Factory(shop)
        lin = await make.member("lin@example.org")
        if candidate.story is not None:
            await candidate.story(shop, make)
        few, many = [], []
        await _add(shop, make, lin, 1)
        for _, document, is_admin in questions:
            few.append(await _cost(shop, document, lin, is_admin))
        await _add(shop, make, lin, _MORE)
        for _, document, is_admin in questions:
            many.append(await _cost(shop, document, lin, is_admin))
    return [
        f"{place} takes {later} statements where {_MORE} more are listed, and {first} before. Read "
        "for all parents at once: @batch, and one statement with IN."
        for (place, *_), first, later in zip(questions, few, many, strict=True)
        if later > first
    ]


def _documents(candidate: Candidate, schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Yield (field of the plugin, a query that lists what it is on) of one schema."""
    for place in candidate.plugin.manifest.fields:
        owner, _, name = place.partition(".")
        kind = schema.type_map.get(owner)
        if isinstance(kind, GraphQLObjectType) and name in kind.fields:
            document = asking(schema, owner, name)
            if document is not None:
                yield place, document


async def _add(shop: RunningShop, make: Factory, by: Viewer, count: int) -> None:
    """Let there be more of all that fields can be on: products, members, orders."""
    for number in range(count):
        tea = await make.variant(f"MORE-{count}-{number}", name=f"Tea {count} {number}")
        await make.order({tea: 1}, by=by)
        await make.member(f"more-{count}-{number}@example.org")
    await shop.work()


async def _cost(shop: RunningShop, document: str, viewer: Viewer, is_admin: bool) -> int:
    who = STAFF if is_admin else viewer
    for _ in range(2):
        # Once before, so that what is kept for a while is there.
        with shop.count_statements() as sent:
            answer = await shop.graphql(document, viewer=who, admin=is_admin)
        assert "errors" not in answer, f"{document}: {answer['errors']}"
    return len(sent)
