"""Rules of group buys: what can be scheduled, who may take a seat, what becomes of a team.

PENDING --opener paid--> FORMING --every seat paid--> SUCCEEDED
   |                        |
   +--nobody is in it-------+--its time ran out-----> FAILED
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from koipond_groupbuy.errors import (
    AlreadyInTeam,
    GroupBuyOver,
    GroupBuyTimesInvalid,
    GroupBuyUnknown,
    TeamFull,
    TeamLifetimeInvalid,
    TeamOrderMixed,
    TeamOver,
    TeamPriceInvalid,
    TeamQuantityInvalid,
    TeamSizeInvalid,
    TeamStillForming,
    TeamUnknown,
)
from koipond_groupbuy.types import (
    GroupBuy,
    GroupBuyWish,
    Seat,
    Team,
    TeamChoice,
    TeamId,
    TeamState,
)
from koipond_sdk import ActivityId, ChannelId, DomainError, OrderId, Quantity
from koipond_sdk.hooks import Checkout, QuotaRequest
from koipond_sdk.services.orders import OrderLine
from koipond_sdk.services.quotas import (
    Claim,
    QuotaId,
    QuotaShort,
    QuotaSpec,
    Reservation,
    ReservationState,
    SubjectId,
)

SIZE_MIN, SIZE_MAX = 2, 100
LIFETIME_HOURS_MAX = 720
UNITS_PER_SEAT = 1
TEAMS_AT_ONCE = 1
TEAM_MOVES: Mapping[TeamState, set[TeamState]] = {
    TeamState.PENDING: {TeamState.FORMING, TeamState.FAILED},
    TeamState.FORMING: {TeamState.SUCCEEDED, TeamState.FAILED},
    TeamState.SUCCEEDED: set(),
    TeamState.FAILED: set(),
}
_TEAMS = UUID("0c1f9f0e-52b5-5b6e-9a53-2f7d0f7a5b11")


def plan(
    wish: GroupBuyWish,
    new_id: ActivityId,
    channel_id: ChannelId,
    *,
    usual_hours: int,
    now: datetime,
) -> GroupBuy:
    """Return the group buy that staff ask for.

    Raises TeamSizeInvalid, TeamPriceInvalid, TeamLifetimeInvalid, GroupBuyTimesInvalid.
    """
    if not SIZE_MIN <= wish.size <= SIZE_MAX:
        raise TeamSizeInvalid(size=wish.size, minimum=SIZE_MIN, maximum=SIZE_MAX).located("size")
    if wish.price.amount_minor <= 0:
        raise TeamPriceInvalid().located("price")
    hours = usual_hours if wish.lifetime_hours is None else wish.lifetime_hours
    if not 1 <= hours <= LIFETIME_HOURS_MAX:
        refusal = TeamLifetimeInvalid(hours=hours, maximum=LIFETIME_HOURS_MAX)
        raise refusal.located("lifetimeHours")
    starts_at = wish.starts_at or now
    if wish.ends_at <= max(now, starts_at):
        raise GroupBuyTimesInvalid(starts_at=starts_at, ends_at=wish.ends_at).located("endsAt")
    return GroupBuy(
        id=new_id,
        channel_id=channel_id,
        variant_id=wish.variant_id,
        currency=wish.price.currency,
        price_minor=wish.price.amount_minor,
        size=wish.size,
        lifetime=timedelta(hours=hours),
        starts_at=starts_at,
        ends_at=wish.ends_at,
    )


def end_of(group_buy: GroupBuy, now: datetime) -> datetime:
    """Return when a group buy ends that is ended now; one that has not begun never does."""
    return max(group_buy.starts_at, min(group_buy.ends_at, now))


def seats_of(team_id: TeamId) -> QuotaId:
    """Return the quota whose units are a team's seats."""
    return QuotaId(team_id)


def limit_of(group_buy_id: ActivityId) -> QuotaId:
    """Return the quota by which nobody has a seat in two open teams of a group buy."""
    return QuotaId(group_buy_id)


def team_opened_by(order_id: OrderId) -> TeamId:
    """Return the id of the team that an order opens.

    The hooks of one purchase must agree on it, and nobody may tell the order's id by it.
    """
    return TeamId(uuid5(_TEAMS, order_id.hex))


def find_choices(checkout: Checkout) -> list[tuple[OrderLine, TeamChoice]]:
    """Return the lines that are to be bought in a team, and in which."""
    found = ((line, checkout.chosen_of(line, TeamChoice)) for line in checkout.lines)
    return [(line, choice) for line, choice in found if choice is not None]


