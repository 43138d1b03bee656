"""What goes back: of which payment, of which part of the order. Every sum is exact in the end."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import msgspec

from koipond.kernel.ids import PaymentId
from koipond.kernel.money import split
from koipond.payment.types import PaidPart, Payment

Key = tuple[UUID, UUID]


def freeze_parts(parts: Mapping[UUID, int], payments: Sequence[Payment]) -> list[PaidPart]:
    """Split what payments bring over the parts of an order: {part: what it costs}, each >= 0.

    Payment after payment takes its share of what is left of each part, so that both the parts and
    the payments sum to what was paid, and no part is paid more than it costs.
    """
    left = dict(parts)
    frozen = []
    for one in payments:
        takes = min(one.covers.amount_minor, sum(left.values()))
        if takes == 0:
            continue
        for part, share in split(takes, left).items():
            left[part] -= share
            if share > 0:
                frozen.append(
                    PaidPart(payment_id=one.id, part_id=part, paid_minor=share, refunded_minor=0)
                )
    return frozen


def refreeze_parts(
    parts: Mapping[UUID, int],
    known: Sequence[PaidPart],
    payments: Sequence[Payment],
    gone: Mapping[PaymentId, int],
) -> list[PaidPart]:
    """Return what payments pay for the parts of an order whose parts, or payments, have changed.

    parts: {part: what it costs now}. gone: {payment: what went back of it because the order did not
    need it}. What a part was paid beyond its cost pays for others, but for
    what went back of it already; so does what a payment brings anew. Every payment pays as much as
    it brings at most, every part is paid no more than it costs. Rows that were there stay there.
    """
    paid = {one.key: one for one in known}
    for part in dict.fromkeys(one.part_id for one in known):
        own = [one for one in paid.values() if one.part_id == part]
        _lower(paid, own, by=sum(one.paid_minor for one in own) - parts.get(part, 0))
    for payment in payments:
        own = [one for one in paid.values() if one.payment_id == payment.id]
        _lower(paid, own, by=-_free(payment, own, gone))
    left = {
        part: max(0, cost - sum(one.paid_minor for one in paid.values() if one.part_id == part))
        for part, cost in parts.items()
    }
    for payment in payments:
        own = [one for one in paid.values() if one.payment_id == payment.id]
        takes = min(max(0, _free(payment, own, gone)), sum(left.values()))
        for part, share in split(takes, left).items() if takes else ():
            left[part] -= share
            if share > 0:
                key = payment.id, part
                before = paid.get(key) or PaidPart(
                    payment_id=payment.id, part_id=part, paid_minor=0, refunded_minor=0
                )
                paid[key] = msgspec.structs.replace(before, paid_minor=before.paid_minor + share)
    return list(paid.values())


def unpaid(parts: Mapping[UUID, int], known: Iterable[PaidPart]) -> int:
    """Return what is not paid of the parts of an order, {part: what it costs}."""
    left = dict(parts)
    for one in known:
        if one.part_id in left:
            left[one.part_id] -= one.paid_minor
    return sum(max(0, amount) for amount in left.values())


def _free(payment: Payment, own: Iterable[PaidPart], gone: Mapping[PaymentId, int]) -> int:
    """Return what a payment brings beyond what it pays for, below 0 if that is less."""
    paid = sum(one.paid_minor for one in own)
    return payment.covers.amount_minor - gone.get(payment.id, 0) - paid


def _lower(paid: dict[Key, PaidPart], own: Sequence[PaidPart], *, by: int) -> None:
    """Take an amount off what parts were paid, as far as it did not go back already."""
    amount = min(by, sum(one.left_minor for one in own))
    if amount <= 0:
        return
    for key, share in plan_amount(amount, own).items():
        paid[key] = msgspec.structs.replace(paid[key], paid_minor=paid[key].paid_minor - share)


def refund_units(*, paid_minor: int, left_minor: int, units: int, before: int, more: int) -> int:
    """Return what goes back for `more` of a line's `units`, `before` of which went back before.

    paid_minor: what the line was paid; left_minor: what of it was not given back. Each unit gives
    back its share; the last one takes whatever remains.
    """
    assert 0 <= before < before + more <= units, "checked by the caller"
    if before + more == units:
        return left_minor
    share = paid_minor * (before + more) // units - paid_minor * before // units
    return min(share, left_minor)


def plan_whole(parts: Iterable[PaidPart]) -> dict[Key, int]:
    """Return all that is left of these parts: {(payment, part): amount}, those of nothing left
    out."""
    return {one.key: one.left_minor for one in parts if one.left_minor > 0}


def plan_amount(amount_minor: int, parts: Iterable[PaidPart]) -> dict[Key, int]:
    """Split an amount over what is left of these parts: {(payment, part): amount}.

    amount_minor: at most what is left of them together; no share is more than what is left of its
    part.
    """
    left = plan_whole(parts)
    assert amount_minor <= sum(left.values()), "checked by the caller"
    if amount_minor == 0:
        return {}
    return {key: share for key, share in split(amount_minor, left).items() if share > 0}


def surplus(payment: Payment, parts: Iterable[PaidPart]) -> int:
    """Return what a payment has captured beyond what it paid for, and has not given back."""
    own = [one for one in parts if one.payment_id == payment.id]
    for_parts = sum(one.paid_minor for one in own)
    given = payment.refunded.amount_minor - sum(one.refunded_minor for one in own)
    return max(0, payment.captured.amount_minor - for_parts - given)
