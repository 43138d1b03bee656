"""Use-cases of changing an order that stands: fewer units, other units, and what that costs.

What is added is reserved first, as a new part of the order's; then one transaction writes it all.
What the order costs more is due, and nothing of it is sent before that is paid; what it costs less
goes back by the ways that it came.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from msgspec import Struct

from koipond.catalog import service as catalog
from koipond.fulfilment import rules as fulfilment_rules
from koipond.fulfilment import service as fulfilment
from koipond.fulfilment.errors import NothingAccepted, ReturnUnknown
from koipond.fulfilment.types import ReturnState, UnitsWanted
from koipond.kernel import idempotency
from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import DomainError, check_version
from koipond.kernel.faults import crash_point
from koipond.kernel.idempotency import Claim, Step
from koipond.kernel.ids import OrderEditId, OrderId, OrderLineId, QuotaId, ReturnId, encode, new_id
from koipond.kernel.money import Money
from koipond.order import repository, rules
from koipond.order.errors import OrderChanged, OrderEditEmpty
from koipond.order.events import OrderEdited
from koipond.order.service.adding import Bought, addition_of, buy
from koipond.order.service.covering import LATE, confirm, is_covered, recount_cover
from koipond.order.service.fulfilling import tell_progress
from koipond.order.service.holding import place_hold
from koipond.order.service.reading import check_in_reach, get_any_order
from koipond.order.service.refunding import check_editing
from koipond.order.types import (
    Addition,
    ExchangeWish,
    Order,
    OrderEdit,
    OrderEditWish,
    OrderState,
)
from koipond.payment import service as payment
from koipond.payment.types import RefundReason
from koipond.quota.errors import (
    AlreadyPlaced,
    Lapsed,
    LimitReached,
    QuotaClosed,
    QuotaNotStarted,
    QuotaShort,
    QuotaUnknown,
)
from koipond.quota.types import Claim as QuotaClaim
from koipond.stock import service as stock

# How often an edit is planned anew because others changed the order meanwhile.
_TRIES = 3
NOTE_MAX = 200


class _Stale(Exception):
    """The order is not what the edit was planned for any more; nothing was changed."""


class _Planned(Struct, frozen=True, kw_only=True):
    """What an edit makes of an order. cut: {line: units} that go. exchange: the return that they
    came back by, if they did."""

    before: Order
    after: Order
    cut: dict[OrderLineId, int]
    bought: Bought | None
    exchange: ReturnId | None = None


class _Terms(Struct, frozen=True, kw_only=True):
    """What goes with an edit. expected_version: of the order that it is meant for."""

    note: str
    expected_version: int | None


_Planner = Callable[[Order], Awaitable[_Planned]]


async def edit_order(ctx: Context, wish: OrderEditWish, *, idempotency_key: str) -> Order:
    """Give lines of an order other quantities, and add to it; a repeat changes nothing twice.

    Raises OrderUnknown, OrderNotEditable, OrderEditEmpty, OrderEditLeavesNothing,
    OrderLineUnknown, EditQuantityTooSmall, QuantityOutOfRange, TooManyLines, TotalTooLarge,
    QuoteChanged, OrderChanged, InsufficientStock, PaymentUnresolved, and what is wrong with what
    is added.
    """
    await get_any_order(ctx, wish.order_id)
    held = await _claim(ctx, "editOrder", idempotency_key, wish)

    async def plan(order: Order) -> _Planned:
        known = await fulfilment.find_fulfilments(ctx, order.id)
        cut, added = rules.plan_edit(
            order,
            wish,
            quantity_max=ctx.settings.order_line_quantity_max,
            is_sent=rules.count_sent(known) > 0,
        )
        bought = await buy(ctx, rules.edit(order, cut, Addition()), added)
        after = rules.edit(order, cut, addition_of(bought))
        _check(ctx, after, wish.expected_total)
        return _Planned(before=order, after=after, cut=cut, bought=bought)

    terms = _Terms(note=wish.note, expected_version=wish.expected_version)
    return await _carry_out(ctx, wish.order_id, held, plan, terms)


async def exchange_return(ctx: Context, wish: ExchangeWish, *, idempotency_key: str) -> Order:
    """Give the buyer others for the accepted units of a return, and settle the difference.

    Raises ReturnUnknown, ReturnNotExchangeable, NothingAccepted, and what `edit_order` does.
    """
    known = await fulfilment.find_return(ctx, wish.return_id)
    await check_in_reach(ctx, known.order_id, ReturnUnknown())
    held = await _claim(ctx, "exchangeReturn", idempotency_key, wish)

    async def plan(order: Order) -> _Planned:
        told = await fulfilment.find_return(ctx, wish.return_id)
        fulfilment_rules.check_return_move(told, ReturnState.EXCHANGED)
        cut = {one.line_id: one.accepted_quantity for one in told.lines if one.accepted_quantity}
        if not cut:
            raise NothingAccepted
        rules.check_exchange(order, cut)
        left = rules.edit(order, cut, Addition(), came_back=True)
        bought = await buy(ctx, left, wish.added)
        if bought is None:
            raise OrderEditEmpty
        after = rules.edit(order, cut, addition_of(bought), came_back=True)
        _check(ctx, after, wish.expected_total)
        return _Planned(before=order, after=after, cut=cut, bought=bought, exchange=told.id)

    terms = _Terms(note=known.reason, expected_version=wish.expected_version)
    return await _carry_out(ctx, known.order_id, held, plan, terms)


async def find_edits_of(
    ctx: Context, order_ids: Sequence[OrderId]
) -> dict[OrderId, list[OrderEdit]]:
    """Return {order: its edits that came to an end, the oldest first} for each of `order_ids`."""
    async with ctx.reading() as db:
        found = await repository.find_edits(db, order_ids)
    return {key: [one for one in found if one.order_id == key] for key in order_ids}


async def find_versions(ctx: Context, order_ids: Sequence[OrderId]) -> dict[OrderId, int]:
    """Return {order: 1 as it was placed, one more with every edit}, for `expected_version`."""
    found = await find_edits_of(ctx, order_ids)
    return {key: 1 + len(edits) for key, edits in found.items()}


async def _claim(ctx: Context, operation: str, key: str, request: Struct) -> Claim:
    return await idempotency.claim(
        ctx,
        principal=f"{ctx.viewer.kind}:{ctx.viewer.id}",
        operation=operation,
        key=key,
        request=request,
        subject_id=new_id(),
    )


async def _carry_out(
    ctx: Context, order_id: OrderId, held: Claim, plan: _Planner, terms: _Terms
) -> Order:
    if held.step is not Step.DONE:
        try:
            await _plan_and_apply(ctx, order_id, held, plan, terms)
        except DomainError:
            await _let_go_of_held(ctx, held)
            await stock.give_back(ctx)
            await idempotency.forget(ctx, held)
            raise
    # Jobs would do all this too; who looks at once should see it done.
    await stock.give_back(ctx)
    await payment.settle_voids(ctx, order_id)
    await payment.settle_refunds(ctx, order_id)
    return await get_any_order(ctx, order_id)


async def _plan_and_apply(
    ctx: Context, order_id: OrderId, held: Claim, plan: _Planner, terms: _Terms
) -> None:
    """Plan for the order as it is, reserve, and write; anew if others change it meanwhile."""
    for _ in range(_TRIES):
        await _check_version(ctx, order_id, terms)
        planned = await plan(await get_any_order(ctx, order_id))
        await check_editing(ctx, planned.before, planned.after)
        if planned.before.state is OrderState.PLACED:
            # What a buyer is about to pay was asked for before: it is closed at its provider first.
            await payment.resolve(ctx, order_id)
            await payment.void_pending(ctx, order_id)
        try:
            part = await _begin(ctx, held, planned.before, terms.note)
            claims = await _reserve(ctx, planned, part)
            crash_point("order.edit.reserved")
            await _apply(ctx, held, planned, claims, terms, part=part)
        except AlreadyPlaced:
            return  # another try of the same request has done it
        except (_Stale, Lapsed):
            await catalog.refresh_activities(ctx)
        else:
            return
    raise OrderChanged(total=(await get_any_order(ctx, order_id)).total)


@transaction
async def _begin(ctx: Context, held: Claim, order: Order, note: str) -> int:
    """Return the part of the order's reservations that an edit has, by itself: two edits at once
    never hold for the same."""
    key = OrderEditId(held.subject_id)
    known = await repository.find_edit(ctx.db, key)
    if known is not None:
        return known.part
    await repository.lock_whole(ctx.db, order.id)
    new = OrderEdit(
        id=key,
        order_id=order.id,
        part=max(await repository.find_last_part(ctx.db, order.id) or LATE, LATE) + 1,
        delta=None,
        note=note.strip()[:NOTE_MAX],
        made_by=f"{ctx.viewer.kind}:{ctx.viewer.id}",
        created_at=ctx.clock.now(),
        applied_at=None,
    )
    await repository.add_edit(ctx.db, new, currency=order.total.currency)
    return new.part


@transaction
async def _let_go_of_held(ctx: Context, held: Claim) -> None:
    """Let go of what was held for an edit that is refused; another try of it that is at work holds
    it again."""
    known = await repository.find_edit(ctx.db, OrderEditId(held.subject_id))
    if known is not None:
        await stock.drop(ctx, known.order_id, part=known.part)


async def _reserve(ctx: Context, planned: _Planned, part: int) -> list[QuotaClaim]:
    """Hold what is bought besides."""
    if planned.bought is None:
        return []
    consulted = planned.bought.consulted
    try:
        return await stock.reserve(
            ctx,
            planned.before.id,
            planned.bought.prepared.demands,
            others=consulted.claims,
            part=part,
        )
    except (QuotaShort, LimitReached, QuotaUnknown, QuotaNotStarted, QuotaClosed) as error:
        raise consulted.refusal_of(error, error.quota) from error


@transaction
async def _apply(
    ctx: Context,
    held: Claim,
    planned: _Planned,
    claims: Sequence[QuotaClaim],
    terms: _Terms,
    *,
    part: int,
) -> None:
    if not await idempotency.advance(ctx, held, Step.DONE):
        return
    before, after = planned.before, planned.after
    payments = await payment.lock_payments(ctx, before.id)
    order = await repository.lock_whole(ctx.db, before.id)
    await _check_version(ctx, before.id, terms)
    if not rules.is_same(order, before):
        raise _Stale
    # Once more, now that nobody else can give anything back.
    await check_editing(ctx, order, after)
    for one in payments:
        if one.is_pending and order.state is OrderState.PLACED:
            raise payment.unresolved(ctx, one.provider)
    after = msgspec.structs.replace(after, holds=order.holds, attention=order.attention)
    now = ctx.clock.now()
    delta = (after.total - order.total).amount_minor
    key = OrderEditId(held.subject_id)
    await repository.save_edited(ctx.db, order, after, now=now)
    await repository.finish_edit(ctx.db, key, delta, now=now)
    await _let_units_go(ctx, planned)
    await _place_holds(ctx, planned)
    if claims:
        await stock.place(ctx, after.id, claims, part=part)
    await _settle_money(ctx, after)
    ctx.emit(
        OrderEdited(
            order_id=after.id, edit_id=key, delta_minor=delta, currency=after.total.currency
        )
    )
    await tell_progress(ctx, order, after)
    ctx.audited(encode(OrderId, after.id), before=_told(order), after=_told(after))
    crash_point("order.edited.before_commit")


async def _check_version(ctx: Context, order_id: OrderId, terms: _Terms) -> None:
    current = (await find_versions(ctx, [order_id]))[order_id]
    check_version(encode(OrderId, order_id), expected=terms.expected_version, current=current)


def _told(order: Order) -> dict[str, object]:
    """Return what the audit keeps of an order that is edited."""
    units = {f"{line.sku} {encode(OrderLineId, line.id)}": line.quantity for line in order.lines}
    return {"total": str(order.total), "units": units}


async def _let_units_go(ctx: Context, planned: _Planned) -> None:
    """Let go of what was cut; what came back is on the shelf since it was inspected."""
    if planned.exchange is not None:
        known = await fulfilment.find_return(ctx, planned.exchange)
        await fulfilment.move_return(ctx, known, ReturnState.EXCHANGED)
        return
    order = planned.before
    wanted = [
        UnitsWanted(
            line_id=line.id,
            variant_id=line.variant_id,
            sku=line.sku,
            quantity=planned.cut[line.id],
            tracked=True,
            apart=line.activity_id is not None,
        )
        for line in order.lines
        if line.tracked and planned.cut.get(line.id)
    ]
    quotas: Counter[QuotaId] = Counter()
    held = await stock.find_held(ctx, order.id)
    known_parcels = await fulfilment.find_fulfilments(ctx, order.id)
    for portion in fulfilment_rules.plan_portions(wanted, held, known_parcels, location=None):
        for one in portion.parcels:
            assert one.quota_id is not None, "what is counted is held"
            quotas[one.quota_id] += one.quantity
    await stock.let_go(ctx, order.id, quotas)


async def _place_holds(ctx: Context, planned: _Planned) -> None:
    """Place what plugins want the order to wait for because of what is bought besides."""
    if planned.bought is None:
        return
    for plugin, terms in planned.bought.consulted.terms.items():
        for wish in terms.holds:
            await place_hold(ctx, planned.before.id, wish, source=plugin)


async def _settle_money(ctx: Context, after: Order) -> None:
    """Let what came pay for the order as it is now; what is too much is owed back."""
    if after.state is OrderState.CONFIRMED:
        await stock.consume(ctx, after.id)
        await recount_cover(ctx, after)
        await payment.owe_surplus(ctx, after.id, reason=RefundReason.EDITED)
        rest = rules.plan_rest(after, await payment.find_parts(ctx, after.id))
        if rest:
            payments = await payment.find_payments(ctx, after.id)
            await payment.owe_parts(ctx, payments, rest, reason=RefundReason.STAFF, note="")
        return
    payments = await payment.find_payments(ctx, after.id)
    if is_covered(after, payments):
        await confirm(ctx, after, payments)
        await ctx.store()
        await payment.owe_surplus(ctx, after.id, reason=RefundReason.EDITED)


def _check(ctx: Context, after: Order, expected: Money | None) -> None:
    rules.check_edited(after, expected=expected, lines_max=ctx.settings.order_lines_max)