def find_refusals(checkout: Checkout, seat: Seat) -> list[DomainError]:
    """Say why a purchase cannot have the seat that it wants, as far as can be known beforehand."""
    if len(checkout.lines) != 1:
        return [TeamOrderMixed(lines=len(checkout.lines))]
    (line,) = checkout.lines
    if line.quantity != UNITS_PER_SEAT:
        refusal = TeamQuantityInvalid(quantity=Quantity(line.quantity), maximum=UNITS_PER_SEAT)
        return [refusal.located("lines.0.quantity")]
    problem = find_problem(seat, checkout.now)
    return [] if problem is None else [problem.located("lines.0.plugins.groupBuy")]


def find_problem(seat: Seat, now: datetime) -> DomainError | None:
    """Say why a seat cannot be had, whether it is free or not."""
    if seat.group_buy is None:
        return GroupBuyUnknown(group_buy_id=seat.choice.group_buy_id)
    if seat.choice.team_id is None:
        is_over = now >= seat.group_buy.ends_at
        return GroupBuyOver(ends_at=seat.group_buy.ends_at) if is_over else None
    team = seat.team
    if (
        team is None
        or team.group_buy_id != seat.choice.group_buy_id
        or team.state is TeamState.PENDING
    ):
        return TeamUnknown(team_id=seat.choice.team_id)
    if not team.takes_members(now):
        # One that nobody has looked at since its deadline.
        state = TeamState.FAILED if team.state is TeamState.FORMING else team.state
        return TeamOver(team_id=team.id, state=state, size=team.size)
    return None


def claim_seat(seat: Seat, subject: SubjectId) -> list[QuotaRequest]:
    """Return what a purchase must get to have its seat; whoever opens a team makes its seats."""
    assert seat.group_buy is not None, "checkout_validate has seen it"
    size = seat.team.size if seat.team is not None else seat.group_buy.size
    return [
        QuotaRequest(
            claim=Claim(
                quota_id=seats_of(seat.team_id),
                subject_id=subject,
                create=None if seat.team is not None else seats(seat.team_id, size),
            ),
            refusal=lambda refused: _no_seat(refused, seat, size),
        ),
        QuotaRequest(
            claim=Claim(quota_id=limit_of(seat.group_buy.id), subject_id=subject),
            refusal=lambda _: _twice(seat),
        ),
    ]


def seats(team_id: TeamId, size: int) -> QuotaSpec:
    """Return the quota of a team's seats: `size` of them, one for each member."""
    return QuotaSpec(id=seats_of(team_id), capacity=size, subject_limit=1)


def limit(group_buy_id: ActivityId) -> QuotaSpec:
    """Return the quota that has no end and only counts in how many open teams somebody is."""
    return QuotaSpec(id=limit_of(group_buy_id), subject_limit=TEAMS_AT_ONCE)


def deadline_of(team: Team, now: datetime) -> datetime:
    """Return until when a team may fill whose opener has paid now."""
    return min(now + team.lifetime, team.hard_stop)


def find_paid(seats: Iterable[Reservation]) -> list[OrderId]:
    """Return the orders that have paid for their seats."""
    return sorted(OrderId(one.owner_id) for one in seats if one.state is ReservationState.CONSUMED)


def is_left(seats: Iterable[Reservation]) -> bool:
    """Tell whether nobody is in a team any more who has ordered."""
    stays = {ReservationState.PLACED, ReservationState.CONSUMED}
    return not any(one.state in stays for one in seats)


def find_reason_to_stay(team: Team, *, quit_allowed: bool) -> TeamStillForming | None:
    """Say why a member who has paid may not cancel, if so."""
    if quit_allowed or team.state is not TeamState.FORMING or team.deadline is None:
        return None
    return TeamStillForming(team_id=team.id, deadline=team.deadline)


def _no_seat(refused: DomainError, seat: Seat, size: int) -> DomainError:
    if isinstance(refused, QuotaShort):
        return TeamFull(team_id=seat.team_id, size=size).located("lines.0.plugins.groupBuy.teamId")
    return _twice(seat)


def _twice(seat: Seat) -> DomainError:
    refusal = AlreadyInTeam(
        group_buy_id=seat.choice.group_buy_id, teams=TEAMS_AT_ONCE, maximum=TEAMS_AT_ONCE
    )
    return refusal.located("lines.0.plugins.groupBuy")
