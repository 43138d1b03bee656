"""Several payments on one order: together they never ask for more than is due."""

import asyncio
from types import ModuleType
from uuid import uuid4

import pytest
from core.tests.payment.till import PLACE, Till, codes, tender
from core.tests.quota.rebuilt import rebuilt

from koipond.kernel.faults import planned
from koipond.kernel.ids import OrderId, decode
from koipond.kernel.money import Currency, Money
from koipond.kernel.quantity import Quantity
from koipond.member.types import Contact
from koipond.order import service as orders
from koipond.order.service import paying
from koipond.order.types import CheckoutDetails, LineWish, OrderState, OrderWish, PaymentWish
from koipond.payment.errors import PaymentAmountInvalid, PaymentUnresolved
from koipond.payment.sandbox import KEY, Sandbox
from koipond.payment.types import Charge, ChargeResult, Payment, PaymentState

pytestmark = pytest.mark.story


async def unpaid(till: Till) -> tuple[OrderId, str]:
    """Return a placed order of 100.00 and its token."""
    placed = await till.place(await till.stock())
    return decode(OrderId, placed["order"]["id"]), placed["token"]


async def amounts(till: Till, order_id: OrderId) -> list[tuple[str, int]]:
    return [(one.state.name, one.amount.amount_minor) for one in await till.payments(order_id)]


async def test_an_order_is_placed_with_two_tenders_and_confirmed_when_they_cover_it(
    till: Till,
) -> None:
    placed = await till.place(await till.stock(), tender("30.00"), tender())
    assert (codes(placed), placed["order"]["state"]) == ([], "CONFIRMED")
    order_id = decode(OrderId, placed["order"]["id"])
    assert await amounts(till, order_id) == [("CAPTURED", 30_00), ("CAPTURED", 70_00)]


async def test_one_tender_needs_no_list(till: Till) -> None:
    placed = await till.place(await till.stock(), payment=tender())
    assert placed["order"]["state"] == "CONFIRMED"


async def test_the_same_request_again_takes_no_tender_twice(till: Till) -> None:
    wish = {"idempotencyKey": str(uuid4()), "payment": [tender("30.00"), tender()]}
    tea = await till.stock()
    first = await till.place(tea, **wish)
    before = await till.shop.snapshot()
    assert await till.place(tea, **wish) == first
    assert await till.shop.snapshot() == before


@pytest.mark.parametrize("amount", [None, Money(30_00, Currency("EUR"))])
async def test_the_answer_is_the_order_as_it_is_read_afterwards(
    till: Till, amount: Money | None
) -> None:
    tea = LineWish(variant_id=await till.stock(), quantity=Quantity(1))
    first = () if amount is None else (PaymentWish(provider=KEY, amount=amount),)
    wish = OrderWish(
        idempotency_key=str(uuid4()),
        lines=(tea,),
        details=CheckoutDetails(contact=Contact(name="Lin", email="lin@example.org")),
        payments=(*first, PaymentWish(provider=KEY)),
    )
    async with till.shop.context() as ctx:
        answer = await orders.place_order(ctx, wish)
        assert answer.order == await orders.find_any_order(ctx, order_id=answer.order.id)
        assert answer.order.state is OrderState.CONFIRMED
        assert await orders.place_order(ctx, wish) == answer


async def test_an_order_is_paid_part_by_part(till: Till) -> None:
    order_id, token = await unpaid(till)
    part = await till.pay(order_id, token, amount={"amount": "60.00", "currency": "EUR"})
    assert (part["order"]["state"], part["order"]["due"]) == ("PLACED", {"amount": "40.00"})
    rest = await till.pay(order_id, token)
    assert (rest["order"]["state"], rest["order"]["due"]) == ("CONFIRMED", {"amount": "0.00"})
    assert await amounts(till, order_id) == [("CAPTURED", 60_00), ("CAPTURED", 40_00)]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ({"amount": "100.01", "currency": "EUR"}, "PAYMENT_AMOUNT_INVALID"),
        ({"amount": "0.00", "currency": "EUR"}, "PAYMENT_AMOUNT_INVALID"),
        ({"amount": "1.00", "currency": "CNY"}, "PAYMENT_AMOUNT_INVALID"),
        ({"amount": "-1.00", "currency": "EUR"}, "AMOUNT_INVALID"),
        ({"amount": "1.00", "currency": "XQQ"}, "CURRENCY_UNKNOWN"),
    ],
)
async def test_an_amount_that_is_not_due_is_refused(
    till: Till, amount: dict[str, str], code: str
) -> None:
    order_id, token = await unpaid(till)
    before = await till.shop.snapshot()
    assert codes(await till.pay(order_id, token, amount=amount)) == [code]
    assert await till.shop.snapshot() == before


