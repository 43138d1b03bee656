"""A plugin hears of events through its whole life: once each, in their order, whatever happens."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from core.tests.payment.till import Till, tender
from core.tests.plugin.workshop import Workshop

from koipond.cli import koi
from koipond.delivery import service as delivery
from koipond.kernel.ids import OrderId, decode, encode
from koipond.plugin import service
from koipond_sdk.testing.shop import STAFF, START, running_shop

pytestmark = pytest.mark.story

HERONS = """
from koipond_sdk import Context, implement
from koipond_sdk.hooks import OrderConfirmed, Refunded

told = []
failing = set()


def hear(event):
    told.append((event.name(), str(event.order_id)))
    if event.name() in failing:
        raise ValueError("the heron is asleep")


@implement()
async def order_confirmed(ctx: Context, event: OrderConfirmed) -> None:
    hear(event)


@implement()
async def order_refunded(ctx: Context, event: Refunded) -> None:
    hear(event)
"""
REFUND = """mutation($input: RefundOrderInput!) { done: refundOrder(input: $input) {
  order { paid { amount } refunds { state } } userErrors { code } } }"""
CONSEQUENCES = """query($id: ID!) { order(id: $id) { refunds { state }
  consequences { consumer state attempts problem deadLetterId } } }"""
SKIP = """mutation($id: ID!) { skipDeadLetter(input: {id: $id}) { userErrors { code } } }"""


@asynccontextmanager
async def herons(url: str) -> AsyncIterator[Till]:
    """Lend the till of a shop as its database says which plugins run."""
    async with running_shop(url, plugins=["herons"]) as running:
        yield Till(running)


def heard(name: str) -> list[str]:
    """Return the orders that the plugin, as it was imported last, was told of."""
    return [key for event, key in module().told if event == name]


def module() -> Any:
    return sys.modules["koipond_herons.hooks"]


async def sell(till: Till) -> OrderId:
    placed = await till.place(await till.stock(sku=f"TEA-{uuid4().hex[:6]}"), tender())
    return decode(OrderId, placed["order"]["id"])


@pytest.mark.slow
async def test_off_for_a_while_it_misses_and_repeats_nothing(
    database_url: str, workshop: Workshop
) -> None:
    workshop.install_small("herons", hooks=HERONS)
    async with herons(database_url) as till:
        await till.work()
        orders = [await sell(till)]
        await till.work()
        orders.append(await sell(till))
        async with till.shop.context(viewer=STAFF) as ctx:
            assert await service.disable(ctx, "herons")
    before = module()
    async with herons(database_url) as till:
        orders.append(await sell(till))
        await till.work()
        orders.append(await sell(till))
        async with till.shop.context(viewer=STAFF) as ctx:
            assert await service.enable(ctx, "herons")
    async with herons(database_url) as till:
        assert module() is before
        orders.append(await sell(till))
        await till.work()
        await till.work()
        assert sorted(heard("OrderConfirmed")) == sorted(map(str, orders))


async def test_installed_later_it_hears_from_now_on_and_of_the_past_by_choice(
    database_url: str, workshop: Workshop
) -> None:
    async with running_shop(database_url) as running:
        till = Till(running)
        past = [str(await sell(till)) for _ in range(3)]
        await till.work()
    workshop.install_small("herons", hooks=HERONS)
    async with herons(database_url) as till:
        await till.work()
        now = await sell(till)
        await till.work()
        assert heard("OrderConfirmed") == [str(now)]
        for made in [3, 0]:
            async with till.shop.context(viewer=STAFF) as ctx:
                told = await delivery.backfill(ctx, "herons", since=START, tell=lambda *_: None)
            assert told == made
            await till.work()
        assert sorted(heard("OrderConfirmed")) == sorted([*past, str(now)])


def test_the_past_is_told_by_a_command(workshop: Workshop, run: Callable[..., Result]) -> None:
    workshop.install_small("herons", hooks=HERONS)
    done = run("plugin", "backfill", "herons", "--since", "2026-01-01")
    assert done.exit_code == 0, done.output
    assert done.output.endswith("herons is to hear of 0 events more\n")
    refused = run("plugin", "backfill", "otters")
    assert refused.exit_code == 2
    assert "otters hears no events here" in refused.output


def test_dead_letters_are_looked_after_by_commands(run: Callable[..., Result]) -> None:
    assert run("dead", "list").output == "nothing is dead\n"
    for act in ["retry", "skip"]:
        unknown = run("dead", act, "job_00000000000000000000000000")
        assert unknown.exit_code == 2
        assert "There is no dead letter" in unknown.output


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Callable[..., Result]:
    """Run `koi` on the migrated database."""
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setenv("KOI_DATABASE_URL", database_url)
    return lambda *arguments: CliRunner().invoke(koi, arguments, prog_name="koi")


@pytest.mark.slow
async def test_what_follows_a_refund_is_seen_and_never_holds_up_the_money(
    database_url: str, workshop: Workshop
) -> None:
    workshop.install_small("herons", hooks=HERONS)
    async with herons(database_url) as till:
        await till.work()
        order_id = await sell(till)
        await till.work()
        assert await steps(till, order_id) == []
        module().failing.add("Refunded")
        for _ in range(2):
            assert await refund(till, order_id, "10.00") == "DONE"
        await till.work()
        # The first is tried again, and the second waits for it; the money of both is back.
        first, second = await steps(till, order_id)
        assert (first["state"], first["attempts"]) == ("PENDING", 1)
        assert first["problem"] == "ValueError: the heron is asleep"
        assert (second["state"], second["attempts"], second["problem"]) == ("PENDING", 0, None)
        for _ in range(12):
            await till.pass_time(hours=2)
        first, second = await steps(till, order_id)
        assert (first["state"], second["state"]) == ("DEAD", "PENDING")
        module().failing.clear()
        given = {"id": first["deadLetterId"]}
        answer = await till.shop.graphql(SKIP, given, viewer=STAFF, admin=True)
        assert answer["data"]["skipDeadLetter"]["userErrors"] == []
        await till.work()
        states = [(one["state"], one["deadLetterId"]) for one in await steps(till, order_id)]
        assert states == [("SKIPPED", None), ("DONE", None)]
        assert len(heard("Refunded")) == 13


async def test_buyers_see_how_far_it_is_and_not_what_went_wrong(
    database_url: str, workshop: Workshop
) -> None:
    workshop.install_small("herons", hooks=HERONS)
    async with herons(database_url) as till:
        await till.work()
        variant = await till.stock()
        placed = await till.place(variant, tender())
        order_id = decode(OrderId, placed["order"]["id"])
        module().failing.add("Refunded")
        await refund(till, order_id, "10.00")
        await till.work()
        document = CONSEQUENCES.replace("$id: ID!", "$id: ID!, $token: String").replace(
            "(id: $id)", "(id: $id, token: $token)"
        )
        given = {"id": placed["order"]["id"], "token": placed["token"]}
        answer = await till.shop.graphql(document, given)
        assert of_herons(answer) == [
            {
                "consumer": "herons",
                "state": "PENDING",
                "attempts": 1,
                "problem": None,
                "deadLetterId": None,
            }
        ]


async def refund(till: Till, order_id: OrderId, amount: str) -> str:
    """Give money back as staff do; returns how it stands."""
    wish = {"orderId": encode(OrderId, order_id), "idempotencyKey": str(uuid4())}
    done = await till.staff(REFUND, **wish, amount={"amount": amount, "currency": "EUR"})
    assert done["userErrors"] == []
    state: str = done["order"]["refunds"][-1]["state"]
    return state


async def steps(till: Till, order_id: OrderId) -> list[dict[str, Any]]:
    given = {"id": encode(OrderId, order_id)}
    answer = await till.shop.graphql(CONSEQUENCES, given, viewer=STAFF, admin=True)
    return of_herons(answer)


def of_herons(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the plugin has to do; core tells the buyer beside it."""
    found = answer["data"]["order"]["consequences"]
    return [one for one in found if one["consumer"] == "herons"]
