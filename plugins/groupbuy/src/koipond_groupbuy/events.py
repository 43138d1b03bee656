"""What happens to teams."""

from datetime import datetime
from typing import ClassVar

from koipond_groupbuy.types import TeamId
from koipond_sdk import ActivityId, Event, OrderId


class TeamOpened(Event, frozen=True, kw_only=True):
    """An opener has paid: others may join until the deadline."""

    aggregate: ClassVar[str] = "team_id"
    team_id: TeamId
    group_buy_id: ActivityId
    size: int
    deadline: datetime


class TeamSucceeded(Event, frozen=True, kw_only=True):
    """All seats of a team are paid: its orders, `order_ids`, may be sent."""

    aggregate: ClassVar[str] = "team_id"
    team_id: TeamId
    group_buy_id: ActivityId
    order_ids: tuple[OrderId, ...]


class TeamFailed(Event, frozen=True, kw_only=True):
    """A team's time ran out: its orders, `order_ids`, are being cancelled and refunded."""

    aggregate: ClassVar[str] = "team_id"
    team_id: TeamId
    group_buy_id: ActivityId
    order_ids: tuple[OrderId, ...]
