"""Use-cases of group buys: staff schedule them, buyers take seats, money and time decide teams."""

from collections.abc import Collection, Mapping
from datetime import timedelta

import msgspec

from koipond_groupbuy import repository, rules
from koipond_groupbuy.errors import GroupBuyUnknown
from koipond_groupbuy.events import TeamFailed, TeamOpened, TeamSucceeded
from koipond_groupbuy.types import (
    HOLD,
    PLUGIN,
    EndGroupBuyTeam,
    EndGroupBuyTeams,
    GroupBuy,
    GroupBuySettings,
    GroupBuyWish,
    RefundGroupBuyOrder,
    Seat,
    SeenTeam,
    Team,
    TeamId,
    TeamOrder,
    TeamState,
)
from koipond_sdk import (
    ActivityId,
    Context,
    DomainError,
    Finding,
    OrderId,
    VariantId,
    encode,
    enqueue,
    new_id,
    settings_of,
    transaction,
)
from koipond_sdk.hooks import Checkout, CheckoutTerms, HoldWish, QuotaRequest
from koipond_sdk.services.activities import Activity, find_activities_by_ids, publish_activities
from koipond_sdk.services.catalog import VariantUnknown, find_variants_by_ids
from koipond_sdk.services.orders import (
    Order,
    OrderNotCancellable,
    OrderState,
    cancel_any_order,
    lift_hold,
)
from koipond_sdk.services.quotas import (
    OwnerId,
    create,
    find_free,
    find_holders,
    find_quotas,
    return_part,
)

TEAMS_SHOWN_MAX = 20
# Some of the teams that are read turn out to be full.
_TEAMS_READ = 5 * TEAMS_SHOWN_MAX
_DUE_AT_ONCE = 500
# What is younger than this may be told of by an event that nobody has heard yet.
_ON_ITS_WAY = timedelta(minutes=30)
_REFUND_REASON = "The team of this group buy did not come about."


async def schedule(ctx: Context, wish: GroupBuyWish) -> GroupBuy:
    """Put a group buy on sale in the channel of the request.

    Raises VariantUnknown and what `rules.plan` refuses.
    """
    if wish.variant_id not in await find_variants_by_ids(ctx, [wish.variant_id]):
        raise VariantUnknown(variant_id=encode(VariantId, wish.variant_id)).located("variantId")
    settings = await settings_of(ctx, GroupBuySettings)
    new = rules.plan(
        wish,
        ActivityId(new_id()),
        ctx.scope.channel_id,
        usual_hours=settings.lifetime_hours,
        now=ctx.clock.now(),
    )
    await _store(ctx, new, name=wish.name)
    return new


@transaction
async def _store(ctx: Context, new: GroupBuy, *, name: str) -> None:
    await repository.add_group_buy(ctx.db, new)
    activity = Activity(
        id=new.id,
        plugin=PLUGIN,
        rule=f"team of {new.size}",
        label={ctx.scope.locales[0]: name},
        channel_id=new.channel_id,
        variant_id=new.variant_id,
        currency=new.currency,
        unit_price_minor=new.price_minor,
        starts_at=new.starts_at,
        # Teams that are open by then may still fill; `rules.find_problem` refuses new ones.
        ends_at=new.hard_stop,
        by_choice=True,
    )
    await publish_activities(ctx, [activity])
    await create(ctx, [rules.limit(new.id)])


@transaction
async def end(ctx: Context, group_buy_id: ActivityId) -> GroupBuy:
    """Let no new team be opened; those that are open go on as they were promised.

    Raises GroupBuyUnknown.
    """
    found = await repository.lock_group_buy(ctx.db, group_buy_id)
    if found is None:
        raise GroupBuyUnknown(group_buy_id=group_buy_id)
    ended = msgspec.structs.replace(found, ends_at=rules.end_of(found, ctx.clock.now()))
    await repository.end_group_buy(ctx.db, group_buy_id, at=ended.ends_at)
    activity = (await find_activities_by_ids(ctx, [group_buy_id]))[group_buy_id]
    shorter = msgspec.structs.replace(activity, ends_at=ended.hard_stop)
    await publish_activities(ctx, [shorter])
    return ended


async def find_refusals(ctx: Context, checkout: Checkout) -> list[DomainError]:
    """Say why a purchase cannot have the seat that it asks for; nothing is well."""
    seat = await _find_seat(ctx, checkout)
    return [] if seat is None else rules.find_refusals(checkout, seat)


async def find_terms(ctx: Context, checkout: Checkout) -> CheckoutTerms | None:
    """Hold an order back until its team is full, and keep the team with its line."""
    seat = await _find_seat(ctx, checkout)
    if seat is None or seat.group_buy is None:
        return None
    size = seat.group_buy.size if seat.team is None else seat.team.size
    return CheckoutTerms(
        line_attributes={seat.line_id: {"team": encode(TeamId, seat.team_id)}},
        holds=(HoldWish(name=HOLD, reason=f"Waits for its team of {size} to be complete."),),
    )


