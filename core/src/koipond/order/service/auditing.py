"""What must hold of orders: I2, I4, I5, I7, I10, I13 and I14."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from koipond.fulfilment import service as fulfilment
from koipond.fulfilment.types import Return
from koipond.kernel.context import Context
from koipond.kernel.ids import OrderId, OrderLineId, VariantId, encode
from koipond.kernel.invariants import Finding
from koipond.kernel.money import Money
from koipond.kernel.pages import FIRST_MAX, Page
from koipond.order import repository, rules
from koipond.order.service.covering import is_owing
from koipond.order.types import AttentionReason, Order, OrderFilter, OrderState
from koipond.payment import rules as payment_rules
from koipond.payment import service as payment
from koipond.payment.types import Payment, Refund
from koipond.stock import service as stock

_BY_HAND = "Somebody wrote to the database by hand: restore what was changed"
_STANDS = {OrderState.CONFIRMED, OrderState.CLOSED}
# Late money waits so long at most for its order's units, beyond the grace.
_REVIVING = timedelta(hours=1)


async def audit(ctx: Context) -> list[Finding]:
    """Return what is wrong with orders, for `kernel.invariants.run_audits`."""
    async with ctx.reading() as db:
        uneven = await repository.find_uneven(db)
        empty = await repository.find_empty(db)
        crowded = await repository.find_crowded_lines(db)
        unkept = await repository.find_unkept(db)
        doubled = await repository.find_doubled(db)
    sums = [
        _finding("I13", key, f"costs {total}, its adjustments sum to {summed}")
        for key, total, summed in uneven
    ]
    lines = [_finding("I10", key, "has no lines") for key in empty]
    payees = [
        Finding(
            invariant="I14",
            problem=f"line {encode(OrderLineId, key)} has {count} payees",
            fix=_BY_HAND,
        )
        for key, count in crowded
    ]
    lost = [_finding("I10", key, "was told to be placed, and is not there") for key in unkept]
    twice = [_finding("I5", key, f"was placed by {n} idempotency keys") for key, n in doubled]
    return [*sums, *lines, *payees, *lost, *twice, *await _audit_each(ctx)]


async def _audit_each(ctx: Context) -> list[Finding]:
    """Compare each order's state with its money, its units and what was told of it."""
    findings: list[Finding] = []
    page = Page(first=FIRST_MAX)
    while True:
        async with ctx.reading() as db:
            found = await repository.find_orders(
                db, repository.visible_to_staff(None), OrderFilter(), page
            )
        if not found.rows:
            return findings
        keys = [one.id for one in found.rows]
        told = await ctx.find_told(keys, rules.TELLING)
        payments = await payment.find_payments_of(ctx, keys)
        refunds = await payment.find_refunds_of(ctx, keys)
        kept = await stock.find_kept(ctx, keys)
        parcels = await fulfilment.find_fulfilments_of(ctx, keys)
        returns = await fulfilment.find_returns_of(ctx, keys)
        for one in found.rows:
            findings += _check_money(ctx, one, payments[one.id], refunds[one.id])
            findings += _check_units(one, kept[one.id], returns[one.id])
            counted = rules.find_miscounted(one, parcels[one.id], returns[one.id])
            findings += [_finding("I2", one.id, problem) for problem in counted]
            findings += _check_moves(one, told[one.id])
        if not found.has_next:
            return findings
        page = Page(first=FIRST_MAX, after=found.keys[-1])


def _check_money(
    ctx: Context, order: Order, payments: list[Payment], refunds: list[Refund]
) -> list[Finding]:
    gone = Money(sum(payment_rules.given_up(refunds).values()), order.total.currency)
    covered = payment_rules.covered(payments, order.total.currency) - gone
    told = {one.reason for one in order.attention}
    is_known = AttentionReason.UNCOVERED in told or is_owing(order)
    # What was bought elsewhere was paid there.
    is_past = order.imported_from is not None
    if order.state in _STANDS and covered < order.total and not is_known and not is_past:
        return [_finding("I10", order.id, f"stands, {covered} of {order.total} is covered")]
    kept = payment_rules.paid(payments, order.total.currency)
    owned = AttentionReason.REFUND_FAILED in told
    if _is_off(ctx, order) and kept.amount_minor > 0 and not owned:
        return [_finding("I4", order.id, f"is {order.state}, and {kept} of it has no owner")]
    return []


def _check_units(
    order: Order, kept: Mapping[VariantId, int], returns: Sequence[Return]
) -> list[Finding]:
    findings = []
    for key, units in rules.find_unheld(order, kept, returns).items():
        problem = f"lacks {units}" if units > 0 else f"has {-units} too many"
        problem += f" units of {encode(VariantId, key)} in the stock"
        findings.append(_finding("I2", order.id, problem))
    return findings


def _check_moves(order: Order, told: Sequence[str]) -> list[Finding]:
    problem = rules.find_illegal_move(order.state, told)
    return [_finding("I7", order.id, problem)] if problem is not None else []


def _is_off(ctx: Context, order: Order) -> bool:
    if order.state is not OrderState.EXPIRED or order.expired_at is None:
        return order.state is OrderState.CANCELLED
    grace = timedelta(seconds=ctx.settings.late_payment_grace_s)
    return order.expired_at + grace + _REVIVING < ctx.clock.now()


def _finding(invariant: str, key: OrderId, problem: str) -> Finding:
    return Finding(
        invariant=invariant, problem=f"order {encode(OrderId, key)} {problem}", fix=_BY_HAND
    )
