"""Lotteries in the schemas."""

from datetime import datetime

import strawberry

from koipond_lottery import rules, service
from koipond_lottery.types import (
    Entry,
    EntryId,
    EntryState,
    Lottery,
    LotteryDraft,
    LotteryId,
    Prize,
    PrizeDraft,
    PrizeId,
)
from koipond_sdk import MemberId, Quantity, decode, encode
from koipond_sdk.schema import (
    FIRST_DEFAULT,
    MEMBER,
    PUBLIC,
    Connection,
    Info,
    UserError,
    connect,
    mutation,
    needs,
    page,
    query,
)

MANAGE = needs("lottery.manage")
strawberry.enum(EntryState, name="LotteryEntryState", description="What became of an entry.")


@strawberry.type(name="LotteryPrize", description="What can be won in a lottery.")
class PrizeType:
    id: strawberry.ID
    name: str
    odds_ppm: int = strawberry.field(description="Of a million draws so many win it")
    units: Quantity = strawberry.field(description="How many there are in all")
    left: Quantity = strawberry.field(
        description="How many are left; a draw of it wins nothing once none is"
    )

    @classmethod
    def of(cls, found: Prize) -> "PrizeType":
        """Wrap a prize."""
        return cls(
            id=strawberry.ID(encode(PrizeId, found.id)),
            name=found.name,
            odds_ppm=found.odds_ppm,
            units=Quantity(found.units),
            left=Quantity(found.units - found.given),
        )


@strawberry.type(name="Lottery", description="A lottery, entered once a day by each member.")
class LotteryType:
    id: strawberry.ID
    name: str
    starts_at: datetime
    ends_at: datetime = strawberry.field(description="It takes no entry from this instant on")
    time_zone: str = strawberry.field(description="Where its days begin")
    seed_hash: str = strawberry.field(description="SHA-256 of the seed's bytes, from the beginning")
    seed: str | None = strawberry.field(
        description="What all draws follow from, in hexadecimal; null until it is over"
    )
    prizes: list[PrizeType]

    @classmethod
    def of(cls, found: Lottery, now: datetime) -> "LotteryType":
        """Wrap a lottery, with its seed if it is over."""
        return cls(
            id=strawberry.ID(encode(LotteryId, found.id)),
            name=found.name,
            starts_at=found.starts_at,
            ends_at=found.ends_at,
            time_zone=found.time_zone,
            seed_hash=rules.commit_to(found.seed),
            seed=found.seed if rules.is_over(found, now) else None,
            prizes=[PrizeType.of(one) for one in found.prizes],
        )


@strawberry.type(name="LotteryEntry", description="What somebody drew.")
class EntryType:
    id: strawberry.ID
    entrant: str = strawberry.field(description="Who they are in the draw, and nowhere else")
    number: int = strawberry.field(description="The day of the lottery, from 1")
    roll: int = strawberry.field(description="What was drawn, 0 to 999,999")
    prize: PrizeType | None = strawberry.field(description="What that wins while it lasts")
    state: EntryState
    entered_at: datetime

    @classmethod
    def of(cls, found: Entry, lottery: Lottery) -> "EntryType":
        """Wrap an entry."""
        prize = next((one for one in lottery.prizes if one.id == found.prize_id), None)
        return cls(
            id=strawberry.ID(encode(EntryId, found.id)),
            entrant=found.entrant,
            number=found.number,
            roll=found.roll,
            prize=PrizeType.of(prize) if prize else None,
            state=found.state,
            entered_at=found.entered_at,
        )


@strawberry.type(name="LotteryWinner", description="A member who won, for who delivers it.")
class WinnerType:
    entry: EntryType
    member_id: strawberry.ID
    delivered_at: datetime | None

    @classmethod
    def of(cls, found: Entry, lottery: Lottery) -> "WinnerType":
        """Wrap an entry that won."""
        return cls(
            entry=EntryType.of(found, lottery),
            member_id=strawberry.ID(encode(MemberId, found.member_id)),
            delivered_at=found.delivered_at,
        )


