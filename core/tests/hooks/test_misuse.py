"""Who takes part in core's transaction and does what it must not: named, with the fix, undone."""

import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from core.tests.hooks.toys import codes, hurry, lent, place, running, shell, toy
from sqlalchemy import func, select, text
from structlog.testing import capture_logs

from koipond.catalog.tables import product
from koipond.channel.service import add_channel
from koipond.kernel.context import Context
from koipond.kernel.dispatch import guarding
from koipond.kernel.ids import OwnerId, new_id
from koipond.kernel.outbox import outbox_event
from koipond.kernel.viewer import GUEST
from koipond.quota.service import reserve
from koipond_sdk.testing.shop import RunningShop

pytestmark = pytest.mark.story

HOOK = "order_creating"
Act = Callable[[Context, RunningShop], Awaitable[object]]


async def commits(ctx: Context, shop: RunningShop) -> None:
    await ctx.db.commit()


async def rolls_back(ctx: Context, shop: RunningShop) -> None:
    await ctx.db.rollback()


async def begins(ctx: Context, shop: RunningShop) -> None:
    async with ctx.db.begin():
        raise AssertionError("not reached")


async def closes(ctx: Context, shop: RunningShop) -> None:
    await ctx.db.close()


async def writes_elsewhere(ctx: Context, shop: RunningShop) -> None:
    await ctx.db.execute(product.update().values(slug="free"))


async def lets_rows_of_others_wait(ctx: Context, shop: RunningShop) -> None:
    ctx.unsent.add(product, {"id": new_id(), "slug": "free"})


async def lets_changes_of_others_wait(ctx: Context, shop: RunningShop) -> None:
    ctx.unsent.change(product, {"id": new_id(), "slug": "free"})


async def tells_events(ctx: Context, shop: RunningShop) -> None:
    await ctx.db.execute(outbox_event.delete())


async def writes_sql(ctx: Context, shop: RunningShop) -> None:
    await ctx.db.execute(text("COMMIT"))


async def speaks_to_the_driver(ctx: Context, shop: RunningShop) -> None:
    await ctx.db.exec_driver_sql("COMMIT")


async def opens_a_socket(ctx: Context, shop: RunningShop) -> None:
    socket.create_connection(("127.0.0.1", 9), timeout=1)


async def reserves(ctx: Context, shop: RunningShop) -> None:
    await reserve(ctx, OwnerId(new_id()), [])


async def begins_another(ctx: Context, shop: RunningShop) -> None:
    async with ctx.shop.context(viewer=GUEST) as other:
        await add_channel(other, code="b", name="b", currencies=["EUR"], locales=["en"])


async def begins_another_by_hand(ctx: Context, shop: RunningShop) -> None:
    await ctx.shop.database.transact(lambda db: db.execute(select(1)))


async def begins_one_apart(ctx: Context, shop: RunningShop) -> None:
    await ctx.shop.database.transact_apart(lambda db: db.execute(select(1)))


BESIDE = (
    "begins a transaction beside the one that it is in. Core waits for it, with locks that the "
    "other may wait for: do it in an event hook."
)
CORE = "Write it with SQLAlchemy Core, so that it can be looked at."
MISUSES: list[tuple[Act, str]] = [
    (commits, "commits. Core commits when all have taken part: take the call out."),
    (rolls_back, "rolls back. Raise a refusal instead: core then undoes all of it."),
    (begins, "begins a transaction. It is in core's; a savepoint is made by begin_nested()."),
    (closes, "closes core's connection. Take the call out."),
    (
        writes_elsewhere,
        "writes to the table product. Its own tables begin with bad_; of all others a service or "
        "an event hook takes care, after the commit.",
    ),
    (
        lets_rows_of_others_wait,
        "writes to the table product. Its own tables begin with bad_; of all others a service or "
        "an event hook takes care, after the commit.",
    ),
    (
        lets_changes_of_others_wait,
        "writes to the table product. Its own tables begin with bad_; of all others a service or "
        "an event hook takes care, after the commit.",
    ),
    (
        tells_events,
        "writes to the table outbox_event. Its own tables begin with bad_; of all others a service "
        "or an event hook takes care, after the commit.",
    ),
    (writes_sql, f"runs a text of SQL. {CORE}"),
    (speaks_to_the_driver, f"speaks to the driver. {CORE}"),
    (opens_a_socket, "reaches out (socket."),
    (reserves, "reserves units. Ask for them beforehand: implement quota_requests."),
    (begins_another, BESIDE),
    (begins_another_by_hand, BESIDE),
    (begins_one_apart, BESIDE),
]


class Doing:
    """A plugin's order_creating that does something before all else it has to do."""

    def __init__(self, act: Act) -> None:
        self.act: Act | None = act
        self.shop: RunningShop | None = None

    async def order_creating(self, ctx: Context) -> None:
        """Write to its own table, then do it."""
        assert self.shop is not None
        await ctx.db.execute(shell.insert().values(name=str(new_id())[:20]))
        if self.act is not None:
            await self.act(ctx, self.shop)


