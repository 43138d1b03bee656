"""Check-ins in the schema."""

from datetime import date, datetime

import strawberry

from koipond_checkin import service, types
from koipond_sdk import MemberId, Quantity
from koipond_sdk.schema import MEMBER, Info, UserError, mutation, query


@strawberry.type(description="A day on which you checked in.")
class CheckIn:
    day: date = strawberry.field(description="A date of your calendar")
    streak: int = strawberry.field(description="Days in a row, this one included")
    server_now: datetime

    @classmethod
    def of(cls, made: types.CheckIn) -> "CheckIn":
        """Wrap the check-in of this moment."""
        return cls(day=made.day, streak=made.streak, server_now=made.checked_in_at)


@strawberry.type(description="What you were given for a check-in.")
class CheckInReward:
    kind: str = strawberry.field(description="Such as points")
    amount: Quantity

    @classmethod
    def of(cls, given: types.Granted) -> "CheckInReward":
        """Wrap a reward."""
        return cls(kind=given.kind, amount=Quantity(given.amount))


@strawberry.type
class CheckInStatus:
    checked_in_today: bool
    streak: int = strawberry.field(description="Days in a row up to today or yesterday")
    next_at: datetime | None = strawberry.field(
        description="When checking in is possible again; null: now"
    )
    server_now: datetime


@strawberry.type
class CheckInPayload:
    check_in: CheckIn | None = None
    reward: CheckInReward | None = strawberry.field(
        default=None, description="null where a check-in is worth nothing but the streak"
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class CheckInQueries:
    @query(MEMBER)
    async def check_in_status(self, info: Info) -> CheckInStatus:
        """Whether you checked in today, and your streak."""
        found = await service.find_status(info.context, _member(info))
        return CheckInStatus(
            checked_in_today=found.checked_in_today,
            streak=found.streak,
            next_at=found.next_at,
            server_now=found.now,
        )


@strawberry.type
class CheckInMutations:
    @mutation(MEMBER)
    async def check_in(self, info: Info) -> CheckInPayload:
        """Check in for today; a second time on one day is refused with AlreadyCheckedIn."""
        made, given = await service.check_in(info.context, _member(info))
        return CheckInPayload(
            check_in=CheckIn.of(made), reward=CheckInReward.of(given) if given else None
        )


def _member(info: Info) -> MemberId:
    member_id = info.context.viewer.member_id
    assert member_id is not None, "MEMBER lets nobody else in"
    return member_id
