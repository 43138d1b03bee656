"""A price that is kept comes to the same again: with the plugin, with another, and with none."""

import asyncio
import json
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from click.testing import CliRunner, Result
from core.tests.order.counter import Counter
from core.tests.order.perks import NextPerkInputs, PerkInputs, Perks
from core.tests.order.test_promoting import SPRING, TEN, buy, counter
from core.tests.payment.till import Till
from sqlalchemy import update

from koipond.app import make_hooks, set_up
from koipond.cli import koi
from koipond.extending import gather
from koipond.kernel.dispatch import HookMistake
from koipond.kernel.ids import MemberId, OrderId, OrderLineId, decode, encode
from koipond.kernel.money import Currency, Money
from koipond.kernel.plugins import discover
from koipond.order import service
from koipond.order.service.replaying import Outcome, Recalculated, Replayed
from koipond.order.tables import order_adjustment, order_line
from koipond.pricing.types import TracedInputs
from koipond.settings import Settings
from koipond_sdk.testing.shop import CHANNEL, RunningShop, running_shop

pytestmark = pytest.mark.story

EUR = Currency("EUR")


async def replay(shop: RunningShop, name: str) -> Replayed:
    async with shop.context() as ctx:
        found = await service.replay(ctx, name)
    assert found is not None
    return found


def outcomes(found: Replayed) -> list[tuple[str, str, int | None, Outcome]]:
    return [(one.plugin, one.hook, one.version, one.outcome) for one in found.calculations]


async def test_a_price_is_summed_and_calculated_again_with_the_same_outcome(
    database_url: str,
) -> None:
    async with counter(database_url, Perks(SPRING, TEN)) as till:
        tea = await till.stock(price="19.99")
        placed = await buy(till, tea, 3, couponCodes=["TEN"])
        found = await replay(till.shop, placed["order"]["id"])
        assert found == Replayed(
            order_id=decode(OrderId, placed["order"]["id"]),
            number=found.number,
            total=Money(43_97, EUR),
            summed=Money(43_97, EUR),
            differences=(),
            calculations=(
                Recalculated(plugin="perks", hook="cart_inputs", version=1, outcome=Outcome.SAME),
            ),
        )
        assert found.number is not None
        assert await replay(till.shop, found.number) == found


async def test_of_an_edited_order_only_the_sum_is_looked_at(database_url: str) -> None:
    async with counter(database_url, Perks(SPRING, TEN)) as till:
        placed = await buy(till, await till.stock(price="19.99"), 3, couponCodes=["TEN"])
        (row,) = await till.shop.rows(order_line)
        line = encode(OrderLineId, UUID(str(row["id"])))
        edited = await Counter(till).act(
            "editOrder",
            orderId=placed["order"]["id"],
            lines=[{"lineId": line, "quantity": 2}],
        )
        assert edited["userErrors"] == []
        found = await replay(till.shop, placed["order"]["id"])
        assert (found.edits, found.total, found.is_same) == (1, found.summed, True)
        assert found.total < Money(43_97, EUR)
        await trace_sums(till, placed["order"]["id"])


async def trace_sums(till: Till, order_id: str) -> list[str]:
    """Fail unless the steps of an order's price that count come to its total; returns them."""
    async with till.shop.context() as ctx:
        order = await service.find_any_order(ctx, order_id=decode(OrderId, order_id))
    assert order is not None
    steps = service.explain_price(order, ["en"])
    assert sum(one.amount_minor for one in steps) == order.total.amount_minor, steps
    return [one.sentence for one in steps]


async def test_after_edits_the_steps_that_count_still_come_to_the_total(database_url: str) -> None:
    spring = msgspec.structs.replace(SPRING, with_edits=True)
    async with counter(database_url, Perks(spring, TEN)) as till:
        tea = await till.stock(price="19.99")
        placed = await buy(till, tea, 3, couponCodes=["TEN"])
        (row,) = await till.shop.rows(order_line)
        order_id = placed["order"]["id"]
        line = encode(OrderLineId, UUID(str(row["id"])))
        edits = (
            {
                "lines": [{"lineId": line, "quantity": 1}],
                "added": [{"variantId": tea, "quantity": 2}],
            },
            {"lines": [{"lineId": line, "quantity": 0}]},
        )
        for edit in edits:
            done = await Counter(till).act("editOrder", orderId=order_id, **edit)
            assert done["userErrors"] == []
            sentences = await trace_sums(till, order_id)
        assert len(sentences) == 2


async def test_without_any_plugin_an_order_still_sums_and_says_which_could_not_be_asked(
    database_url: str,
) -> None:
    async with counter(database_url, Perks(SPRING, TEN)) as till:
        tea = await till.stock(price="19.99")
        placed = await buy(till, tea, 3, couponCodes=["TEN"])
    async with running_shop(database_url) as shop:
        found = await replay(shop, placed["order"]["id"])
        assert (found.total, found.summed, found.differences) == (
            Money(43_97, EUR),
            Money(43_97, EUR),
            (),
        )
        assert outcomes(found) == [("perks", "cart_inputs", 1, Outcome.NOT_TAKEN)]
        assert found.is_same