async def find_requests(ctx: Context, checkout: Checkout) -> list[QuotaRequest]:
    """Ask for the seat of a purchase, and that its buyer has no other one."""
    seat = await _find_seat(ctx, checkout)
    return [] if seat is None else rules.claim_seat(seat, checkout.subject)


async def note_order(ctx: Context, checkout: Checkout) -> None:
    """Store which team an order is for, and the team if the order opens it.

    Raises TeamOver: it may have been decided since the purchase was looked at.
    """
    seat = await _find_seat(ctx, checkout)
    if seat is None:
        return
    problem = rules.find_problem(seat, checkout.now)
    if problem is not None:
        raise problem
    assert seat.group_buy is not None, "else there is a problem"
    if seat.team is None:
        await repository.add_team(ctx.db, seat.team_id, seat.group_buy, now=checkout.now)
    link = TeamOrder(order_id=checkout.order_id, team_id=seat.team_id, subject_id=checkout.subject)
    await repository.add_order(ctx.db, link)


async def _find_seat(ctx: Context, checkout: Checkout) -> Seat | None:
    """Return the seat that a purchase wants; None: it is no group buy, and costs no SQL."""
    choices = rules.find_choices(checkout)
    if not choices:
        return None
    line, choice = choices[0]
    async with ctx.reading() as db:
        found = await repository.find_group_buys(db, [choice.group_buy_id])
        team = None if choice.team_id is None else await repository.find_team(db, choice.team_id)
    return Seat(
        team_id=choice.team_id or rules.team_opened_by(checkout.order_id),
        line_id=line.id,
        choice=choice,
        group_buy=found.get(choice.group_buy_id),
        team=team,
    )


async def find_reasons_to_stay(ctx: Context, order: Order) -> list[DomainError]:
    """Say why an order's buyer may not cancel it, if so."""
    if order.state is not OrderState.CONFIRMED:
        return []
    async with ctx.reading() as db:
        team = (await repository.find_teams_of(db, [order.id])).get(order.id)
    if team is None:
        return []
    settings = await settings_of(ctx, GroupBuySettings)
    reason = rules.find_reason_to_stay(team, quit_allowed=settings.quit_allowed)
    return [] if reason is None else [reason]


@transaction
async def note_paid(ctx: Context, order_id: OrderId) -> None:
    """Open, or complete, the team of an order that is paid; if that is over, pay it back."""
    link = await repository.find_order(ctx.db, order_id)
    if link is None:
        return
    team = await repository.lock_team(ctx.db, link.team_id)
    if team.state is TeamState.PENDING:
        team = await _open(ctx, team)
    if team.state is TeamState.FORMING:
        await _complete(ctx, team)
    elif not link.carried:
        await enqueue(ctx, RefundGroupBuyOrder(order_id=order_id))


@transaction
async def note_off(ctx: Context, order_id: OrderId) -> None:
    """End the team of an order that is off if nobody is left in it, such as the one it opened."""
    link = await repository.find_order(ctx.db, order_id)
    if link is None:
        return
    team = await repository.lock_team(ctx.db, link.team_id)
    if TeamState.FAILED not in rules.TEAM_MOVES[team.state]:
        return
    if rules.is_left(await find_holders(ctx, rules.seats_of(team.id))):
        await repository.move_team(ctx.db, team.id, TeamState.FAILED)


async def end_teams(ctx: Context, job: EndGroupBuyTeams) -> None:
    """Have each team decided whose time is over, one by one: none is in another's way."""
    async with ctx.reading() as db:
        due = await repository.find_due(db, now=ctx.clock.now(), limit=_DUE_AT_ONCE)
    await _have_decided(ctx, due)


@transaction
async def _have_decided(ctx: Context, teams: Collection[TeamId]) -> None:
    for team_id in teams:
        await enqueue(ctx, EndGroupBuyTeam(team_id=team_id), unique=f"groupbuy.end:{team_id}")


@transaction
async def end_team(ctx: Context, job: EndGroupBuyTeam) -> None:
    """Decide a team whose time is over, once: whoever was paid for before counts."""
    team = await repository.lock_team(ctx.db, job.team_id)
    if team.state is not TeamState.FORMING or team.takes_members(ctx.clock.now()):
        return
    if await _complete(ctx, team):
        return
    await repository.move_team(ctx.db, team.id, TeamState.FAILED)
    orders = await repository.find_standing(ctx.db, team.id)
    for order_id in orders:
        await enqueue(ctx, RefundGroupBuyOrder(order_id=order_id))
    ctx.emit(TeamFailed(team_id=team.id, group_buy_id=team.group_buy_id, order_ids=tuple(orders)))


async def refund(ctx: Context, job: RefundGroupBuyOrder) -> None:
    """Cancel an order whose team did not come about; again, nothing is given back twice.

    One that expired is off already: if it is paid late, it is heard of again by `note_paid`.
    """
    try:
        await cancel_any_order(ctx, job.order_id, reason=_REFUND_REASON)
    except OrderNotCancellable as refused:
        if refused.state != OrderState.EXPIRED:
            raise