async def test_tenders_that_do_not_fit_the_order_place_nothing(till: Till) -> None:
    tea = await till.stock()
    before = await till.shop.snapshot()
    refused = await till.place(tea, tender("60.00"), tender("50.00"))
    assert codes(refused) == ["PAYMENT_AMOUNT_INVALID"]
    assert refused["userErrors"][0]["field"] == "payment.1.amount"
    assert codes(await till.place(tea, tender(), tender())) == []
    assert codes(await till.place(tea, {"provider": "moon"})) == ["PAYMENT_PROVIDER_UNKNOWN"]
    after = await till.shop.snapshot()
    assert (len(before["order"]), len(after["order"])) == (0, 1)


async def test_behind_a_declined_tender_nothing_is_taken(till: Till) -> None:
    placed = await till.place(
        await till.stock(), tender("60.00", outcome="declined"), tender("40.00")
    )
    assert (codes(placed), placed["order"]["state"]) == (["PAYMENT_DECLINED"], "PLACED")
    order_id = decode(OrderId, placed["order"]["id"])
    assert await amounts(till, order_id) == [("FAILED", 60_00)]


async def test_authorised_money_covers_an_order(till: Till) -> None:
    order_id, _ = await till.buy(outcome="authorised")
    assert (await till.order(order_id)).state is OrderState.CONFIRMED
    assert (await till.payment(order_id)).state is PaymentState.AUTHORISED


async def test_a_tender_that_waits_for_the_buyer_makes_room_for_another(till: Till) -> None:
    order_id, token = await till.buy(outcome="pending")
    first = await till.payment(order_id)
    assert first.action == {"kind": "approve"}
    paid = await till.pay(order_id, token)
    assert (codes(paid), paid["order"]["state"]) == ([], "CONFIRMED")
    assert await amounts(till, order_id) == [("VOIDED", 100_00), ("CAPTURED", 100_00)]
    assert till.sandbox.charges[0].result.released


async def test_beside_a_tender_without_an_answer_no_other_is_begun(till: Till) -> None:
    order_id, token = await unpaid(till)
    data = tender(answer="never")["data"]
    assert codes(await till.pay(order_id, token, data=data)) == ["PAYMENT_UNRESOLVED"]
    assert codes(await till.pay(order_id, token)) == ["PAYMENT_UNRESOLVED"]
    assert await amounts(till, order_id) == [("PENDING", 100_00)]
    till.shop.clock.advance(seconds=30)
    assert codes(await till.pay(order_id, token)) == []
    assert await amounts(till, order_id) == [("FAILED", 100_00), ("CAPTURED", 100_00)]


async def test_a_payment_whose_answer_was_lost_is_taken_once(till: Till) -> None:
    """Battery 20: the provider times out after success."""
    tea = await till.stock()
    wish = {"idempotencyKey": str(uuid4()), "payment": [tender("30.00", answer="lost"), tender()]}
    assert codes(await till.place(tea, **wish)) == ["PAYMENT_UNRESOLVED"]
    placed = await till.place(tea, **wish)
    assert (codes(placed), placed["order"]["state"]) == ([], "CONFIRMED")
    assert len(till.sandbox.charges) == 2
    await till.check_books()


async def test_money_that_came_beside_what_was_due_goes_back(till: Till) -> None:
    """A payment that was taken for lost had been taken: the order is paid twice."""
    order_id, token = await unpaid(till)
    data = tender(answer="never", outcome="pending")["data"]
    await till.pay(order_id, token, data=data)
    till.shop.clock.advance(seconds=30)
    await till.pay(order_id, token)
    lost, _ = await till.payments(order_id)
    assert lost.state is PaymentState.FAILED
    await till.sandbox.create_charge(charge_again(lost, data))
    till.sandbox.finish(lost.id)
    await till.sandbox.deliver(till.post)
    assert await till.refunds(order_id) == [("PENDING", 100_00, "SURPLUS")]
    await till.work()
    assert await till.refunds(order_id) == [("DONE", 100_00, "SURPLUS")]
    assert (await till.order(order_id)).state is OrderState.CONFIRMED
    await till.check_books()


def charge_again(lost: Payment, data: list[dict[str, str]]) -> Charge:
    switches = {one["key"]: one["value"] for one in data}
    return Charge(id=lost.id, order_id=lost.order_id, amount=lost.amount, data=switches)


class Patient(Sandbox):
    """Answers no charge before everybody who pays has asked for one, or was refused."""

    def __init__(self, till: Till) -> None:
        super().__init__(clock=till.shop.clock)
        till.install(self)

    def expect(self, payers: int) -> None:
        self._missing = payers
        self._all_came = asyncio.Event()

    def come(self) -> None:
        self._missing -= 1
        if self._missing == 0:
            self._all_came.set()

    async def create_charge(self, charge: Charge) -> ChargeResult:
        self.come()
        await self._all_came.wait()
        return await super().create_charge(charge)


