"""The contract of a payment provider, which each one has to keep. A real one joins PROVIDERS.

A provider is made with a clock; its charges do what `switches` say in its own words.
"""

from collections.abc import Callable
from typing import Any

import pytest

from koipond.kernel.ids import OrderId, PaymentId, RefundId, new_id
from koipond.kernel.money import Currency, Money
from koipond.payment.sandbox import Sandbox
from koipond.payment.types import (
    Capture,
    Charge,
    ChargeResult,
    Payment,
    PaymentProvider,
    PaymentState,
    Refund,
    RefundReason,
    RefundState,
    WebhookRefused,
)
from koipond_sdk.testing import FakeClock

EUR = Currency("EUR")
PROVIDERS: dict[str, Callable[[], PaymentProvider]] = {
    "sandbox": lambda: Sandbox(clock=FakeClock())
}
# What each provider calls a charge that is declined, and one that waits for its buyer.
DECLINED = {"outcome": "declined"}
WAITING = {"outcome": "pending"}


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> PaymentProvider:
    return PROVIDERS[request.param]()


def charge(*, capture: bool = True, **data: str) -> Charge:
    return Charge(
        id=PaymentId(new_id()),
        order_id=OrderId(new_id()),
        amount=Money(100_00, EUR),
        data=data,
        capture=capture,
    )


def payment(of: Charge, result: ChargeResult) -> Payment:
    captured = Money(result.captured_minor, EUR)
    return Payment(
        id=of.id,
        order_id=of.order_id,
        provider="any",
        state=result.state,
        amount=of.amount,
        authorised=Money(max(result.authorised_minor, result.captured_minor), EUR),
        captured=captured,
        refunded=Money(0, EUR),
        capturing=captured,
        released=result.released,
        reference=result.reference,
        failure=result.failure,
        action=result.action,
        request_key=None,
        created_at=FakeClock().now(),
    )


def capture_of(of: Charge, result: ChargeResult, amount: int) -> Capture:
    known = payment(of, result)
    more = Money(amount, EUR)
    return Capture(payment=known, amount=more, total=known.captured + more)


def refund(of: Charge, result: ChargeResult, amount: int = 100_00, **given: Any) -> Refund:
    usual: dict[str, Any] = {
        "id": RefundId(new_id()),
        "payment_id": of.id,
        "order_id": of.order_id,
        "provider": "any",
        "payment_reference": result.reference,
        "state": RefundState.PENDING,
        "amount": Money(amount, EUR),
        "reason": RefundReason.STAFF,
    }
    return Refund(**(usual | given))


async def test_a_charge_is_captured_in_full(provider: PaymentProvider) -> None:
    result = await provider.create_charge(charge())
    assert (result.state, result.captured_minor, result.authorised_minor) == (
        PaymentState.CAPTURED,
        100_00,
        100_00,
    )
    assert result.reference


async def test_a_charge_is_authorised_if_it_is_not_to_be_captured(
    provider: PaymentProvider,
) -> None:
    result = await provider.create_charge(charge(capture=False))
    assert (result.state, result.captured_minor, result.authorised_minor) == (
        PaymentState.AUTHORISED,
        0,
        100_00,
    )


async def test_a_declined_charge_takes_nothing_and_says_why(provider: PaymentProvider) -> None:
    result = await provider.create_charge(charge(**DECLINED))
    assert (result.state, result.captured_minor, result.authorised_minor) == (
        PaymentState.FAILED,
        0,
        0,
    )
    assert result.failure


async def test_a_charge_that_waits_says_what_the_buyer_must_do(provider: PaymentProvider) -> None:
    result = await provider.create_charge(charge(**WAITING))
    assert (result.state, result.captured_minor) == (PaymentState.PENDING, 0)
    assert result.action
    assert result.reference


async def test_the_same_charge_again_is_the_same_one(provider: PaymentProvider) -> None:
    wanted = charge()
    assert await provider.create_charge(wanted) == await provider.create_charge(wanted)


async def test_a_charge_can_be_asked_about(provider: PaymentProvider) -> None:
    wanted = charge()
    assert await provider.find_charge(wanted.id) is None
    result = await provider.create_charge(wanted)
    assert await provider.find_charge(wanted.id) == result


async def test_what_is_authorised_is_captured_in_parts_each_once(provider: PaymentProvider) -> None:
    wanted = charge(capture=False)
    result = await provider.create_charge(wanted)
    part = capture_of(wanted, result, 30_00)
    first = await provider.capture(part)
    assert (first.state, first.captured_minor) == (PaymentState.CAPTURED, 30_00)
    assert await provider.capture(part) == first
    rest = capture_of(wanted, first, 70_00)
    assert (await provider.capture(rest)).captured_minor == 100_00
    assert await provider.capture(rest) == await provider.find_charge(wanted.id)


async def test_no_more_is_captured_than_is_authorised(provider: PaymentProvider) -> None:
    wanted = charge(capture=False)
    result = await provider.create_charge(wanted)
    assert (await provider.capture(capture_of(wanted, result, 100_01))).captured_minor == 0


async def test_what_is_let_go_is_never_captured(provider: PaymentProvider) -> None:
    wanted = charge(capture=False)
    result = await provider.create_charge(wanted)
    gone = await provider.void(payment(wanted, result))
    assert (gone.state, gone.released, gone.captured_minor) == (PaymentState.VOIDED, True, 0)
    assert await provider.void(payment(wanted, result)) == gone
    assert (await provider.capture(capture_of(wanted, result, 1))).captured_minor == 0


async def test_letting_go_of_a_part_gives_nothing_back(provider: PaymentProvider) -> None:
    wanted = charge(capture=False)
    result = await provider.create_charge(wanted)
    part = await provider.capture(capture_of(wanted, result, 30_00))
    gone = await provider.void(payment(wanted, part))
    assert (gone.state, gone.released, gone.captured_minor) == (PaymentState.CAPTURED, True, 30_00)


async def test_letting_go_of_what_is_captured_tells_what_is_the_case(
    provider: PaymentProvider,
) -> None:
    wanted = charge()
    result = await provider.create_charge(wanted)
    assert await provider.void(payment(wanted, result)) == result


async def test_a_charge_that_waits_can_be_let_go(provider: PaymentProvider) -> None:
    wanted = charge(**WAITING)
    result = await provider.create_charge(wanted)
    gone = await provider.void(payment(wanted, result))
    assert (gone.state, gone.captured_minor) == (PaymentState.VOIDED, 0)


async def test_a_refund_may_be_asked_for_again(provider: PaymentProvider) -> None:
    wanted = charge()
    result = await provider.create_charge(wanted)
    owed = refund(wanted, result, 60_00)
    first = await provider.create_refund(owed)
    assert (first.state, bool(first.reference)) == (RefundState.DONE, True)
    assert await provider.create_refund(owed) == first
    rest = await provider.create_refund(refund(wanted, result, 40_00))
    assert rest.state is RefundState.DONE


async def test_no_more_is_given_back_than_was_captured(provider: PaymentProvider) -> None:
    wanted = charge()
    result = await provider.create_charge(wanted)
    assert (await provider.create_refund(refund(wanted, result, 60_00))).failure is None
    second = await provider.create_refund(refund(wanted, result, 60_00))
    assert second.state is RefundState.FAILED
    assert second.failure


def test_a_notice_that_is_not_signed_is_refused(provider: PaymentProvider) -> None:
    with pytest.raises(WebhookRefused):
        provider.parse_webhook({}, b"{}")
    assert provider.merchant
