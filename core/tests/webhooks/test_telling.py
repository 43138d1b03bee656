"""What endpoints hear of, how often, in which order, and who signs it."""

import asyncio
from datetime import UTC, datetime

import pytest
from core.tests.webhooks.receiver import (
    Heard,
    Receiver,
    attempts_of,
    endpoint_now,
    health,
    listen,
    receiving,
    states,
    work,
)
from standardwebhooks import Webhook, WebhookVerificationError
from tests.rig.buying import Storefront

from koipond.kernel import couriers
from koipond.kernel.ids import EventId, VariantId, WebhookEndpointId, encode, new_id
from koipond.kernel.viewer import GUEST
from koipond.webhooks import rules, service
from koipond.webhooks.errors import (
    WebhookEndpointIsDisabled,
    WebhookEndpointNotFound,
    WebhookEventNotFound,
    WebhookEventsInvalid,
    WebhookKeepInvalid,
    WebhookReplayUnclear,
    WebhookUrlInvalid,
)
from koipond.webhooks.types import DisabledBy, EndpointDraft, EndpointState
from koipond_sdk.testing import RunningShop

pytestmark = pytest.mark.story

PLACED, CANCELLED = "OrderPlaced", "OrderCancelled"


async def order(shop: RunningShop, *, times: int = 1) -> list[str]:
    """Place orders; returns their ids."""
    made = await shop.make_product(stock=100)
    line = {"variantId": encode(VariantId, made.variants["TEA-1"]), "quantity": 1}
    placed = [await Storefront(shop.http).place(lines=[line]) for _ in range(times)]
    assert {one.outcome for one in placed} == {"PLACED"}
    return [str(one.made["id"]) for one in placed]


class TestAnEndpoint:
    async def test_hears_of_what_it_asked_for_once_and_of_nothing_else(
        self, shop: RunningShop, receiver: Receiver
    ) -> None:
        endpoint, _ = await listen(shop, receiver.url, PLACED, "OrderConfirmed")
        await order(shop, times=2)
        await work(shop)
        await work(shop)
        assert receiver.types == [PLACED, PLACED]
        assert await states(shop, endpoint) == [(PLACED, "done", 1)] * 2
        first, second = await attempts_of(shop, endpoint)
        assert (first.status, first.problem, first.answer, first.number) == (200, "", "ok", 1)
        assert first.event_id != second.event_id

    async def test_is_told_in_words_that_storefronts_know(
        self, shop: RunningShop, receiver: Receiver
    ) -> None:
        await listen(shop, receiver.url, PLACED)
        await order(shop)
        await work(shop)
        told = receiver.heard[0].told
        assert set(told) == {"type", "version", "timestamp", "sequence", "data"}
        assert (told["type"], told["version"], told["sequence"]) == (PLACED, 1, 1)
        assert told["timestamp"] == "2026-01-01T12:00:00Z"
        data = told["data"]
        assert set(data) == {"order_id", "member_id", "total_minor", "currency"}
        assert (data["order_id"][:4], data["member_id"][:4]) == ("ord_", "mem_")
        assert (data["total_minor"], data["currency"]) == (10_00, "EUR")

    async def test_hears_nothing_of_before_it_was_there(
        self, shop: RunningShop, receiver: Receiver
    ) -> None:
        await order(shop)
        await work(shop)
        endpoint, _ = await listen(shop, receiver.url, PLACED)
        await work(shop)
        assert (receiver.heard, await states(shop, endpoint)) == ([], [])

    @pytest.mark.slow
    async def test_that_is_removed_hears_nothing_and_leaves_nothing(
        self, shop: RunningShop, receiver: Receiver
    ) -> None:
        endpoint, _ = await listen(shop, receiver.url, PLACED)
        await order(shop)
        await work(shop)
        async with shop.shop.context(viewer=GUEST) as ctx:
            await service.remove_endpoint(ctx, endpoint.id)
            with pytest.raises(WebhookEndpointNotFound):
                await service.remove_endpoint(ctx, endpoint.id)
        await order(shop)
        await work(shop)
        assert receiver.types == [PLACED]
        for table in ("webhook_endpoint", "webhook_attempt", "carried"):
            assert await shop.rows(table) == []
        left = [row for row in await shop.rows("delivery") if "webhook" in row["consumer"]]
        assert left == []

    async def test_that_is_given_other_events_hears_of_those_from_then_on(
        self, shop: RunningShop, receiver: Receiver
    ) -> None:
        endpoint, _ = await listen(shop, receiver.url, PLACED)
        async with shop.shop.context(viewer=GUEST) as ctx:
            draft = EndpointDraft(url=f"{receiver.url}/other", events=("MemberCreated",))
            await service.update_endpoint(ctx, endpoint.id, draft)
        await order(shop)
        await work(shop)
        assert receiver.types == ["MemberCreated"]