def implementing(doing: Doing) -> Any:
    async def order_creating(ctx: Context) -> None:
        await doing.order_creating(ctx)

    return order_creating


async def make_table(shop: RunningShop) -> None:
    async with shop.shop.database.writer.begin() as db:
        await db.run_sync(shell.drop, checkfirst=True)
        await db.run_sync(shell.create)


async def drop_table(shop: RunningShop) -> None:
    async with shop.shop.database.writer.begin() as db:
        await db.run_sync(shell.drop)


@pytest.mark.parametrize(("act", "words"), MISUSES, ids=[act.__name__ for act, _ in MISUSES])
async def test_what_it_must_not_do_is_named_and_the_order_undone(
    database_url: str, act: Act, words: str
) -> None:
    guarding.refuse_reaching_out()
    doing = Doing(act)
    async with running(database_url, toy(HOOK, implementing(doing))) as shop:
        doing.shop = shop
        await make_table(shop)
        try:
            with capture_logs() as logs:
                refused = await place(shop)
            assert codes(refused) == ["PLUGIN_ERROR"]
            (said,) = [one for one in logs if one["event"] == "a plugin failed"]
            assert (said["plugin"], said["hook"]) == ("bad", HOOK)
            assert str(said["exc_info"]).startswith(f"plugin bad: {HOOK} {words}")
            assert await shop.rows("order") == []
            assert await shop.rows(shell) == []
            assert lent(shop) == 0
            doing.act = None
            bought = await place(shop)
            assert (codes(bought), bought["order"]["state"]) == ([], "CONFIRMED")
            assert len(await shop.rows(shell)) == 1
        finally:
            await drop_table(shop)


async def test_the_api_that_it_calls_refuses_to_write_and_nobody_waits_for_ever(
    database_url: str,
) -> None:
    answers: list[Any] = []

    async def calls_the_api(ctx: Context, shop: RunningShop) -> None:
        doing.act = None
        for email in ("lin@example.org", "wu@example.org"):
            contact = {"name": "Wu", "email": email}
            (variant,) = answers[0]["data"]["products"]["nodes"][0]["variants"]
            wish = {
                "lines": [{"variantId": variant["id"]}],
                "contact": contact,
                "idempotencyKey": str(new_id()),
            }
            document = "mutation($i: PlaceOrderInput!) { placeOrder(input: $i) { token } }"
            answers.append(await shop.graphql(document, {"i": wish}))

    doing = Doing(calls_the_api)
    async with running(database_url, toy(HOOK, implementing(doing))) as shop:
        doing.shop = shop
        await make_table(shop)
        try:
            answers.append(await shop.graphql("{ products { nodes { variants { id } } } }"))
            with capture_logs() as logs:
                bought = await place(shop)
            assert (codes(bought), bought["order"]["state"]) == ([], "CONFIRMED")
            told = [one["errors"][0]["extensions"]["code"] for one in answers[1:]]
            assert told == ["INTERNAL", "INTERNAL"]
            causes = {str(one["exc_info"]) for one in logs if one["event"] == "a request failed"}
            assert causes == {f"plugin bad: {HOOK} {BESIDE}"}
            assert len(await shop.rows("order")) == 1
            assert lent(shop) == 0
        finally:
            await drop_table(shop)


async def test_a_statement_that_does_not_end_is_cut_with_its_hook(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The driver cancels a statement by another connection, which is not the plugin's doing.
    guarding.refuse_reaching_out()
    hurry(monkeypatch, HOOK)

    async def waits_in_the_database(ctx: Context, shop: RunningShop) -> None:
        if not shop.shop.database.is_sqlite:
            await ctx.db.execute(select(func.pg_sleep(600)))
        numbers = select(1).cte("numbers", recursive=True)
        counted = numbers.union_all(select(numbers.c[0] + 1))
        await ctx.db.execute(select(func.max(counted.c[0])))

    doing = Doing(waits_in_the_database)
    async with running(database_url, toy(HOOK, implementing(doing))) as shop:
        doing.shop = shop
        await make_table(shop)
        try:
            refused = await place(shop)
            assert codes(refused) == ["PLUGIN_ERROR"]
            assert await shop.rows("order") == []
            assert lent(shop) == 0
            doing.act = None
            bought = await place(shop)
            assert (codes(bought), bought["order"]["state"]) == ([], "CONFIRMED")
        finally:
            await drop_table(shop)


async def test_rows_that_it_lets_wait_are_stored_with_the_order(database_url: str) -> None:
    async def order_creating(ctx: Context) -> None:
        ctx.unsent.add(shell, {"name": "waiting"})

    async with running(database_url, toy(HOOK, order_creating)) as shop:
        await make_table(shop)
        try:
            with shop.count_statements() as sent:
                bought = await place(shop)
            assert (codes(bought), bought["order"]["state"]) == ([], "CONFIRMED")
            assert await shop.rows(shell) == [{"name": "waiting"}]
            wrote = [one for one in sent if 'INSERT INTO "order"' in one]
            assert shop.shop.database.is_sqlite or [shell.name in one for one in wrote] == [True]
        finally:
            await drop_table(shop)
