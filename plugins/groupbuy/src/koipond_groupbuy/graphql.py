"""Group buys in the schemas."""

from datetime import datetime

import strawberry

from koipond_groupbuy import service, types
from koipond_groupbuy.types import GroupBuyWish, TeamChoice, TeamId, TeamState
from koipond_sdk import ActivityId, VariantId, decode, encode, parse_amount
from koipond_sdk.schema import (
    PUBLIC,
    Info,
    MoneyType,
    Order,
    UserError,
    Variant,
    batch,
    mutation,
    needs,
    query,
)

MANAGE = needs("groupbuy.manage")
strawberry.enum(TeamState, name="GroupBuyTeamState")


@strawberry.type(description="A team. It tells nothing of who is in it, only how many are missing.")
class GroupBuyTeam:
    id: strawberry.ID
    state: TeamState
    size: int
    missing: int = strawberry.field(
        description="Free seats; who is paying just now has one. 0 once the team is over"
    )
    price: MoneyType = strawberry.field(description="What each member pays")
    deadline: datetime | None = strawberry.field(
        description="Until when all seats must be paid; null until its opener has paid"
    )
    server_now: datetime = strawberry.field(description="What to count down from")

    @classmethod
    def of(cls, seen: types.SeenTeam, now: datetime) -> "GroupBuyTeam":
        """Wrap what may be seen of a team."""
        return cls(
            id=strawberry.ID(encode(TeamId, seen.team.id)),
            state=seen.team.state,
            size=seen.team.size,
            missing=seen.missing,
            price=MoneyType.of(seen.price),
            deadline=seen.team.deadline,
            server_now=now,
        )


@strawberry.type(description="A lower price for a team that fills in time.")
class GroupBuy:
    found: strawberry.Private[types.GroupBuy]
    id: strawberry.ID
    price: MoneyType = strawberry.field(description="What each member of a team pays")
    size: int = strawberry.field(description="Seats of a team")
    lifetime_hours: int = strawberry.field(description="How long a team may take to fill")
    starts_at: datetime
    ends_at: datetime = strawberry.field(description="Until when teams can be opened")
    server_now: datetime = strawberry.field(description="What to count down from")

    @batch
    @staticmethod
    async def open_teams(
        parents: list["GroupBuy"], info: Info, first: int = 5
    ) -> list[list[GroupBuyTeam]]:
        """Teams that can be joined now, those first that end first; at most 20."""
        found = await service.find_open_teams(info.context, [one.found for one in parents])
        now, most = info.context.clock.now(), max(0, min(first, service.TEAMS_SHOWN_MAX))
        return [
            [GroupBuyTeam.of(one, now) for one in found[parent.found.id][:most]]
            for parent in parents
        ]

    @classmethod
    def of(cls, found: types.GroupBuy, now: datetime) -> "GroupBuy":
        """Wrap a group buy."""
        return cls(
            found=found,
            id=strawberry.ID(encode(ActivityId, found.id)),
            price=MoneyType.of(found.price),
            size=found.size,
            lifetime_hours=int(found.lifetime.total_seconds()) // 3600,
            starts_at=found.starts_at,
            ends_at=found.ends_at,
            server_now=now,
        )


@strawberry.type
class GroupBuyOfVariant:
    @batch
    @staticmethod
    async def group_buy(parents: list[Variant], info: Info) -> list[GroupBuy | None]:
        """The group buy that runs for it; null: none does."""
        found = await service.find_running(info.context, [parent.key for parent in parents])
        now = info.context.clock.now()
        return [
            GroupBuy.of(found[parent.key], now) if parent.key in found else None
            for parent in parents
        ]


@strawberry.type
class GroupBuyTeamOfOrder:
    @batch
    @staticmethod
    async def group_buy_team(parents: list[Order], info: Info) -> list[GroupBuyTeam | None]:
        """The team that it is for; null: it is for none, or still a cart."""
        keys = [parent.found.id for parent in parents]
        found = await service.find_teams_of(info.context, keys)
        now = info.context.clock.now()
        return [GroupBuyTeam.of(found[key], now) if key in found else None for key in keys]


@strawberry.type
class GroupBuyQueries:
    @query(PUBLIC)
    async def group_buy_team(self, info: Info, id: strawberry.ID) -> GroupBuyTeam | None:
        """A team, by the id that whoever opened it shares; null before that one has paid."""
        found = await service.find_team(info.context, decode(TeamId, id))
        return None if found is None else GroupBuyTeam.of(found, info.context.clock.now())


@strawberry.input(description="Buy this line in a team: one unit, and nothing else in the order.")
class GroupBuyLineInput:
    id: strawberry.ID = strawberry.field(description="Of the group buy, see Variant.groupBuy")
    team_id: strawberry.ID | None = strawberry.field(
        default=None, description="The team to join; without one a new team is opened"
    )

    def read(self) -> TeamChoice:
        """Return what was chosen. Raises IdInvalid."""
        return TeamChoice(
            group_buy_id=decode(ActivityId, self.id),
            team_id=None if self.team_id is None else decode(TeamId, self.team_id),
        )


@strawberry.input
class GroupBuyScheduleInput:
    variant_id: strawberry.ID
    price: str = strawberry.field(
        description="Major units in the currency of the request: 12.50 (header Koi-Currency)"
    )
    size: int = strawberry.field(description="Seats of a team, 2 to 100")
    ends_at: datetime = strawberry.field(
        description="Until when teams can be opened; those that are open then may still fill"
    )
    starts_at: datetime | None = strawberry.field(default=None, description="Null: now")
    lifetime_hours: int | None = strawberry.field(
        default=None, description="How long a team may take to fill; null: as the settings say"
    )
    name: str = strawberry.field(
        default="Group buy", description="What buyers read beside the price"
    )

    def read(self, info: Info) -> GroupBuyWish:
        """Return what is wished for. Raises IdInvalid, AmountInvalid."""
        return GroupBuyWish(
            variant_id=decode(VariantId, self.variant_id),
            name=self.name,
            price=parse_amount(self.price, info.context.scope.currency),
            size=self.size,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            lifetime_hours=self.lifetime_hours,
        )


@strawberry.type
class GroupBuyPayload:
    group_buy: GroupBuy | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class GroupBuyMutations:
    @mutation(MANAGE)
    async def schedule_group_buy(self, info: Info, input: GroupBuyScheduleInput) -> GroupBuyPayload:
        """Sell a variant at a lower price to teams, in the channel and currency of the request."""
        made = await service.schedule(info.context, input.read(info))
        return GroupBuyPayload(group_buy=GroupBuy.of(made, info.context.clock.now()))

    @mutation(MANAGE)
    async def end_group_buy(self, info: Info, id: strawberry.ID) -> GroupBuyPayload:
        """Let no new team be opened; teams that are open may still fill."""
        ended = await service.end(info.context, decode(ActivityId, id))
        return GroupBuyPayload(group_buy=GroupBuy.of(ended, info.context.clock.now()))