class TestSignatures:
    async def test_a_receiver_can_tell_who_sent_it(
        self, shop: RunningShop, receiver: Receiver
    ) -> None:
        shop.clock.set(datetime.now(UTC))
        _, secret = await listen(shop, receiver.url, PLACED)
        await order(shop)
        await work(shop)
        (heard,) = receiver.heard
        assert heard.headers["webhook-id"].startswith("evt_")
        assert Webhook(secret).verify(heard.body, heard.headers) == heard.told
        for body, headers in (
            (heard.body.replace(b"1000", b"1"), heard.headers),
            (heard.body, {**heard.headers, "webhook-id": "evt_other"}),
            (heard.body, {**heard.headers, "webhook-timestamp": "1"}),
        ):
            with pytest.raises(WebhookVerificationError):
                Webhook(secret).verify(body, headers)

    @pytest.mark.slow
    async def test_two_secrets_sign_while_one_is_rotated_and_then_one(
        self, shop: RunningShop, receiver: Receiver
    ) -> None:
        shop.clock.set(datetime.now(UTC))
        endpoint, first = await listen(shop, receiver.url, PLACED)
        async with shop.shop.context(viewer=GUEST) as ctx:
            _, second = await service.rotate_secret(ctx, endpoint.id, keep_hours=24)
        assert first != second
        await order(shop)
        await work(shop)
        shop.clock.advance(hours=24)
        await order(shop)
        await work(shop)
        during, after = (verified_by(one, first, second) for one in receiver.heard)
        assert (during, after) == ([first, second], [second])

    async def test_three_secrets_never_sign_at_once(
        self, shop: RunningShop, receiver: Receiver
    ) -> None:
        endpoint, first = await listen(shop, receiver.url, PLACED)
        async with shop.shop.context(viewer=GUEST) as ctx:
            _, second = await service.rotate_secret(ctx, endpoint.id, keep_hours=24)
            made, third = await service.rotate_secret(ctx, endpoint.id, keep_hours=24)
        valid = rules.valid_secrets(shop.settings.secret, made, now=shop.clock.now())
        assert valid == [third, second]
        assert first not in valid

    async def test_no_secret_is_in_the_database(
        self, shop: RunningShop, receiver: Receiver
    ) -> None:
        _, secret = await listen(shop, receiver.url, PLACED)
        await order(shop)
        await work(shop)
        assert secret.removeprefix("whsec_") not in str(await shop.snapshot())