@strawberry.type
class LotteryQueries:
    @query(PUBLIC)
    async def lottery(self, info: Info, id: strawberry.ID) -> LotteryType:
        """A lottery, with the odds of its prizes and what is left of them."""
        found = await service.find_lottery(info.context, decode(LotteryId, id))
        return LotteryType.of(found, info.context.clock.now())

    @query(PUBLIC)
    async def lotteries(
        self, info: Info, first: int | None = FIRST_DEFAULT, after: str | None = None
    ) -> Connection[LotteryType]:
        """All lotteries, the newest first."""
        ctx = info.context
        found = await service.find_lotteries(ctx, page(first, after, shape=(str,)))
        now = ctx.clock.now()
        return connect(found, lambda one: LotteryType.of(one, now), behind=after is not None)

    @query(MEMBER)
    async def lottery_entries(
        self,
        info: Info,
        lottery_id: strawberry.ID,
        first: int | None = FIRST_DEFAULT,
        after: str | None = None,
    ) -> Connection[EntryType]:
        """Your entries of a lottery, the first one first."""
        ctx = info.context
        assert ctx.viewer.member_id is not None
        lottery = await service.find_lottery(ctx, decode(LotteryId, lottery_id))
        wanted = page(first, after, shape=(str,))
        found = await service.find_own(ctx, lottery, ctx.viewer.member_id, wanted)
        return connect(found, lambda one: EntryType.of(one, lottery), behind=after is not None)

    @query(PUBLIC)
    async def lottery_draws(
        self,
        info: Info,
        lottery_id: strawberry.ID,
        first: int | None = FIRST_DEFAULT,
        after: str | None = None,
    ) -> Connection[EntryType]:
        """All draws of a lottery that is over, the first one first, for everybody to check."""
        lottery = await service.find_lottery(info.context, decode(LotteryId, lottery_id))
        wanted = page(first, after, shape=(str,))
        found = await service.find_draws(info.context, lottery, wanted)
        return connect(found, lambda one: EntryType.of(one, lottery), behind=after is not None)


@strawberry.type
class WinnerQueries:
    @query(MANAGE)
    async def lottery_winners(
        self,
        info: Info,
        lottery_id: strawberry.ID,
        delivered: bool | None = None,
        first: int | None = FIRST_DEFAULT,
        after: str | None = None,
    ) -> Connection[WinnerType]:
        """Who won what in a lottery; `delivered: false` is what is still to be handed over."""
        lottery = await service.find_lottery(info.context, decode(LotteryId, lottery_id))
        wanted = page(first, after, shape=(str,))
        found = await service.find_winners(info.context, lottery, wanted, delivered=delivered)
        return connect(found, lambda one: WinnerType.of(one, lottery), behind=after is not None)


@strawberry.input
class LotteryPrizeInput:
    name: str
    units: Quantity = strawberry.field(description="How many there are; never more are given")
    odds_ppm: int = strawberry.field(description="Of a million draws so many win it")
    reward_kind: str = strawberry.field(
        default="", description='What a plugin gives, such as "points"; else staff deliver it'
    )
    reward_amount: Quantity = strawberry.field(
        default=Quantity(1), description="How much of that a winner gets"
    )


@strawberry.input
class LotteryCreateInput:
    name: str
    starts_at: datetime
    ends_at: datetime = strawberry.field(description="It takes no entry from this instant on")
    prizes: list[LotteryPrizeInput]

    def read(self) -> LotteryDraft:
        """Return the lottery to be."""
        return LotteryDraft(
            name=self.name,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            prizes=tuple(
                PrizeDraft(
                    name=one.name,
                    units=one.units,
                    odds_ppm=one.odds_ppm,
                    reward_kind=one.reward_kind,
                    reward_amount=one.reward_amount,
                )
                for one in self.prizes
            ),
        )


@strawberry.type
class LotteryCreatePayload:
    lottery: LotteryType | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.input
class LotteryDeliverInput:
    entry_id: strawberry.ID


@strawberry.type
class LotteryDeliverPayload:
    state: EntryState | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class StaffMutations:
    @mutation(MANAGE)
    async def create_lottery(self, info: Info, input: LotteryCreateInput) -> LotteryCreatePayload:
        """Make a lottery of this channel; its seed is chosen now, and its hash is published."""
        made = await service.make_lottery(info.context, input.read())
        return LotteryCreatePayload(lottery=LotteryType.of(made, info.context.clock.now()))

    @mutation(MANAGE)
    async def deliver_lottery_prize(
        self, info: Info, input: LotteryDeliverInput
    ) -> LotteryDeliverPayload:
        """Note that a prize was handed over."""
        delivered = await service.deliver(info.context, decode(EntryId, input.entry_id))
        return LotteryDeliverPayload(state=delivered.state)


@strawberry.input
class LotteryEnterInput:
    lottery_id: strawberry.ID
    idempotency_key: str = strawberry.field(
        description="One per entry; the same again gets the same answer"
    )


@strawberry.type
class LotteryEnterPayload:
    entry: EntryType | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class EntryMutations:
    @mutation(MEMBER)
    async def enter_lottery(self, info: Info, input: LotteryEnterInput) -> LotteryEnterPayload:
        """Enter a lottery, once a day, and see at once what was drawn."""
        ctx = info.context
        assert ctx.viewer.member_id is not None
        key = decode(LotteryId, input.lottery_id)
        entry = await service.enter(ctx, key, ctx.viewer.member_id, key=input.idempotency_key)
        lottery = await service.find_lottery(ctx, entry.lottery_id)
        return LotteryEnterPayload(entry=EntryType.of(entry, lottery))
