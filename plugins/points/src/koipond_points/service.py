"""Use-cases of points. What members have is on the ledger, which holds and adds up all of it."""

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from functools import partial
from uuid import UUID

from koipond_points import rules
from koipond_points.errors import PointsShort
from koipond_points.types import (
    UNIT,
    Booked,
    Correction,
    Entry,
    ExpirePoints,
    PointsSettings,
    account_of,
)
from koipond_sdk import (
    Context,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    MemberId,
    OrderId,
    Page,
    RefundId,
    Slice,
    encode,
    new_id,
    once,
    settings_of,
    transaction,
)
from koipond_sdk.services import ledger
from koipond_sdk.services.approvals import check_policy
from koipond_sdk.services.ledger import (
    Balance,
    LedgerShort,
    LedgerSourceReused,
    Slip,
    TransferKind,
    last_day_over,
)
from koipond_sdk.services.members import MemberUnknown, find_member
from koipond_sdk.services.orders import find_any_order
from koipond_sdk.services.payments import RefundState, find_refunds
from koipond_sdk.services.rewards import Reward


@transaction
async def give_reward(ctx: Context, reward: Reward) -> None:
    """Give a reward to its member; one of a source that was given before adds nothing."""
    today, good_until = await _days(ctx)
    # A source is once for all units of the shop; another plugin may give its own for the same act.
    slip = Slip(source=f"points:{reward.source}", day=today, note=reward.note)
    try:
        await ledger.earn(
            ctx,
            account_of(reward.member_id),
            reward.amount,
            slip,
            expires_on=good_until,
            against="points.rewards",
        )
    except LedgerSourceReused:
        # Another number than before, since what staff promise has changed: the first one counts.
        return


@transaction
async def reward_order(ctx: Context, order_id: OrderId) -> None:
    """Give its buyer the points of a paid order, once."""
    settings = await settings_of(ctx, PointsSettings)
    order = await find_any_order(ctx, order_id=order_id)
    if order is None or order.member_id is None:
        return
    points = rules.points_of(order.price.subtotal, settings.order_points)
    if points < 1:
        return
    today, good_until = await _days(ctx)
    slip = Slip(source=order_source(order_id), day=today, note=f"Order {order.number}")
    account = account_of(order.member_id)
    await ledger.earn(ctx, account, points, slip, expires_on=good_until, against="points.orders")


@transaction
async def undo_order(ctx: Context, order_id: OrderId, refund_id: RefundId) -> None:
    """Let points go the way of the money: those spent come back, those given are taken back.

    In proportion to all that was refunded of the order, so that the last refund has the rest.
    """
    order = await find_any_order(ctx, order_id=order_id)
    if order is None:
        return
    refunds = await find_refunds(ctx, order_id)
    refunded = sum(one.amount.amount_minor for one in refunds if one.state is RefundState.DONE)
    today, _ = await _days(ctx)
    source = f"points:refund:{encode(RefundId, refund_id)}"
    slip = Slip(source=source, day=today, note=f"Refund of order {order.number}")
    for kind, undo in ((TransferKind.BURN, ledger.restore), (TransferKind.EARN, ledger.reverse)):
        booked = await ledger.find_booked(ctx, kind, order_source(order_id))
        if booked is None:
            continue
        gone = rules.points_undone(
            booked.units, refunded_minor=refunded, total_minor=order.total.amount_minor
        )
        due = gone - await ledger.find_undone(ctx, booked.id)
        if due > 0:
            await undo(ctx, booked.id, slip, units=due)


def order_source(order_id: OrderId) -> str:
    """Return what the ledger knows an order's points by, given and spent."""
    return f"points:order:{encode(OrderId, order_id)}"


async def grant_points(ctx: Context, wanted: Correction) -> Booked:
    """Give a member points, for staff; a repeat with the same key gives them once.

    Raises PointsAmountInvalid, PointsReasonMissing, IdempotencyKeyInvalid, IdempotencyKeyReused,
    MemberUnknown; ApprovalNeeded for more in a day than one of the staff may give alone.
    """
    rules.check(wanted)
    return await _correct(ctx, wanted, wanted.points)