class TestBadAnswers:
    @pytest.mark.slow
    async def test_one_event_that_is_not_taken_delays_those_of_its_order_and_no_others(
        self, shop: RunningShop, receiver: Receiver
    ) -> None:
        endpoint, _ = await listen(shop, receiver.url, PLACED, CANCELLED)
        bad, good = await order(shop, times=2)
        receiver.choose = lambda heard: 500 if heard.told["data"]["order_id"] == bad else 200
        for one in (bad, good):
            await cancel(shop, one)
        await work(shop)
        assert [one.told["data"]["order_id"] for one in receiver.heard].count(good) == 2
        by_order = {
            one: [heard.told["type"] for heard in receiver.heard if of(heard) == one]
            for one in (bad, good)
        }
        assert by_order == {bad: [PLACED], good: [PLACED, CANCELLED]}
        receiver.choose = None
        shop.clock.advance(seconds=5)
        await work(shop)
        told = [heard.told["type"] for heard in receiver.heard if of(heard) == bad]
        assert told == [PLACED, PLACED, CANCELLED]
        assert {state for _, state, _ in await states(shop, endpoint)} == {"done"}

    async def test_a_try_again_has_the_same_id_and_another_time(
        self, shop: RunningShop, receiver: Receiver
    ) -> None:
        await listen(shop, receiver.url, PLACED)
        receiver.status = 500
        await order(shop)
        await work(shop)
        receiver.status = 200
        shop.clock.advance(seconds=5)
        await work(shop)
        first, second = receiver.heard
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.body == second.body
        times = [int(one.headers["webhook-timestamp"]) for one in (first, second)]
        assert times[1] - times[0] == 5

    @pytest.mark.slow
    async def test_who_fails_is_asked_with_one_event_until_it_answers(
        self, shop: RunningShop, receiver: Receiver
    ) -> None:
        endpoint, _ = await listen(shop, receiver.url, PLACED)
        receiver.status = 503
        await order(shop, times=20)
        await work(shop)
        assert len(receiver.heard) == rules.AT_ONCE
        rests = []
        for _ in range(8):
            stands = await health(shop, endpoint)
            rest = datetime.fromisoformat(str(stands["rests_until"])).replace(tzinfo=UTC)
            rests.append((rest - shop.clock.now()).total_seconds())
            shop.clock.set(rest)
            await work(shop)
        assert len(receiver.heard) == rules.AT_ONCE + 8
        assert rests == [5, 10, 20, 40, 80, 160, 300, 300]
        receiver.status = 200
        shop.clock.advance(seconds=1_800)
        await work(shop)
        assert {state for _, state, _ in await states(shop, endpoint)} == {"done"}
        stands = await health(shop, endpoint)
        assert (stands["failures"], stands["failing_since"]) == (0, None)

    @pytest.mark.slow
    async def test_one_that_is_gone_is_disabled_at_once_and_staff_are_told(
        self, shop: RunningShop, receiver: Receiver
    ) -> None:
        endpoint, _ = await listen(shop, receiver.url, PLACED)
        async with receiving() as other:
            await listen(shop, other.url, "WebhookEndpointDisabled")
            receiver.status = 410
            await order(shop)
            await work(shop)
            await work(shop)
            shop.clock.advance(days=1)
            await order(shop)
            await work(shop)
            assert len(receiver.heard) == 1
            found = await endpoint_now(shop, endpoint)
            assert (found.state, found.disabled_by) == (EndpointState.DISABLED, DisabledBy.GONE)
            key = encode(WebhookEndpointId, endpoint.id)
            assert [one.told["data"] for one in other.heard] == [
                {"endpoint_id": key, "reason": "gone"}
            ]

    @pytest.mark.slow
    async def test_one_that_is_enabled_again_is_told_what_has_waited_for_it(
        self, shop: RunningShop, receiver: Receiver
    ) -> None:
        endpoint, _ = await listen(shop, receiver.url, PLACED)
        receiver.status = 410
        await order(shop)
        await work(shop)
        await order(shop)
        await work(shop)
        async with shop.shop.context(viewer=GUEST) as ctx:
            await service.enable_endpoint(ctx, endpoint.id)
        receiver.status = 200
        shop.clock.advance(seconds=5)
        await work(shop)
        assert await states(shop, endpoint) == [(PLACED, "done", 2), (PLACED, "done", 1)]


