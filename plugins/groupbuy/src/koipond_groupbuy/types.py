"""Group buys and teams, seen from outside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, NewType
from uuid import UUID

import msgspec
from msgspec import Struct

from koipond_sdk import (
    ActivityId,
    ChannelId,
    Currency,
    Job,
    Money,
    OrderId,
    OrderLineId,
    PluginInput,
    PluginSettings,
    VariantId,
    name_ids,
)
from koipond_sdk.services.quotas import SubjectId

PLUGIN = "groupbuy"
# The hold that keeps an order from being sent before its team is full.
HOLD = "team"

# A group buy has the id of the activity of core that carries its price.
TeamId = NewType("TeamId", UUID)
name_ids(TeamId, "team")


class TeamState(StrEnum):
    """Where a team stands; see rules.TEAM_MOVES."""

    # Its opener has not paid: nobody else sees it.
    PENDING = "pending"
    FORMING = "forming"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class GroupBuyWish(Struct, frozen=True, kw_only=True):
    """A group buy as staff ask for it. starts_at: None is now; lifetime_hours: None is the usual.

    name: what buyers read beside the price.
    """

    variant_id: VariantId
    name: str
    price: Money
    size: int
    ends_at: datetime
    starts_at: datetime | None = None
    lifetime_hours: int | None = None


class GroupBuy(Struct, frozen=True, kw_only=True):
    """Who opens a team from `starts_at` until `ends_at`, and fills it, pays this price.

    size: seats of a team. lifetime: how long a team may take from when its opener has paid.
    """

    id: ActivityId
    channel_id: ChannelId
    variant_id: VariantId
    currency: Currency
    price_minor: int
    size: int
    lifetime: timedelta
    starts_at: datetime
    ends_at: datetime

    @property
    def price(self) -> Money:
        """What each member of a team pays for a unit."""
        return Money(self.price_minor, self.currency)

    @property
    def hard_stop(self) -> datetime:
        """When the last of its teams is over: until then its price can be had by joining one."""
        return self.ends_at + self.lifetime


class Team(Struct, frozen=True, kw_only=True):
    """A team, with the size and the lifetime that were promised to whoever opened it.

    deadline: None until its opener has paid. hard_stop: no deadline is later.
    """

    id: TeamId
    group_buy_id: ActivityId
    size: int
    lifetime: timedelta
    state: TeamState
    deadline: datetime | None
    hard_stop: datetime

    def takes_members(self, now: datetime) -> bool:
        """Tell whether it can be joined, if there is a seat."""
        return self.state is TeamState.FORMING and self.deadline is not None and now < self.deadline


class SeenTeam(Struct, frozen=True, kw_only=True):
    """A team as anybody may see it. missing: free seats; 0 once it is over."""

    team: Team
    price: Money
    missing: int


class TeamChoice(PluginInput, frozen=True, kw_only=True):
    """What a buyer says of a line: buy by this group buy, in this team or in a new one."""

    group_buy_id: ActivityId
    team_id: TeamId | None = None

    def chosen_activity(self) -> ActivityId:
        """Return the activity that carries the price."""
        return self.group_buy_id


class Seat(Struct, frozen=True, kw_only=True):
    """What a purchase wants: a seat in a team that there is, or in one that it opens (no `team`).

    group_buy: None, there is no such group buy.
    """

    team_id: TeamId
    line_id: OrderLineId
    choice: TeamChoice
    group_buy: GroupBuy | None
    team: Team | None


class TeamOrder(Struct, frozen=True, kw_only=True):
    """The order that wants a seat. carried: the team succeeded with it."""

    order_id: OrderId
    team_id: TeamId
    subject_id: SubjectId
    carried: bool = False


class Unsound(Struct, frozen=True, kw_only=True):
    """A team of which something does not hold; problem: what, as a sentence's end."""

    team_id: TeamId
    problem: str


class GroupBuySettings(PluginSettings, frozen=True):
    """What staff may set.

    lifetime_hours: how long a team may take from when its opener has paid, unless its group buy
    says otherwise. quit_allowed: who has paid may leave a team that is still forming.
    """

    lifetime_hours: Annotated[int, msgspec.Meta(ge=1, le=720)] = 24
    quit_allowed: bool = False


class EndGroupBuyTeams(Job, frozen=True, kw_only=True):
    """Find the teams whose time is over."""


class EndGroupBuyTeam(Job, frozen=True, kw_only=True):
    """Decide a team whose time is over."""

    team_id: TeamId


class RefundGroupBuyOrder(Job, frozen=True, kw_only=True):
    """Cancel an order whose team did not come about; what was paid goes back."""

    # While it waits money is in between.
    attempts_max: ClassVar[int] = 100
    order_id: OrderId


Teams = Sequence[SeenTeam]
