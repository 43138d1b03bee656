"""The provider `sandbox`: takes no money, answers as a real one would; to develop and test.

A charge's data are its switches:

    outcome   captured (default), authorised, declined, or pending: the buyer must act, see `finish`
    answer    given (default), lost: what is asked is done, but the first answer does not arrive;
              never: the first request for the charge does not even arrive
    refunds   given (default), agreed: they end by `finish_refund`; refused

Its notices wait in `notices`, in the order in which things happened; a test sends them so, twice,
late, the other way round or not at all.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from secrets import token_urlsafe
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from koipond.kernel.clock import Clock, SystemClock
from koipond.kernel.ids import PaymentId, RefundId, new_id
from koipond.kernel.money import Currency, Money
from koipond.payment.rules import check_signature, sign
from koipond.payment.types import (
    Capture,
    Charge,
    ChargeResult,
    Payment,
    PaymentState,
    ProviderEvent,
    Refund,
    RefundResult,
    RefundState,
    ToldRefund,
    WebhookRefused,
)

KEY = "sandbox"
Send = Callable[[dict[str, str], bytes], Awaitable[int]]
_TABLES = """
CREATE TABLE IF NOT EXISTS charge (id TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS notice (place INTEGER PRIMARY KEY, record TEXT NOT NULL);
"""


class GivenBack(Struct, frozen=True, kw_only=True):
    """A refund in the sandbox's books; key: our id, or None for one that was made there."""

    key: RefundId | None
    reference: str
    amount_minor: int
    state: RefundState


class Record(Struct, frozen=True, kw_only=True):
    """A charge in the sandbox's books."""

    id: PaymentId
    amount_minor: int
    currency: Currency
    capture: bool
    switches: dict[str, str]
    result: ChargeResult
    captures: dict[str, int] = {}
    refunds: tuple[GivenBack, ...] = ()
    # What was asked whose answer was lost once.
    lost: tuple[str, ...] = ()


class Notice(Struct, frozen=True, kw_only=True):
    """A signed notice, ready to be sent."""

    headers: dict[str, str]
    body: bytes


class Sandbox:
    """Keeps the contract of PaymentProvider; its books are a file, or in the process's memory."""

    merchant = "koipond-sandbox"

    def __init__(
        self, *, secret: str | None = None, file: str = "", clock: Clock | None = None
    ) -> None:
        """secret: signs notices; None is a new one. file: where the books outlive the process."""
        self._secret = (secret or token_urlsafe()).encode()
        self._clock = clock or SystemClock()
        self._books = sqlite3.connect(
            file or ":memory:", check_same_thread=False, isolation_level=None, timeout=10
        )
        self._books.executescript(_TABLES)

    async def create_charge(self, charge: Charge) -> ChargeResult:
        """Do what the charge's switches say, once."""
        switches = dict(charge.data)
        known = self.look(charge.id)
        if known is None and switches.get("answer") == "never":
            self._write(_record(charge, ChargeResult(state=PaymentState.PENDING), lost=("charge",)))
            raise TimeoutError("the sandbox was told not to hear")
        if known is None or known.result.reference is None:
            lost = known.lost if known else ()
            known = _record(charge, _begin(charge), lost=lost)
            self._change(known)
        self._lose(known, "charge")
        return known.result

    async def find_charge(self, payment_id: PaymentId) -> ChargeResult | None:
        """Return what became of a charge."""
        known = self.look(payment_id)
        return None if known is None or known.result.reference is None else known.result

    async def capture(self, capture: Capture) -> ChargeResult:
        """Take what is authorised, once for each key."""
        known = self._known(capture.payment.id)
        result = known.result
        free = 0 if result.released else result.authorised_minor - result.captured_minor
        if capture.key not in known.captures and 0 < capture.amount.amount_minor <= free:
            total = result.captured_minor + capture.amount.amount_minor
            result = replace(result, state=PaymentState.CAPTURED, captured_minor=total)
            captures = known.captures | {capture.key: capture.amount.amount_minor}
            known = replace(known, result=result, captures=captures)
            self._change(known)
        self._lose(known, f"capture {capture.key}")
        return known.result

    async def void(self, payment: Payment) -> ChargeResult:
        """Let go of what is not captured."""
        known = self._known(payment.id)
        result = known.result
        final = {PaymentState.FAILED, PaymentState.VOIDED}
        if result.state not in final and not result.released and not _is_all_taken(result):
            taken = result.captured_minor > 0
            state = PaymentState.CAPTURED if taken else PaymentState.VOIDED
            known = replace(known, result=replace(result, state=state, released=True, action={}))
            self._change(known)
        self._lose(known, "void")
        return known.result

    async def create_refund(self, refund: Refund) -> RefundResult:
        """Give money back, once for each id."""
        known = self.look(refund.payment_id)
        if known is None:
            # Books in memory were lost with their process; there was no money in them.
            return RefundResult(state=RefundState.DONE, reference=f"sandbox-{refund.id}")
        found = next((one for one in known.refunds if one.key == refund.id), None)
        if found is None:
            found = _give_back(known, refund)
            known = replace(known, refunds=(*known.refunds, found))
            self._change(known)
        self._lose(known, f"refund {refund.id}")
        failed = found.state is RefundState.FAILED
        failure = "the sandbox was told to refuse, or more than was taken" if failed else None
        return RefundResult(state=found.state, reference=found.reference, failure=failure)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ProviderEvent]:
        """Return the one event of a notice that this sandbox signed."""
        check_signature(headers, body, secrets=[self._secret], now=self._clock.now())
        try:
            return [msgspec.json.decode(body, type=ProviderEvent)]
        except msgspec.MsgspecError as error:
            raise WebhookRefused("it is signed, but cannot be read") from error

    @property
    def notices(self) -> list[ProviderEvent]:
        """What the sandbox has to tell, in the order in which it happened."""
        rows = self._books.execute("SELECT record FROM notice ORDER BY place")
        return [msgspec.json.decode(text, type=ProviderEvent) for (text,) in rows]

    @property
    def charges(self) -> list[Record]:
        """The books, for tests to compare ours with."""
        rows = self._books.execute("SELECT record FROM charge ORDER BY id")
        return [msgspec.json.decode(text, type=Record) for (text,) in rows]

    async def deliver(self, send: Send, *, times: int = 1, reverse: bool = False) -> list[int]:
        """Send all notices by `send(headers, body)`, each so often; returns what was answered."""
        notices = list(reversed(self.notices)) if reverse else self.notices
        signed = [self.sign(one) for one in notices for _ in range(times)]
        return [await send(one.headers, one.body) for one in signed]

    def sign(self, event: ProviderEvent) -> Notice:
        """Return a notice as it is sent now."""
        body = msgspec.json.encode(event)
        now = self._clock.now()
        headers = sign(body, event_id=event.id, secret=self._secret, now=now)
        return Notice(headers=headers | {"content-type": "application/json"}, body=body)

    def look(self, payment_id: PaymentId) -> Record | None:
        """Return a charge as it stands in the books."""
        wanted = (str(payment_id),)
        row = self._books.execute("SELECT record FROM charge WHERE id = ?", wanted).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=Record)

    def finish(self, payment_id: PaymentId, *, declined: bool = False) -> None:
        """Do what the buyer of a pending charge would: pay, or not."""
        known = self._known(payment_id)
        assert known.result.state is PaymentState.PENDING, "only a pending charge waits for a buyer"
        outcome = "declined" if declined else "captured" if known.capture else "authorised"
        result = _result(payment_id, known.amount_minor, outcome)
        self._change(replace(known, result=result))

    def take_anyway(self, payment_id: PaymentId) -> None:
        """Take the money of a charge that was let go, or never heard of: the two have crossed."""
        known = self._known(payment_id)
        result = _result(payment_id, known.amount_minor, "captured")
        self._change(replace(known, result=replace(result, released=known.result.released)))

    def finish_refund(self, refund_id: RefundId, *, refused: bool = False) -> None:
        """End a refund that was agreed to."""
        state = RefundState.FAILED if refused else RefundState.DONE
        (known,) = [one for one in self.charges if any(r.key == refund_id for r in one.refunds)]
        refunds = tuple(
            replace(one, state=state) if one.key == refund_id else one for one in known.refunds
        )
        self._change(replace(known, refunds=refunds))

    def refund_here(self, payment_id: PaymentId, amount_minor: int) -> None:
        """Give money back as somebody at the provider's own desk would."""
        known = self._known(payment_id)
        made = GivenBack(
            key=None,
            reference=f"sandbox-{new_id()}",
            amount_minor=amount_minor,
            state=RefundState.DONE,
        )
        self._change(replace(known, refunds=(*known.refunds, made)))

    def _known(self, payment_id: PaymentId) -> Record:
        known = self.look(payment_id)
        assert known is not None, f"the sandbox never heard of {payment_id}"
        return known

    def _write(self, changed: Record) -> None:
        record = msgspec.json.encode(changed).decode()
        self._books.execute(
            "INSERT INTO charge (id, record) VALUES (?, ?) "
            "ON CONFLICT (id) DO UPDATE SET record = excluded.record",
            (str(changed.id), record),
        )

    def _change(self, changed: Record) -> None:
        """Write a charge into the books, and a notice of it."""
        event = msgspec.json.encode(_event(changed)).decode()
        self._books.execute("BEGIN IMMEDIATE")
        with self._books:
            self._write(changed)
            self._books.execute("INSERT INTO notice (record) VALUES (?)", (event,))

    def _lose(self, known: Record, asked: str) -> None:
        """Let the first answer to what was asked get lost, if so switched."""
        if known.switches.get("answer") == "lost" and asked not in known.lost:
            current = self._known(known.id)
            self._write(replace(current, lost=(*current.lost, asked)))
            raise TimeoutError("the sandbox was told to lose its answer")