async def _open(ctx: Context, team: Team) -> Team:
    """Let others join a locked team whose opener has paid."""
    deadline = rules.deadline_of(team, ctx.clock.now())
    await repository.move_team(ctx.db, team.id, TeamState.FORMING, deadline=deadline)
    ctx.emit(
        TeamOpened(
            team_id=team.id, group_buy_id=team.group_buy_id, size=team.size, deadline=deadline
        )
    )
    return msgspec.structs.replace(team, state=TeamState.FORMING, deadline=deadline)


async def _complete(ctx: Context, team: Team) -> bool:
    """Let a locked team succeed if every seat is paid; its orders may then be sent."""
    orders = rules.find_paid(await find_holders(ctx, rules.seats_of(team.id)))
    if len(orders) != team.size:
        return False
    now = ctx.clock.now()
    await repository.move_team(ctx.db, team.id, TeamState.SUCCEEDED, succeeded_at=now)
    await repository.carry(ctx.db, orders)
    for order_id in orders:
        await lift_hold(ctx, order_id, HOLD)
        # The seat stays taken; the buyer may take one in another team.
        await return_part(ctx, OwnerId(order_id), rules.limit_of(team.group_buy_id), 1)
    ctx.emit(
        TeamSucceeded(team_id=team.id, group_buy_id=team.group_buy_id, order_ids=tuple(orders))
    )
    return True


async def find_running(
    ctx: Context, variant_ids: Collection[VariantId]
) -> Mapping[VariantId, GroupBuy]:
    """Return {variant: the group buy by which a team can be opened here}, the cheapest."""
    async with ctx.reading() as db:
        found = await repository.find_running(db, variant_ids, at=ctx.clock.now())
    here = [
        one
        for one in found
        if (one.channel_id, one.currency) == (ctx.scope.channel_id, ctx.scope.currency)
    ]
    return {one.variant_id: one for one in reversed(here)}


async def find_open_teams(
    ctx: Context, group_buys: Collection[GroupBuy]
) -> Mapping[ActivityId, list[SeenTeam]]:
    """Return {group buy: teams that can be joined now}, those first that end first."""
    async with ctx.reading() as db:
        keys = [one.id for one in group_buys]
        teams = await repository.find_open_teams(db, keys, now=ctx.clock.now(), limit=_TEAMS_READ)
    found: dict[ActivityId, list[SeenTeam]] = {one.id: [] for one in group_buys}
    for seen in await _see(ctx, teams):
        if seen.missing:
            found[seen.team.group_buy_id].append(seen)
    return found


async def find_team(ctx: Context, team_id: TeamId) -> SeenTeam | None:
    """Return a team, but for one whose opener has not paid: that is as if there were none."""
    async with ctx.reading() as db:
        team = await repository.find_team(db, team_id)
    if team is None or team.deadline is None:
        return None
    (seen,) = await _see(ctx, [team])
    return seen


async def find_teams_of(ctx: Context, order_ids: Collection[OrderId]) -> Mapping[OrderId, SeenTeam]:
    """Return {order: its team} of those orders that have one."""
    async with ctx.reading() as db:
        found = await repository.find_teams_of(db, order_ids)
    seen = {one.team.id: one for one in await _see(ctx, list(found.values()))}
    return {order_id: seen[team.id] for order_id, team in found.items()}


async def _see(ctx: Context, teams: Collection[Team]) -> list[SeenTeam]:
    """Add to teams what may be known of them: the price, and how many are missing."""
    if not teams:
        return []
    async with ctx.reading() as db:
        offers = await repository.find_group_buys(db, {one.group_buy_id for one in teams})
    free = await find_free(ctx, [rules.seats_of(one.id) for one in teams])
    now = ctx.clock.now()
    return [
        SeenTeam(
            team=one,
            price=offers[one.group_buy_id].price,
            missing=(free[rules.seats_of(one.id)] or 0)
            if one.state is TeamState.PENDING or one.takes_members(now)
            else 0,
        )
        for one in teams
    ]


async def find_obligations(ctx: Context) -> list[str]:
    """Say why group buys must not be turned off: somebody has paid for a team."""
    async with ctx.reading() as db:
        count, last = await repository.count_live(db)
    if not count:
        return []
    until = "their openers have paid" if last is None else last.isoformat()
    return [
        f"{count} teams are open, until {until}. End the group buys with endGroupBuy, and disable "
        "it when their teams are complete or over."
    ]


async def audit(ctx: Context) -> list[Finding]:
    """Return what is wrong with teams: I8."""
    async with ctx.reading() as db:
        unsound = await repository.find_unsound(db, before=ctx.clock.now() - _ON_ITS_WAY)
        live = await repository.find_live(db)
    quotas = await find_quotas(ctx, [rules.seats_of(team.id) for team in live])
    problems = [(one.team_id, one.problem) for one in unsound]
    for team in live:
        seats = quotas.get(rules.seats_of(team.id))
        if seats is None or seats.capacity != team.size:
            problems.append((team.id, "has another number of seats than it was opened with"))
    fix = "Look at its orders (groupbuy_order) and at dead jobs of RefundGroupBuyOrder."
    return [
        Finding(invariant="I8", problem=f"team {team_id} {problem}", fix=fix)
        for team_id, problem in problems
    ]
