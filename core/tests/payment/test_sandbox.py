"""What the sandbox does beyond the contract: its switches, and books that outlive the process."""

from pathlib import Path

import pytest
from core.tests.payment.test_contract import capture_of, charge, payment, refund

from koipond.payment.sandbox import Sandbox
from koipond.payment.types import PaymentState, RefundState
from koipond_sdk.testing import FakeClock


async def test_an_answer_that_is_lost_was_given_and_comes_the_next_time() -> None:
    sandbox = Sandbox(clock=FakeClock())
    wanted = charge(answer="lost")
    with pytest.raises(TimeoutError):
        await sandbox.create_charge(wanted)
    taken = await sandbox.find_charge(wanted.id)
    assert taken is not None
    assert taken.state is PaymentState.CAPTURED
    assert await sandbox.create_charge(wanted) == taken
    owed = refund(wanted, taken)
    with pytest.raises(TimeoutError):
        await sandbox.create_refund(owed)
    assert (await sandbox.create_refund(owed)).state is RefundState.DONE
    (record,) = sandbox.charges
    assert len(record.refunds) == 1


async def test_captures_and_voids_lose_their_answers_too() -> None:
    sandbox = Sandbox(clock=FakeClock())
    wanted = charge(answer="lost", outcome="authorised")
    with pytest.raises(TimeoutError):
        await sandbox.create_charge(wanted)
    held = await sandbox.create_charge(wanted)
    with pytest.raises(TimeoutError):
        await sandbox.capture(capture_of(wanted, held, 10_00))
    assert (await sandbox.capture(capture_of(wanted, held, 10_00))).captured_minor == 10_00
    with pytest.raises(TimeoutError):
        await sandbox.void(payment(wanted, held))
    assert (await sandbox.void(payment(wanted, held))).released


async def test_a_request_that_never_arrives_does_nothing() -> None:
    sandbox = Sandbox(clock=FakeClock())
    wanted = charge(answer="never")
    with pytest.raises(TimeoutError):
        await sandbox.create_charge(wanted)
    assert await sandbox.find_charge(wanted.id) is None
    assert (await sandbox.create_charge(wanted)).state is PaymentState.CAPTURED


async def test_it_tells_what_happened_in_its_order_and_knows_its_own_notices() -> None:
    sandbox = Sandbox(clock=FakeClock())
    wanted = charge(outcome="pending", refunds="agreed")
    await sandbox.create_charge(wanted)
    sandbox.finish(wanted.id)
    taken = await sandbox.find_charge(wanted.id)
    assert taken is not None
    owed = refund(wanted, taken, 40_00)
    assert (await sandbox.create_refund(owed)).state is RefundState.PENDING
    sandbox.finish_refund(owed.id)
    sandbox.refund_here(wanted.id, 10_00)
    notices = sandbox.notices
    assert [one.charge.state.name for one in notices] == ["PENDING", *["CAPTURED"] * 4]
    assert [
        [(told.amount_minor, told.state.name, told.refund_id) for told in one.refunds]
        for one in notices[2:]
    ] == [
        [(40_00, "PENDING", owed.id)],
        [(40_00, "DONE", owed.id)],
        [(40_00, "DONE", owed.id), (10_00, "DONE", None)],
    ]
    for one in notices:
        signed = sandbox.sign(one)
        assert sandbox.parse_webhook(signed.headers, signed.body) == [one]


async def test_a_buyer_may_decline_and_a_refund_may_be_refused() -> None:
    sandbox = Sandbox(clock=FakeClock())
    wanted = charge(outcome="pending")
    await sandbox.create_charge(wanted)
    sandbox.finish(wanted.id, declined=True)
    declined = await sandbox.find_charge(wanted.id)
    assert declined is not None
    assert declined.state is PaymentState.FAILED
    other = charge(refunds="agreed")
    taken = await sandbox.create_charge(other)
    owed = refund(other, taken)
    await sandbox.create_refund(owed)
    sandbox.finish_refund(owed.id, refused=True)
    assert (await sandbox.create_refund(owed)).state is RefundState.FAILED


async def test_books_in_a_file_outlive_their_process(tmp_path: Path) -> None:
    file = str(tmp_path / "sandbox.db")
    wanted = charge()
    taken = await Sandbox(file=file).create_charge(wanted)
    later = Sandbox(file=file)
    assert await later.find_charge(wanted.id) == taken
    assert len(later.notices) == 1


async def test_a_refund_of_a_charge_whose_books_are_lost_is_given() -> None:
    wanted = charge()
    taken = await Sandbox().create_charge(wanted)
    assert (await Sandbox().create_refund(refund(wanted, taken))).state is RefundState.DONE
