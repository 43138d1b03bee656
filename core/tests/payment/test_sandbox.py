"""The contract of a payment provider, held by `sandbox`. A real one joins PROVIDERS."""

import pytest

from koipond.kernel.ids import OrderId, PaymentId, RefundId, new_id
from koipond.kernel.money import Currency, Money
from koipond.payment.sandbox import Sandbox
from koipond.payment.types import (
    Charge,
    PaymentProvider,
    PaymentState,
    Refund,
    RefundState,
)

PROVIDERS = {"sandbox": Sandbox}


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> PaymentProvider:
    made: PaymentProvider = PROVIDERS[request.param]()
    return made


def charge(**data: str) -> Charge:
    return Charge(
        id=PaymentId(new_id()),
        order_id=OrderId(new_id()),
        amount=Money(25_00, Currency("EUR")),
        data=data,
    )


async def test_a_charge_is_captured_in_full(provider: PaymentProvider) -> None:
    result = await provider.create_charge(charge())
    assert (result.state, result.captured_minor) == (PaymentState.CAPTURED, 25_00)
    assert result.reference


async def test_a_declined_charge_takes_nothing_and_says_why(provider: PaymentProvider) -> None:
    result = await provider.create_charge(charge(outcome="declined"))
    assert (result.state, result.captured_minor) == (PaymentState.FAILED, 0)
    assert result.failure


async def test_the_same_charge_again_is_the_same_one(provider: PaymentProvider) -> None:
    wanted = charge()
    assert await provider.create_charge(wanted) == await provider.create_charge(wanted)


async def test_a_charge_can_be_asked_about(provider: PaymentProvider) -> None:
    wanted = charge()
    assert await provider.find_charge(wanted.id) is None
    result = await provider.create_charge(wanted)
    assert await provider.find_charge(wanted.id) == result


async def test_a_refund_may_be_asked_for_again(provider: PaymentProvider) -> None:
    wanted = charge()
    result = await provider.create_charge(wanted)
    refund = Refund(
        id=RefundId(new_id()),
        payment_id=wanted.id,
        order_id=wanted.order_id,
        provider="sandbox",
        reference=result.reference,
        state=RefundState.PENDING,
        amount=wanted.amount,
    )
    await provider.create_refund(refund)
    await provider.create_refund(refund)
