"""Points in the schemas: a member's own for storefronts, corrections for staff."""

from datetime import date, datetime

import strawberry

from koipond_points import service, types
from koipond_sdk import MemberId, Quantity, decode
from koipond_sdk.schema import (
    FIRST_DEFAULT,
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
from koipond_sdk.services.ledger import Balance, TransferKind

MANAGE = "points.manage"


strawberry.enum(TransferKind, name="PointsEntryKind")


@strawberry.type(description="Points that a member was given, or lost.")
class PointsEntry:
    kind: TransferKind
    points: Quantity = strawberry.field(description="Negative where points were taken")
    note: str = strawberry.field(description="What for")
    balance_after: Quantity = strawberry.field(
        description="What there was behind it, less what is owed; below 0 where there is a debt"
    )
    created_at: datetime

    @classmethod
    def of(cls, found: types.Entry) -> "PointsEntry":
        """Wrap an entry."""
        return cls(
            kind=found.kind,
            points=Quantity(found.points),
            note=found.note,
            balance_after=Quantity(found.balance_after),
            created_at=found.created_at,
        )


@strawberry.type(description="Points that are lost if they are not spent in time.")
class PointsExpiring:
    points: Quantity
    expires_on: date = strawberry.field(description="The last day on which they are good")


@strawberry.type(description="What a member has, and what becomes of it.")
class PointsAccount:
    active: Quantity = strawberry.field(description="Can be spent now")
    pending: Quantity = strawberry.field(description="Set aside for open orders")
    debt: Quantity = strawberry.field(
        description="Taken back when they were spent already; the next points pay it first"
    )
    expiring: list[PointsExpiring] = strawberry.field(description="The earliest day first")

    @classmethod
    def of(cls, found: Balance) -> "PointsAccount":
        """Wrap a balance."""
        return cls(
            active=Quantity(found.available),
            pending=Quantity(found.set_aside),
            debt=Quantity(found.debt),
            expiring=[
                PointsExpiring(points=Quantity(one.units), expires_on=one.expires_on)
                for one in found.expiring
            ],
        )


@strawberry.type
class PointsQueries:
    @query(MEMBER)
    async def points_balance(self, info: Info) -> Quantity:
        """The points that you have."""
        member_id = _viewer(info)
        found = await service.find_balances(info.context, [member_id])
        return Quantity(found[member_id].available)

    @query(MEMBER)
    async def points_account(self, info: Info) -> PointsAccount:
        """What you have, what is promised to your orders, what you owe, and what expires."""
        member_id = _viewer(info)
        return PointsAccount.of((await service.find_balances(info.context, [member_id]))[member_id])

    @query(MEMBER)
    async def points_entries(
        self, info: Info, first: int | None = FIRST_DEFAULT, after: str | None = None
    ) -> Connection[PointsEntry]:
        """The points that you were given and lost, the newest first."""
        wanted = page(first, after, shape=(int,))
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
        return [Quantity(found[one.key].available) if one.key in found else None for one in parents]


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
