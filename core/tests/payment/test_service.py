"""Payments whose provider gives no answer, on both databases."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from koipond.kernel.ids import OrderId, PaymentId, VariantId, decode, encode
from koipond.payment import service
from koipond.payment.sandbox import KEY, Sandbox
from koipond.payment.types import Charge, ChargeResult, PaymentProvider
from koipond_sdk.testing import RunningShop

PLACE = """mutation($input: PlaceOrderInput!) { done: placeOrder(input: $input) {
  token order { id state payments { state } } userErrors { code }
} }"""


class Silent(Sandbox):
    """A sandbox whose answers to `create_charge` get lost, `taking` the money before or not."""

    def __init__(self, *, taking: bool) -> None:
        super().__init__()
        self.taking = taking
        self.silent = True
        self.asked: list[PaymentId] = []

    async def create_charge(self, charge: Charge) -> ChargeResult:
        self.asked.append(charge.id)
        if self.silent and not self.taking:
            raise TimeoutError
        result = await super().create_charge(charge)
        if self.silent:
            raise TimeoutError
        return result

    @property
    def taken(self) -> int:
        return len(self.charges)


def install(shop: RunningShop, provider: Silent) -> Silent:
    shop.shop.providers[PaymentProvider][KEY] = provider  # type: ignore[index]  # a plain dict here
    return provider


async def wish(shop: RunningShop) -> dict[str, Any]:
    made = await shop.make_product("TEA-1")
    return {
        "lines": [{"variantId": encode(VariantId, made.variants["TEA-1"]), "quantity": 1}],
        "contact": {"email": "lin@example.org"},
        "payment": {"provider": KEY},
        "idempotencyKey": str(uuid4()),
    }


async def place(shop: RunningShop, wanted: dict[str, Any]) -> dict[str, Any]:
    answer = await shop.graphql(PLACE, {"input": wanted})
    payload: dict[str, Any] = answer["data"]["done"]
    return payload


@pytest.mark.parametrize("taking", [True, False])
async def test_a_payment_without_an_answer_is_taken_once_by_a_repeat(
    shop: RunningShop, taking: bool
) -> None:
    provider = install(shop, Silent(taking=taking))
    wanted = await wish(shop)
    unknown = await place(shop, wanted)
    assert [error["code"] for error in unknown["userErrors"]] == ["PAYMENT_UNRESOLVED"]
    provider.silent = False
    settled = await place(shop, wanted)
    assert (settled["order"]["state"], settled["userErrors"]) == ("CONFIRMED", [])
    assert [one["state"] for one in settled["order"]["payments"]] == ["CAPTURED"]
    assert (provider.taken, len(set(provider.asked))) == (1, 1)


async def test_a_payment_that_nobody_heard_of_counts_as_failed_after_its_time(
    shop: RunningShop,
) -> None:
    provider = install(shop, Silent(taking=False))
    wanted = await wish(shop)
    await place(shop, wanted)
    (row,) = await shop.rows("order")
    async with shop.context() as ctx:
        waiting = await service.resolve(ctx, OrderId(UUID(str(row["id"]))))
        assert [one.is_pending for one in waiting] == [True]
        shop.clock.advance(seconds=ctx.settings.idempotency_lease_s)
        assert await service.resolve(ctx, OrderId(UUID(str(row["id"])))) == []
    (payment,) = await shop.rows("payment")
    assert (payment["state"], payment["captured_minor"]) == ("failed", 0)
    provider.silent = False
    settled = await place(shop, wanted)
    assert [one["state"] for one in settled["order"]["payments"]] == ["FAILED", "CAPTURED"]
    assert provider.taken == 1


async def test_an_answer_that_comes_again_changes_nothing(shop: RunningShop) -> None:
    bought = await place(shop, await wish(shop))
    order_id = decode(OrderId, bought["order"]["id"])
    async with shop.context() as ctx:
        (payment,) = await service.find_payments(ctx, order_id)
        before = await shop.snapshot()
        again = ChargeResult(
            state=payment.state, captured_minor=payment.captured.amount_minor, reference="other"
        )
        await service.apply_result(ctx, payment.id, again)
    assert await shop.snapshot() == before
