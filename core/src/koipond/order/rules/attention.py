"""What people must look at, what they can do about it, and who lacks units that are missing."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from koipond.kernel.ids import OrderId
from koipond.order.types import Attention, AttentionAction, AttentionReason
from koipond.payment.types import Refund, RefundState

_CLEAR = AttentionAction.CLEAR_ORDER_ATTENTION
# Each reason has a way out, and some have several; the first is the usual one.
ATTENTION_ACTIONS: Mapping[AttentionReason, tuple[AttentionAction, ...]] = {
    AttentionReason.PAYMENT_MISMATCH: (_CLEAR, AttentionAction.CANCEL_ORDER),
    AttentionReason.REFUNDED_ELSEWHERE: (
        _CLEAR,
        AttentionAction.EDIT_ORDER,
        AttentionAction.CANCEL_ORDER,
    ),
    AttentionReason.REFUND_FAILED: (AttentionAction.RETRY_REFUND, _CLEAR),
    AttentionReason.UNCOVERED: (AttentionAction.CANCEL_ORDER, AttentionAction.EDIT_ORDER, _CLEAR),
    AttentionReason.STOCK_SHORT: (
        AttentionAction.EDIT_ORDER,
        AttentionAction.CANCEL_ORDER,
        _CLEAR,
    ),
}


def add_attention(
    known: Sequence[Attention], reason: AttentionReason, detail: str, *, now: datetime
) -> tuple[Attention, ...]:
    """Return what people must look at with one thing more; what is there already stays as it is."""
    if any((one.reason, one.detail) == (reason, detail) for one in known):
        return tuple(known)
    new = Attention(reason=reason, detail=detail, at=now)
    return tuple(sorted([*known, new], key=lambda one: (one.reason, one.detail)))


def without_attention(
    known: Iterable[Attention], reasons: Iterable[AttentionReason]
) -> tuple[Attention, ...]:
    """Return what people must look at, less what is settled."""
    gone = set(reasons)
    return tuple(one for one in known if one.reason not in gone)


def find_lacking(waiting: Iterable[tuple[OrderId, int]], units: int) -> dict[OrderId, int]:
    """Return {order: units that it lacks} where some are missing.

    waiting: [(order, units that it was promised and that have not left)]. Who ordered last lacks
    them first: ids made later sort later.
    """
    lacking = {}
    for order_id, promised in sorted(waiting, reverse=True):
        if units <= 0:
            break
        lacking[order_id] = min(promised, units)
        units -= lacking[order_id]
    return lacking


def is_unsettled(failed: Refund, refunds: Iterable[Refund]) -> bool:
    """Tell whether a refund failed and was not tried again since, by a later one."""
    return failed.state is RefundState.FAILED and not any(
        one.retry_of == failed.id for one in refunds
    )