@pytest.mark.slow
@pytest.mark.parametrize("alone", [True, False], ids=["the real one", "without its key"])
async def test_two_workers_tell_an_endpoint_of_each_event_once(
    shop: RunningShop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    if not alone:
        # Naive by one line: an endpoint may have more than one job at a time.
        monkeypatch.setattr(couriers, "_unique", lambda consumer: str(new_id()))
    await listen(shop, receiver.url, PLACED)
    await order(shop, times=10)
    await asyncio.gather(*(work(shop) for _ in range(4)))
    keys = [one.headers["webhook-id"] for one in receiver.heard]
    assert len(set(keys)) == 10
    assert (len(keys) == 10) is alone


class TestReplay:
    async def test_an_event_is_told_again_by_its_id(
        self, shop: RunningShop, receiver: Receiver
    ) -> None:
        endpoint, _ = await listen(shop, receiver.url, PLACED)
        await order(shop, times=2)
        await work(shop)
        (first, _) = await attempts_of(shop, endpoint)
        async with shop.shop.context(viewer=GUEST) as ctx:
            assert await service.replay(ctx, endpoint.id, event_id=first.event_id) == 1
        await work(shop)
        keys = [one.headers["webhook-id"] for one in receiver.heard]
        assert keys.count(encode(EventId, first.event_id)) == 2
        assert len(keys) == 3

    @pytest.mark.slow
    async def test_all_of_a_time_is_told_again_also_of_before_the_endpoint(
        self, shop: RunningShop, receiver: Receiver
    ) -> None:
        await order(shop)
        shop.clock.advance(hours=1)
        since = shop.clock.now()
        await order(shop)
        await work(shop)
        endpoint, _ = await listen(shop, receiver.url, PLACED)
        await order(shop)
        await work(shop)
        async with shop.shop.context(viewer=GUEST) as ctx:
            assert await service.replay(ctx, endpoint.id, since=since) == 2
        await work(shop)
        assert receiver.types == [PLACED] * 3

    async def test_what_is_unclear_or_not_there_is_refused_and_changes_nothing(
        self, shop: RunningShop, receiver: Receiver
    ) -> None:
        endpoint, _ = await listen(shop, receiver.url, PLACED)
        await order(shop)
        await work(shop)
        before = await shop.snapshot()
        now = shop.clock.now()
        async with shop.shop.context(viewer=GUEST) as ctx:
            with pytest.raises(WebhookEventNotFound):
                await service.replay(ctx, endpoint.id, event_id=EventId(new_id()))
            with pytest.raises(WebhookReplayUnclear):
                await service.replay(ctx, endpoint.id)
            with pytest.raises(WebhookReplayUnclear):
                await service.replay(ctx, endpoint.id, event_id=EventId(new_id()), since=now)
            with pytest.raises(WebhookEndpointNotFound):
                await service.replay(ctx, WebhookEndpointId(new_id()), since=now)
        assert await shop.snapshot() == before

    async def test_a_disabled_endpoint_is_told_nothing_again(
        self, shop: RunningShop, receiver: Receiver
    ) -> None:
        endpoint, _ = await listen(shop, receiver.url, PLACED)
        async with shop.shop.context(viewer=GUEST) as ctx:
            await service.disable_endpoint(ctx, endpoint.id)
            with pytest.raises(WebhookEndpointIsDisabled) as refused:
                await service.replay(ctx, endpoint.id, since=shop.clock.now())
        assert refused.value.disabled_by == "staff"


async def test_what_is_no_endpoint_is_refused_and_changes_nothing(shop: RunningShop) -> None:
    before = await shop.snapshot()
    with pytest.raises(WebhookUrlInvalid):
        await listen(shop, "https://169.254.169.254/", PLACED)
    with pytest.raises(WebhookEventsInvalid) as refused:
        await listen(shop, "https://example.org/", PLACED, "OrderEaten")
    assert refused.value.unknown == "OrderEaten"
    with pytest.raises(WebhookEventsInvalid):
        await listen(shop, "https://example.org/")
    assert await shop.snapshot() == before
    endpoint, _ = await listen(shop, "https://example.org/", PLACED)
    async with shop.shop.context(viewer=GUEST) as ctx:
        with pytest.raises(WebhookKeepInvalid):
            await service.rotate_secret(ctx, endpoint.id, keep_hours=-1)
    assert await endpoint_now(shop, endpoint) == endpoint


async def cancel(shop: RunningShop, order_id: str) -> None:
    from koipond_sdk.testing.shop import STAFF

    document = """mutation($id: ID!) { cancelOrder(input: {orderId: $id}) {
        order { id } userErrors { code message } } }"""
    answer = await shop.graphql(document, {"id": order_id}, viewer=STAFF, admin=True)
    assert answer["data"]["cancelOrder"]["userErrors"] == [], answer


def of(heard: Heard) -> str:
    """Return which order a request is about."""
    return str(heard.told["data"]["order_id"])


def verified_by(heard: Heard, *secrets: str) -> list[str]:
    """Return the secrets that a request is signed by, whenever it was sent."""
    key, at, given = (heard.headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    sent = datetime.fromtimestamp(int(at), UTC)
    return [
        one for one in secrets if Webhook(one).sign(key, sent, heard.body.decode()) in given.split()
    ]
