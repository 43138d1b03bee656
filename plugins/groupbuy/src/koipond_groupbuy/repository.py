"""SQL of group buys."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, false, func, or_, select, true

from koipond_groupbuy.tables import groupbuy_activity, groupbuy_order, groupbuy_team, is_forming
from koipond_groupbuy.types import GroupBuy, Team, TeamId, TeamOrder, TeamState, Unsound
from koipond_sdk import ActivityId, OrderId, VariantId, views
from koipond_sdk.db import AsyncConnection
from koipond_sdk.services.orders import OrderState
from koipond_sdk.services.quotas import SubjectId

_a, _t, _o = groupbuy_activity.c, groupbuy_team.c, groupbuy_order.c
_STANDING = [OrderState.PLACED, OrderState.CONFIRMED, OrderState.CLOSED]
_PAID = [OrderState.CONFIRMED, OrderState.CLOSED]
_LIVE = [TeamState.PENDING, TeamState.FORMING]
_TEAM = select(groupbuy_team, _a.ends_at).join_from(
    groupbuy_team, groupbuy_activity, _a.id == _t.activity_id
)


async def add_group_buy(db: AsyncConnection, new: GroupBuy) -> None:
    """Store a new group buy."""
    await db.execute(
        groupbuy_activity.insert().values(
            id=new.id,
            channel_id=new.channel_id,
            variant_id=new.variant_id,
            currency=new.currency,
            price_minor=new.price_minor,
            size=new.size,
            lifetime_s=int(new.lifetime.total_seconds()),
            starts_at=new.starts_at,
            ends_at=new.ends_at,
        )
    )


async def find_group_buys(
    db: AsyncConnection, keys: Collection[ActivityId]
) -> dict[ActivityId, GroupBuy]:
    """Return {id: group buy}, over or not."""
    rows = await db.execute(select(groupbuy_activity).where(_a.id.in_(sorted(keys))))
    return {found.id: found for found in map(_group_buy, rows)}


async def lock_group_buy(db: AsyncConnection, key: ActivityId) -> GroupBuy | None:
    """Lock and return a group buy."""
    statement = select(groupbuy_activity).where(_a.id == key).with_for_update(key_share=True)
    row = (await db.execute(statement)).one_or_none()
    return None if row is None else _group_buy(row)


async def end_group_buy(db: AsyncConnection, key: ActivityId, *, at: datetime) -> None:
    """Store from when on a locked group buy takes no new team."""
    await db.execute(groupbuy_activity.update().where(_a.id == key).values(ends_at=at))


async def find_running(
    db: AsyncConnection, wanted: Collection[VariantId], *, at: datetime
) -> list[GroupBuy]:
    """Return what runs for these variants in any channel and currency, the cheapest first."""
    runs = and_(_a.variant_id.in_(sorted(wanted)), _a.starts_at <= at, _a.ends_at > at)
    rows = await db.execute(select(groupbuy_activity).where(runs).order_by(_a.price_minor, _a.id))
    return [_group_buy(row) for row in rows]


async def add_team(db: AsyncConnection, key: TeamId, of: GroupBuy, *, now: datetime) -> None:
    """Store a new team; what it is promised is what its group buy says today."""
    await db.execute(
        groupbuy_team.insert().values(
            id=key,
            activity_id=of.id,
            size=of.size,
            lifetime_s=int(of.lifetime.total_seconds()),
            state=TeamState.PENDING,
            created_at=now,
        )
    )


async def find_team(db: AsyncConnection, key: TeamId) -> Team | None:
    """Return a team, whatever its state."""
    row = (await db.execute(_TEAM.where(_t.id == key))).one_or_none()
    return None if row is None else _team(row)


async def lock_team(db: AsyncConnection, key: TeamId) -> Team:
    """Lock and return a team that is known to be there: whoever decides it holds this lock."""
    statement = _TEAM.where(_t.id == key).with_for_update(key_share=True, of=groupbuy_team)
    return _team((await db.execute(statement)).one())


async def move_team(
    db: AsyncConnection,
    key: TeamId,
    state: TeamState,
    *,
    deadline: datetime | None = None,
    succeeded_at: datetime | None = None,
) -> None:
    """Store the next state of a locked team."""
    values: dict[str, Any] = {"state": state}
    if deadline is not None:
        values["deadline"] = deadline
    if succeeded_at is not None:
        values["succeeded_at"] = succeeded_at
    await db.execute(groupbuy_team.update().where(_t.id == key).values(values))


async def find_due(db: AsyncConnection, *, now: datetime, limit: int) -> list[TeamId]:
    """Return the teams whose time is over and that nobody has decided, the oldest first."""
    rows = await db.execute(
        select(_t.id)
        .where(is_forming, _t.deadline <= now)
        .order_by(_t.deadline, _t.id)
        .limit(limit)
    )
    return [TeamId(key) for key in rows.scalars()]


async def find_open_teams(
    db: AsyncConnection, keys: Collection[ActivityId], *, now: datetime, limit: int
) -> list[Team]:
    """Return the forming teams of these group buys, of each the `limit` that end first."""
    place = func.row_number().over(partition_by=_t.activity_id, order_by=[_t.deadline, _t.id])
    ranked = (
        select(_t.id, place.label("place"))
        .where(is_forming, _t.activity_id.in_(sorted(keys)), _t.deadline > now)
        .subquery()
    )
    rows = await db.execute(
        _TEAM.join(ranked, ranked.c.id == _t.id)
        .where(ranked.c.place <= limit)
        .order_by(_t.deadline, _t.id)
    )
    return [_team(row) for row in rows]


async def find_teams_of(db: AsyncConnection, keys: Collection[OrderId]) -> dict[OrderId, Team]:
    """Return {order: its team} of those orders that have one."""
    statement = (
        _TEAM.add_columns(_o.order_id)
        .join(groupbuy_order, _o.team_id == _t.id)
        .where(_o.order_id.in_(sorted(keys)))
    )
    return {OrderId(row.order_id): _team(row) for row in await db.execute(statement)}


async def count_live(db: AsyncConnection) -> tuple[int, datetime | None]:
    """Return how many teams are not decided, and the last of their deadlines."""
    rows = await db.execute(select(func.count(), func.max(_t.deadline)).where(_t.state.in_(_LIVE)))
    count, last = rows.one()
    return int(count), last


async def add_order(db: AsyncConnection, new: TeamOrder) -> None:
    """Store which team an order is for."""
    await db.execute(
        groupbuy_order.insert().values(
            order_id=new.order_id,
            team_id=new.team_id,
            subject_id=new.subject_id,
            carried=new.carried,
        )
    )


async def find_order(db: AsyncConnection, key: OrderId) -> TeamOrder | None:
    """Return which team an order is for; None: for none."""
    row = (await db.execute(select(groupbuy_order).where(_o.order_id == key))).one_or_none()
    if row is None:
        return None
    return TeamOrder(
        order_id=OrderId(row.order_id),
        team_id=TeamId(row.team_id),
        subject_id=SubjectId(row.subject_id),
        carried=row.carried,
    )


async def find_standing(db: AsyncConnection, key: TeamId) -> list[OrderId]:
    """Return the orders for a team that are placed or paid."""
    statement = (
        select(_o.order_id)
        .join(views.order, views.order.c.id == _o.order_id)
        .where(_o.team_id == key, views.order.c.state.in_(_STANDING))
        .order_by(_o.order_id)
    )
    return [OrderId(found) for found in (await db.execute(statement)).scalars()]


async def carry(db: AsyncConnection, keys: Sequence[OrderId]) -> None:
    """Store that a team succeeded with these orders."""
    await db.execute(
        groupbuy_order.update().where(_o.order_id.in_(sorted(keys))).values(carried=true())
    )


_LIVE_TEAMS = _TEAM.where(_t.state.in_(_LIVE))


async def find_live(db: AsyncConnection) -> list[Team]:
    """Return the teams that are not decided."""
    return [_team(row) for row in await db.execute(_LIVE_TEAMS)]


async def find_unsound(db: AsyncConnection, *, before: datetime) -> list[Unsound]:
    """Return the teams of whose orders something does not hold.

    before: what is younger may still be on its way.
    """
    return [
        Unsound(team_id=TeamId(key), problem=problem)
        for statement, problem in _UNSOUND
        for key in (await db.execute(statement, {"before": before})).scalars()
    ]


def _orders_of_teams() -> Select[Any]:
    return (
        select(_t.id)
        .join_from(groupbuy_team, groupbuy_order, _o.team_id == _t.id)
        .join(views.order, views.order.c.id == _o.order_id)
    )


def _crowded() -> Select[Any]:
    return (
        _orders_of_teams()
        .where(views.order.c.state.in_(_STANDING))
        .group_by(_t.id, _t.size)
        .having(func.count() > _t.size)
    )


def _doubled() -> Select[Any]:
    return (
        _orders_of_teams()
        .where(views.order.c.state.in_(_STANDING))
        .group_by(_t.id, _o.subject_id)
        .having(func.count() > 1)
    )


def _uneven() -> Select[Any]:
    carried = (
        select(func.count()).where(_o.team_id == _t.id, _o.carried == true()).scalar_subquery()
    )
    buyers = (
        select(func.count(_o.subject_id.distinct()))
        .where(_o.team_id == _t.id, _o.carried == true())
        .scalar_subquery()
    )
    return select(_t.id).where(
        or_(
            and_(_t.state == TeamState.SUCCEEDED, or_(carried != _t.size, buyers != _t.size)),
            and_(_t.state != TeamState.SUCCEEDED, carried != 0),
        )
    )


def _kept() -> Select[Any]:
    return _orders_of_teams().where(
        _is_over(),
        _o.carried == false(),
        views.order.c.state.in_(_PAID),
        views.order.c.updated_at < bindparam("before"),
    )


def _unreturned() -> Select[Any]:
    payment = views.payment.c
    return (
        _orders_of_teams()
        .join(views.payment, payment.order_id == _o.order_id)
        .where(
            _is_over(),
            _o.carried == false(),
            views.order.c.state.in_([OrderState.CANCELLED, OrderState.EXPIRED]),
            payment.captured_minor != payment.refunded_minor,
            payment.updated_at < bindparam("before"),
        )
    )


def _is_over() -> ColumnElement[bool]:
    return _t.state.in_([TeamState.SUCCEEDED, TeamState.FAILED])


# (teams, what is wrong with them); `before`: what is younger may still be on its way.
_UNSOUND = [
    (_crowded(), "has more orders that stand than seats"),
    (_doubled(), "has two orders of one buyer that stand"),
    (_uneven(), "succeeded with another number of orders than it has seats"),
    (_kept(), "keeps a paid order although it did not come about with it"),
    (_unreturned(), "has an order that is off and whose money is not given back"),
]


def _group_buy(row: Any) -> GroupBuy:
    return GroupBuy(
        id=ActivityId(row.id),
        channel_id=row.channel_id,
        variant_id=VariantId(row.variant_id),
        currency=row.currency,
        price_minor=row.price_minor,
        size=row.size,
        lifetime=timedelta(seconds=row.lifetime_s),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
    )


def _team(row: Any) -> Team:
    lifetime = timedelta(seconds=row.lifetime_s)
    return Team(
        id=TeamId(row.id),
        group_buy_id=ActivityId(row.activity_id),
        size=row.size,
        lifetime=lifetime,
        state=TeamState(row.state),
        deadline=row.deadline,
        hard_stop=row.ends_at + lifetime,
    )