async def take_points(ctx: Context, wanted: Correction) -> Booked:
    """Take points from a member who has as many; else as `grant_points`. Raises PointsShort too."""
    rules.check(wanted)
    return await _correct(ctx, wanted, -wanted.points)


async def _correct(ctx: Context, wanted: Correction, points: int) -> Booked:
    if await find_member(ctx, wanted.member_id) is None:
        raise MemberUnknown(member=encode(MemberId, wanted.member_id)).located("memberId")
    try:
        key = await once(
            ctx,
            partial(_book, wanted=wanted, points=points),
            operation="correctPoints",
            key=wanted.idempotency_key,
            request=(wanted.member_id, points, wanted.reason.strip()),
            subject_id=new_id(),
        )
    except (IdempotencyKeyInvalid, IdempotencyKeyReused) as error:
        raise error.located("idempotencyKey") from None
    return await _find_booked(ctx, wanted.member_id, key)


async def _book(ctx: Context, key: UUID, *, wanted: Correction, points: int) -> None:
    today, good_until = await _days(ctx)
    slip = Slip(source=_source(key), day=today, note=wanted.reason.strip())
    account = account_of(wanted.member_id)
    try:
        await ledger.adjust(
            ctx, account, points, slip, expires_on=good_until, against="points.corrections"
        )
    except LedgerShort as short:
        raise PointsShort(points=short.asked, balance=short.left).located("points") from None
    if points > 0:
        # Booked first: that locks the account, so that two who give at once count together.
        given = await _given_on(ctx, wanted.member_id, today)
        check_policy(ctx, "grant", unit=UNIT, amount=given)


async def _given_on(ctx: Context, member_id: MemberId, day: date) -> int:
    """Return how many points staff gave a member on a day."""
    settings = await settings_of(ctx, PointsSettings)
    page, given = Page(first=100), 0
    while True:
        found = await find_entries(ctx, member_id, page)
        own = [one for one in found.rows if settings.day_of(one.created_at) >= day]
        given += sum(
            one.points for one in own if one.kind is TransferKind.ADJUST and one.points > 0
        )
        if not found.has_next or len(own) < len(found.rows):
            return given
        page = Page(first=100, after=found.keys[-1])


async def _find_booked(ctx: Context, member_id: MemberId, key: UUID) -> Booked:
    transfer = await ledger.find_booked(ctx, TransferKind.ADJUST, _source(key))
    assert transfer is not None, "it was booked"
    own = [one for one in transfer.entries if one.balance_after is not None]
    after = own[0].balance_after
    assert after is not None, "a member's account has a balance"
    entry = Entry(
        kind=transfer.kind,
        points=sum(one.units for one in own),
        note=transfer.note,
        balance_after=after,
        created_at=transfer.created_at,
    )
    found = await find_balances(ctx, [member_id])
    return Booked(entry=entry, balance=found[member_id].available)


async def _days(ctx: Context) -> tuple[date, date | None]:
    """Return which day it is, and up to which day what is given now is good."""
    settings = await settings_of(ctx, PointsSettings)
    today = settings.day_of(ctx.clock.now())
    return today, today + timedelta(days=settings.valid_days) if settings.valid_days else None


def _source(key: UUID) -> str:
    return f"points:staff:{key}"


async def find_balances(
    ctx: Context, member_ids: Collection[MemberId]
) -> Mapping[MemberId, Balance]:
    """Return {member: what they have}."""
    accounts = {account_of(one): one for one in member_ids}
    found = await ledger.find_balances(ctx, accounts)
    return {accounts[key]: balance for key, balance in found.items()}


async def find_entries(ctx: Context, member_id: MemberId, page: Page) -> Slice[Entry]:
    """Return one page of what a member was given and lost, the newest first."""
    found = await ledger.find_statement(ctx, account_of(member_id), page)
    return Slice(
        rows=[Entry.of(line) for line in found.rows], keys=found.keys, has_next=found.has_next
    )


async def expire_points(ctx: Context, job: ExpirePoints) -> None:
    """Take the points whose last day is over; again, there is nothing to take."""
    settings = await settings_of(ctx, PointsSettings)
    await ledger.expire(ctx, UNIT, last_day_over(ctx.clock.now(), settings.time_zone))