def _record(charge: Charge, result: ChargeResult, *, lost: tuple[str, ...]) -> Record:
    return Record(
        id=charge.id,
        amount_minor=charge.amount.amount_minor,
        currency=charge.amount.currency,
        capture=charge.capture,
        switches=dict(charge.data),
        result=result,
        lost=lost,
    )


def _begin(charge: Charge) -> ChargeResult:
    usual = "captured" if charge.capture else "authorised"
    outcome = charge.data.get("outcome", usual)
    return _result(charge.id, charge.amount.amount_minor, outcome)


def _result(key: UUID, amount_minor: int, outcome: str) -> ChargeResult:
    reference = f"sandbox-{key}"
    match outcome:
        case "declined":
            failure = "the sandbox was asked to decline"
            return ChargeResult(state=PaymentState.FAILED, reference=reference, failure=failure)
        case "pending":
            action = {"kind": "approve"}
            return ChargeResult(state=PaymentState.PENDING, reference=reference, action=action)
        case "authorised":
            state, captured_minor = PaymentState.AUTHORISED, 0
        case _:
            state, captured_minor = PaymentState.CAPTURED, amount_minor
    return ChargeResult(
        state=state,
        captured_minor=captured_minor,
        authorised_minor=amount_minor,
        reference=reference,
    )


def _give_back(known: Record, refund: Refund) -> GivenBack:
    standing = [one for one in known.refunds if one.state is not RefundState.FAILED]
    left = known.result.captured_minor - sum(one.amount_minor for one in standing)
    switch = known.switches.get("refunds")
    state = RefundState.PENDING if switch == "agreed" else RefundState.DONE
    if switch == "refused" or refund.amount.amount_minor > left:
        state = RefundState.FAILED
    return GivenBack(
        key=refund.id,
        reference=f"sandbox-{refund.id}",
        amount_minor=refund.amount.amount_minor,
        state=state,
    )


def _event(known: Record) -> ProviderEvent:
    refunds = [
        ToldRefund(
            refund_id=one.key,
            reference=one.reference,
            amount_minor=one.amount_minor,
            state=one.state,
        )
        for one in known.refunds
    ]
    return ProviderEvent(
        id=f"evt-{new_id()}",
        payment_id=known.id,
        merchant=Sandbox.merchant,
        amount=Money(known.amount_minor, known.currency),
        charge=known.result,
        refunds=tuple(refunds),
    )


def _is_all_taken(result: ChargeResult) -> bool:
    return 0 < result.authorised_minor == result.captured_minor