async def test_a_version_that_is_not_taken_any_more_is_listed(database_url: str) -> None:
    async with counter(database_url, Perks(SPRING)) as till:
        tea = await till.stock()
        placed = await buy(till, tea)
    async with counter(database_url, Perks(SPRING, takes=(NextPerkInputs,))) as till:
        found = await replay(till.shop, placed["order"]["id"])
        assert outcomes(found) == [("perks", "cart_inputs", 1, Outcome.NOT_TAKEN)]


async def test_inputs_that_are_too_large_or_of_no_version_are_not_kept(database_url: str) -> None:
    async with counter(database_url, Perks(SPRING, more="x" * 9_000)) as till:
        tea = await till.stock()
        placed = await buy(till, tea)
        found = await replay(till.shop, placed["order"]["id"])
        assert outcomes(found) == [("perks", "cart_inputs", 1, Outcome.TOO_LARGE)]
        (row,) = await till.shop.rows("order")
        assert "xxx" not in str(row["price_trace"])
    async with counter(database_url, Perks(SPRING, takes=())) as till:
        placed = await buy(till, tea)
        found = await replay(till.shop, placed["order"]["id"])
        assert outcomes(found) == [("perks", "cart_inputs", None, Outcome.NOT_TRACED)]


async def test_an_amount_that_was_changed_by_hand_is_found(database_url: str) -> None:
    async with running_shop(database_url, plugins=[Perks(SPRING).plugin()]) as shop:
        till = Till(shop)
        tea = await till.stock()
        placed = await buy(till, tea)
        changed = update(order_adjustment).where(order_adjustment.c.rule == "spring")
        async with shop.shop.database.writer.begin() as db:
            await db.execute(changed.values(amount_minor=-9_00))
        found = await replay(shop, placed["order"]["id"])
        assert (found.total, found.summed, found.is_same) == (
            Money(90_00, EUR),
            Money(91_00, EUR),
            False,
        )
        assert found.differences == (
            "no longer: order_promotion -900 EUR (Spring sale, by perks/spring)",
            "instead: order_promotion -1000 EUR (Spring sale, by perks/spring)",
        )


class Nosy(TracedInputs, frozen=True, kw_only=True):
    member: MemberId


class Nested(TracedInputs, frozen=True, kw_only=True):
    class Who(TracedInputs, frozen=True, kw_only=True):
        email: str

    known: tuple[Who, ...] = ()


@pytest.mark.parametrize(
    ("takes", "words"),
    [
        ((Nosy,), "returned Nosy, which keeps what is known of people: Nosy.member"),
        ((PerkInputs, PerkInputs), "returned PerkInputs and PerkInputs, both of version 1"),
    ],
)
def test_inputs_that_may_not_be_kept_refuse_the_start(
    takes: tuple[type[TracedInputs], ...], words: str
) -> None:
    plugin = Perks(takes=takes).plugin()
    with pytest.raises(HookMistake, match=words):
        gather([plugin], make_hooks([plugin]), core_jobs={})


@pytest.mark.slow
async def test_koi_replay_says_it_in_words_and_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    await set_up(Settings(database_url=url, channels=(CHANNEL,)), tuple(discover()))
    async with counter(url, Perks(SPRING)) as till:
        placed = await buy(till, await till.stock(price="19.99"), 3)
        number = (await till.shop.rows("order"))[0]["number"]
    monkeypatch.setenv("KOI_DATABASE_URL", url)
    monkeypatch.setenv("COLUMNS", "400")
    said = await asyncio.to_thread(koi_replay, number)
    assert (said.exit_code, said.stdout.splitlines()) == (
        0,
        [
            f"order {number}: 53.97 EUR; its adjustments sum to that: 53.97 EUR",
            "worked out again from its trace: the same",
            "perks (cart_inputs version 1): not taken",
        ],
    )
    told = await asyncio.to_thread(koi_replay, placed["order"]["id"], "--json")
    assert (told.exit_code, json.loads(told.stdout)) == (
        0,
        {
            "order": placed["order"]["id"],
            "number": number,
            "currency": "EUR",
            "total": "53.97",
            "summed": "53.97",
            "edits": 0,
            "differences": [],
            "calculations": [
                {
                    "plugin": "perks",
                    "hook": "cart_inputs",
                    "version": 1,
                    "outcome": "not_taken",
                }
            ],
            "same": True,
        },
    )
    unknown = await asyncio.to_thread(koi_replay, "NOSUCH")
    assert (unknown.exit_code, "There is no order 'NOSUCH'" in unknown.output) == (2, True)


def koi_replay(*arguments: str) -> Result:
    return CliRunner().invoke(koi, ["replay", *arguments], prog_name="koi")