async def race(
    till: Till, patient: Patient, build: ModuleType, payers: int = 8
) -> tuple[int, list[str]]:
    """Pay 60.00 of 100.00 by many at once; returns what was taken, and how the others ended."""
    order_id, token = await unpaid(till)
    patient.expect(payers)
    ends = []

    async def pay() -> None:
        wish = PaymentWish(provider=KEY, amount=Money(60_00, Currency("EUR")))
        async with till.shop.context() as ctx:
            try:
                await build.pay_order(
                    ctx, order_id, wish, token=token, idempotency_key=str(uuid4())
                )
                ends.append("paid")
            except (PaymentAmountInvalid, PaymentUnresolved) as error:
                ends.append(error.code)
                patient.come()

    await asyncio.gather(*(pay() for _ in range(payers)))
    taken = sum(one.captured.amount_minor for one in await till.payments(order_id))
    return taken, ends


@pytest.mark.slow
async def test_tenders_at_once_never_take_more_than_is_due(till: Till) -> None:
    patient = Patient(till)
    for _ in range(3):
        taken, ends = await race(till, patient, paying)
        assert (taken, ends.count("paid")) == (60_00, 1)


@pytest.mark.slow
async def test_on_a_naive_build_tenders_at_once_take_too_much(till: Till) -> None:
    """It differs by one line: payments whose outcome is not known do not count."""
    naive = rebuilt(
        "koipond.order.service.paying",
        "    due = (await find_due(ctx, [order], {order.id: payments}))[order.id]\n",
        "    due = order.total - payment_rules.covered(payments, order.total.currency)\n",
    )
    patient, lost = Patient(till), 0
    for _ in range(10):
        taken, _ = await race(till, patient, naive, payers=4)
        lost += taken > 60_00
        # What was taken twice goes back by itself.
        await till.work()
    assert lost >= 9


async def test_a_request_that_is_repeated_at_once_takes_one_payment(till: Till) -> None:
    tea = await till.stock()
    wish = {
        "lines": [{"variantId": tea, "quantity": 1}],
        "contact": {"email": "lin@example.org"},
        "payment": [tender()],
        "idempotencyKey": str(uuid4()),
    }
    answers = await asyncio.gather(*(till.ask(PLACE, **wish) for _ in range(6)))
    assert {one["order"]["id"] for one in answers if one["order"]} == {answers[0]["order"]["id"]}
    assert len(till.sandbox.charges) == 1
    assert len(await till.shop.rows("payment")) == 1


class Died(BaseException):
    """The process has ended; nothing catches it."""


DEATHS = [
    "payment.stored.before_commit",
    "payment.begun",
    "payment.provider_answered.before_apply",
    "payment.applied.before_commit",
    "payment.applied",
]


@pytest.mark.parametrize("place", DEATHS)
async def test_a_died_request_is_resumed_at_the_tender_where_it_died(
    till: Till, place: str
) -> None:
    def die(here: str) -> None:
        if here == place:
            raise Died

    wish = OrderWish(
        idempotency_key=str(uuid4()),
        lines=(LineWish(variant_id=await till.stock(), quantity=Quantity(1)),),
        details=CheckoutDetails(contact=Contact(name="", email="lin@example.org", phone=None)),
        payments=(
            PaymentWish(provider=KEY, amount=Money(30_00, Currency("EUR"))),
            PaymentWish(provider=KEY),
        ),
    )
    async with till.shop.context() as ctx:
        with planned(die), pytest.raises(Died):
            await orders.place_order(ctx, wish)
    till.shop.clock.advance(seconds=31)
    async with till.shop.context() as ctx:
        placed = await orders.place_order(ctx, wish)
    assert placed.order.state is OrderState.CONFIRMED
    taken = [one for one in await amounts(till, placed.order.id) if one[0] == "CAPTURED"]
    assert taken == [("CAPTURED", 30_00), ("CAPTURED", 70_00)]
    assert len(till.sandbox.charges) == 2
    await till.check_books()


async def test_eleven_tenders_at_once_are_refused_and_change_nothing(till: Till) -> None:
    """Each asks a provider: 300 of one cent kept a server busy for 18 s."""
    tea = await till.stock()
    before = await till.shop.snapshot()
    placed = await till.place(tea, *[tender("0.01")] * 11)
    assert codes(placed) == ["TOO_MANY_PAYMENTS"]
    assert await till.shop.snapshot() == before
    placed = await till.place(tea, *[tender("0.01")] * 9, tender())
    assert (codes(placed), placed["order"]["state"]) == ([], "CONFIRMED")
