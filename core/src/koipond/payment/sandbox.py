"""The provider `sandbox`: takes no money, answers as a real one would; to develop and test."""

from koipond.kernel.ids import PaymentId, RefundId
from koipond.payment.types import Charge, ChargeResult, PaymentState, Refund

KEY = "sandbox"
# data = {"outcome": "declined"} makes a charge that is refused.
_OUTCOME = "outcome"
_DECLINED = "declined"


class Sandbox:
    """Keeps the contract of PaymentProvider in the memory of one process."""

    def __init__(self) -> None:
        self._charges: dict[PaymentId, ChargeResult] = {}
        self._refunds: set[RefundId] = set()

    async def create_charge(self, charge: Charge) -> ChargeResult:
        """Capture the whole amount at once, or decline it if the data says so."""
        return self._charges.setdefault(charge.id, _answer(charge))

    async def find_charge(self, payment_id: PaymentId) -> ChargeResult | None:
        """Return what became of a charge."""
        return self._charges.get(payment_id)

    async def create_refund(self, refund: Refund) -> None:
        """Agree to give the money back."""
        self._refunds.add(refund.id)


def _answer(charge: Charge) -> ChargeResult:
    reference = f"sandbox-{charge.id}"
    if charge.data.get(_OUTCOME) == _DECLINED:
        return ChargeResult(
            state=PaymentState.FAILED,
            captured_minor=0,
            reference=reference,
            failure="the sandbox was asked to decline",
        )
    return ChargeResult(
        state=PaymentState.CAPTURED,
        captured_minor=charge.amount.amount_minor,
        reference=reference,
    )
