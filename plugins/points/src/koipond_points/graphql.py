"""Points in the schemas: a member's own for storefronts, corrections for staff."""

from datetime import datetime
from uuid import UUID

import strawberry

from koipond_points import service, types
from koipond_sdk import MemberId, Quantity, decode
from koipond_sdk.schema import (
    MEMBER,
    Connection,
    Info,
    Member,
    UserError,
    batch,
    connect,
    mutation,
    needs,
    page,
    query,
)

MANAGE = "points.manage"


@strawberry.type(description="Points that a member was given, or lost.")
class PointsEntry:
    points: Quantity = strawberry.field(description="Negative where points were taken")
    note: str = strawberry.field(description="What for")
    created_at: datetime

    @classmethod
    def of(cls, found: types.Entry) -> "PointsEntry":
        """Wrap an entry."""
        return cls(points=Quantity(found.points), note=found.note, created_at=found.created_at)


@strawberry.type
class PointsQueries:
    @query(MEMBER)
    async def points_balance(self, info: Info) -> Quantity:
        """The points that you have."""
        member_id = _viewer(info)
        found = await service.find_balances(info.context, [member_id])
        return Quantity(found.get(member_id, 0))

    @query(MEMBER)
    async def points_entries(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[PointsEntry]:
        """The points that you were given and lost, the newest first."""
        wanted = page(first, after, shape=(UUID,))
        found = await service.find_entries(info.context, _viewer(info), wanted)
        return connect(found, PointsEntry.of, behind=after is not None)


@strawberry.type
class PointsOfMember:
    @batch
    @staticmethod
    async def points(parents: list[Member], info: Info) -> list[Quantity | None]:
        """The points that you have; null for everybody else's."""
        own = [one.key for one in parents if one.key == info.context.viewer.member_id]
        found = await service.find_balances(info.context, own)
        return [Quantity(found.get(one.key, 0)) if one.key in own else None for one in parents]


@strawberry.input
class PointsCorrectionInput:
    member_id: strawberry.ID
    points: Quantity = strawberry.field(description="1 or more")
    reason: str = strawberry.field(description="Why; the member reads it")
    idempotency_key: str = strawberry.field(
        description="One per act; a repeat with the same key happens once"
    )

    def read(self) -> types.Correction:
        """Return what is wanted."""
        return types.Correction(
            member_id=decode(MemberId, self.member_id),
            points=self.points,
            reason=self.reason,
            idempotency_key=self.idempotency_key,
        )


@strawberry.type
class PointsCorrectionPayload:
    entry: PointsEntry | None = None
    balance: Quantity | None = strawberry.field(default=None, description="As it is now")
    user_errors: list[UserError] = strawberry.field(default_factory=list)

    @classmethod
    def of(cls, booked: types.Booked) -> "PointsCorrectionPayload":
        """Wrap a correction."""
        return cls(entry=PointsEntry.of(booked.entry), balance=Quantity(booked.balance))


@strawberry.type
class PointsMutations:
    @mutation(needs(MANAGE))
    async def grant_points(
        self, info: Info, input: PointsCorrectionInput
    ) -> PointsCorrectionPayload:
        """Give a member points."""
        return PointsCorrectionPayload.of(await service.grant_points(info.context, input.read()))

    @mutation(needs(MANAGE))
    async def take_points(
        self, info: Info, input: PointsCorrectionInput
    ) -> PointsCorrectionPayload:
        """Take points from a member; never more than there are, see PointsShort."""
        return PointsCorrectionPayload.of(await service.take_points(info.context, input.read()))


def _viewer(info: Info) -> MemberId:
    member_id = info.context.viewer.member_id
    assert member_id is not None, "MEMBER lets nobody else in"
    return member_id
