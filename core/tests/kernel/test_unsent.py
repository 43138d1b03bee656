"""Rows that wait: stored together, in one statement where the database can."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import new_id
from koipond.kernel.outbox import outbox_event
from koipond.kernel.troubles import Outdated
from koipond.kernel.unsent import Unsent
from koipond.kernel.viewer import GUEST
from koipond.member.tables import identity, member
from koipond_sdk.testing import RunningShop

NOW = datetime(2026, 11, 22, 8, 30, 0, 123456, tzinfo=UTC)


def guest(**given: Any) -> dict[str, Any]:
    made = {"id": new_id(), "state": "guest", "name": "Lin", "locale": "en", "time_zone": None}
    # Columns that orders say nothing of.
    unsaid = dict.fromkeys(("merged_into", "source_class", "source_entry", "source_campaign"))
    return made | unsaid | {"created_at": NOW, "version": 1} | given


def known_by(one: Mapping[str, Any], value: str) -> dict[str, Any]:
    return {"id": new_id(), "member_id": one["id"], "kind": "email", "value": value}


async def send(shop: RunningShop, unsent: Unsent) -> list[str]:
    """Send in a transaction of its own; returns the statements."""

    @transaction
    async def carry_out(ctx: Context) -> None:
        await unsent.send(ctx.db)

    async with shop.shop.context(viewer=GUEST) as ctx:
        with shop.count_statements() as sent:
            await carry_out(ctx)
    return sent


async def members(shop: RunningShop) -> list[dict[str, Any]]:
    async with shop.shop.database.reading() as db:
        rows = await db.execute(member.select().order_by(member.c.id))
        return [dict(row._mapping) for row in rows]


async def test_rows_of_several_tables_are_stored_as_they_are(shop: RunningShop) -> None:
    first, second = guest(name='鱼 "koi" \\ pond'), guest(name="")
    unsent = Unsent()
    unsent.add(member, first, second)
    unsent.add(identity, known_by(first, "lin@example.org"))
    sent = await send(shop, unsent)
    assert len(sent) == (2 if shop.shop.database.is_sqlite else 1)
    assert await members(shop) == [first, second]
    (known,) = await shop.rows(identity)
    assert (known["value"], known["verified_at"]) == ("lin@example.org", None)
    assert await send(shop, unsent) == []


async def test_rows_that_clash_are_left_out_if_so_wished(shop: RunningShop) -> None:
    first, second = guest(), guest()
    unsent = Unsent()
    unsent.add(member, first, second)
    unsent.add(identity, known_by(first, "lin@example.org"), unless_there=True)
    unsent.add(identity, known_by(second, "lin@example.org"), unless_there=True)
    await send(shop, unsent)
    (known,) = await shop.rows(identity)
    unsent.add(identity, known_by(second, "lin@example.org"), unless_there=True)
    await send(shop, unsent)
    assert await shop.rows(identity) == [known]
    unsent.add(identity, known_by(second, "lin@example.org"))
    with pytest.raises(IntegrityError):
        await send(shop, unsent)
    assert await shop.rows(identity) == [known]


async def test_rows_are_changed_each_in_its_own_columns(shop: RunningShop) -> None:
    first, second, third = guest(), guest(), guest()
    unsent = Unsent()
    unsent.add(member, first, second, third)
    await send(shop, unsent)
    unsent.change(member, {"id": first["id"], "name": "Mei"})
    unsent.change(member, {"id": second["id"], "name": "Bo"})
    await send(shop, unsent)
    assert await members(shop) == [
        first | {"name": "Mei", "version": 2},
        second | {"name": "Bo", "version": 2},
        third,
    ]


@pytest.mark.parametrize("count", [1, 4, 5, 60])
async def test_few_rows_and_many_are_stored_alike(shop: RunningShop, count: int) -> None:
    guests = [guest(name=f"鱼 {number}") for number in range(count)]
    unsent = Unsent()
    unsent.add(member, *guests)
    sent = await send(shop, unsent)
    assert len(sent) == 1
    assert await members(shop) == guests


async def test_rows_are_changed_only_if_they_are_as_they_must_be_and_told_of(
    shop: RunningShop,
) -> None:
    first, second, third = guest(), guest(locale="zh-Hans"), guest(locale="de")
    unsent = Unsent()
    unsent.add(member, first, second, third)
    await send(shop, unsent)
    told: list[Any] = []

    @transaction
    async def carry_out(ctx: Context) -> None:
        for one in (first, second, third):
            ctx.unsent.change(
                member,
                {"id": one["id"], "name": "Mei"},
                only_if={"locale": ["en", "zh-Hans"]},
                tells=("id", "locale"),
            )
            # It is made last, whatever waits behind it.
            ctx.unsent.add(identity, known_by(one, f"{one['locale']}@example.org"))
            told.append([tuple(row) for row in await ctx.store()])

    async with shop.shop.context(viewer=GUEST) as ctx:
        await carry_out(ctx)
    assert told == [[(first["id"], "en")], [(second["id"], "zh-Hans")], []]
    new = {"name": "Mei", "version": 2}
    changed = [first | new, second | new, third]
    assert await members(shop) == changed
    assert len(await shop.rows(identity)) == 3


async def test_nothing_is_stored_unless_every_row_that_was_not_read_is_as_believed(
    shop: RunningShop,
) -> None:
    first, second = guest(), guest(name="Bo")
    unsent = Unsent()
    unsent.add(member, first, second)
    await send(shop, unsent)
    for believed in ({"locale": ["de", "nl"]}, {"created_at": [None]}):
        unsent.change(member, {"id": first["id"], "state": "gone"}, must=True)
        unsent.change(member, {"id": second["id"], "state": "gone"}, only_if=believed, must=True)
        unsent.add(identity, known_by(first, "lin@example.org"))
        before = await shop.snapshot()
        with pytest.raises(Outdated):
            await send(shop, unsent)
        assert await shop.snapshot() == before
        unsent = Unsent()
    so_it_is = {"name": ["Mei", "Bo"], "created_at": [NOW], "time_zone": [None]}
    unsent.change(member, {"id": second["id"], "state": "gone"}, only_if=so_it_is, must=True)
    unsent.add(identity, known_by(first, "lin@example.org"))
    await send(shop, unsent)
    assert await members(shop) == [first, second | {"state": "gone", "version": 2}]
    assert len(await shop.rows(identity)) == 1


async def test_the_only_statement_of_a_transaction_is_one_by_itself(shop: RunningShop) -> None:
    begun: list[str] = []

    @transaction
    async def carry_out(ctx: Context, *names: str) -> None:
        for name in names:
            await ctx.store()
            ctx.unsent.add(member, guest(name=name))

    def note(connection: Any, *_: Any) -> None:
        adapted = connection.connection.dbapi_connection
        begun.append(getattr(adapted, "_transaction", None))

    event.listen(Engine, "before_cursor_execute", note)
    event.listen(Engine, "commit", note)
    try:
        async with shop.shop.context(viewer=GUEST) as ctx:
            await carry_out(ctx, "Lin")
            alone, begun[:] = [*begun], []
            await carry_out(ctx, "Mei", "Bo")
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        event.remove(Engine, "commit", note)
    assert sorted(one["name"] for one in await members(shop)) == ["Bo", "Lin", "Mei"]
    if not shop.shop.database.is_sqlite:
        assert alone == [None, None]
        assert begun[-1] is not None


async def test_a_row_cannot_wait_twice(shop: RunningShop) -> None:
    """PostgreSQL would carry out one of the two, and not say which."""
    one = guest()
    unsent = Unsent()
    unsent.change(member, {"id": one["id"], "name": "Mei"})
    with pytest.raises(AssertionError, match="twice"):
        unsent.change(member, {"id": one["id"], "locale": "zh-Hans"})


async def test_numbers_count_on_from_those_that_are_there(shop: RunningShop) -> None:
    pond, river = new_id(), new_id()

    def told(key: Any, seq: int) -> dict[str, Any]:
        return {
            "id": new_id(),
            "name": "FishCaught",
            "version": 1,
            "aggregate_id": key,
            "seq": seq,
            "payload": {"fish": "koi"},
            "occurred_at": NOW,
        }

    for rows in ([told(pond, 1), told(pond, 2)], [told(river, 1), told(pond, 1), told(pond, 2)]):
        unsent = Unsent()
        unsent.add(outbox_event, *rows, counts_on=("seq", "aggregate_id"))
        await send(shop, unsent)
    async with shop.shop.database.reading() as db:
        columns = outbox_event.c
        found = await db.execute(outbox_event.select().order_by(columns.aggregate_id, columns.seq))
        assert [(row.aggregate_id, row.seq, row.payload) for row in found] == [
            *((pond, seq, {"fish": "koi"}) for seq in (1, 2, 3, 4)),
            (river, 1, {"fish": "koi"}),
        ]
