"""Flash sales in the schemas."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from koipond_flashsale import service
from koipond_flashsale.types import FlashSaleRoundId, FlashSaleState, Round, RoundWish, Seen
from koipond_sdk import Context, Quantity, VariantId, decode, encode
from koipond_sdk.schema import (
    PUBLIC,
    Info,
    MoneyInput,
    MoneyType,
    UserError,
    Variant,
    batch,
    mutation,
    needs,
    query,
)

MANAGE = needs("flashsale.manage")
strawberry.enum(FlashSaleState)


@strawberry.type(description="Some units of a variant for a lower price, for a while.")
class FlashSaleRound:
    variant_key: strawberry.Private[VariantId]
    id: strawberry.ID
    state: FlashSaleState
    price: MoneyType | None = strawberry.field(
        description="What a unit costs while it runs; null: log in to see it"
    )
    was: MoneyType | None = strawberry.field(description="The price that it is lower than")
    starts_at: datetime
    ends_at: datetime = strawberry.field(description="It sells no more from this instant on")
    server_now: datetime = strawberry.field(description="What to count down from")
    left: int = strawberry.field(description="Units left; capped, so 10 may mean more")
    limit_per_member: int | None = strawberry.field(description="Null: as many as there are")
    members_only: bool = strawberry.field(description="Guests have to log in first")

    @batch
    @staticmethod
    async def variant(parents: list["FlashSaleRound"], info: Info) -> list[Variant | None]:
        """What is sold."""
        return await _variants(info.context, [parent.variant_key for parent in parents])

    @classmethod
    def of(cls, seen: Seen, ctx: Context) -> "FlashSaleRound":
        """Wrap a round as a buyer may see it."""
        one = seen.round
        is_open = ctx.viewer.member_id is not None or not one.members_only
        return cls(
            variant_key=one.variant_id,
            id=strawberry.ID(encode(FlashSaleRoundId, one.id)),
            state=seen.state,
            price=MoneyType.of(one.price) if is_open else None,
            was=None if seen.was is None else MoneyType.of(seen.was),
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            server_now=seen.now,
            left=min(seen.free, ctx.settings.availability_quantity_max),
            limit_per_member=one.limit_per_member,
            members_only=one.members_only,
        )


@strawberry.type(description="A round as staff see it.")
class FlashSalePlan:
    variant_key: strawberry.Private[VariantId]
    id: strawberry.ID
    state: FlashSaleState
    price: MoneyType
    was: MoneyType | None = strawberry.field(description="The price that it is lower than")
    units: int = strawberry.field(description="Units that were ever set apart for it")
    free: int = strawberry.field(description="Units of them that nobody has; 0 when it is over")
    limit_per_member: int | None
    starts_at: datetime
    ends_at: datetime
    server_now: datetime
    payment_window_minutes: int = strawberry.field(description="How long an order may be unpaid")
    version: int

    @batch
    @staticmethod
    async def variant(parents: list["FlashSalePlan"], info: Info) -> list[Variant | None]:
        """What is sold."""
        return await _variants(info.context, [parent.variant_key for parent in parents])

    @classmethod
    def of(cls, seen: Seen) -> "FlashSalePlan":
        """Wrap a round with all that is known of it."""
        one = seen.round
        return cls(
            variant_key=one.variant_id,
            id=strawberry.ID(encode(FlashSaleRoundId, one.id)),
            state=seen.state,
            price=MoneyType.of(one.price),
            was=None if seen.was is None else MoneyType.of(seen.was),
            units=one.units,
            free=seen.free,
            limit_per_member=one.limit_per_member,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            server_now=seen.now,
            payment_window_minutes=one.payment_window_s // 60,
            version=one.version,
        )


@strawberry.type
class VariantFlashSale:
    @batch
    @staticmethod
    async def flash_sale(parents: list[Variant], info: Info) -> list[FlashSaleRound | None]:
        """The flash sale that runs, else the next one; null without one."""
        ctx = info.context
        found = await service.find_rounds_of_variants(ctx, [parent.key for parent in parents])
        return [
            FlashSaleRound.of(found[parent.key], ctx) if parent.key in found else None
            for parent in parents
        ]


@strawberry.type
class FlashSaleQueries:
    @query(PUBLIC)
    async def flash_sale_rounds(self, info: Info) -> list[FlashSaleRound]:
        """The flash sales that run or will in this channel and currency, the first one first."""
        found = await service.find_rounds(info.context)
        return [FlashSaleRound.of(one, info.context) for one in found]


@strawberry.type
class FlashSaleStaffQueries:
    @query(MANAGE)
    async def flash_sale_schedule(self, info: Info) -> list[FlashSalePlan]:
        """The flash sales of this channel that are not over, the first one first."""
        return [FlashSalePlan.of(one) for one in await service.find_schedule(info.context)]


@strawberry.input
class FlashSaleScheduleInput:
    variant_id: strawberry.ID
    price: MoneyInput = strawberry.field(description="What a unit costs; below the price list")
    units: Quantity = strawberry.field(description="Units to set apart from the stock")
    ends_at: datetime = strawberry.field(description="It sells no more from this instant on")
    idempotency_key: str = strawberry.field(
        description="One per act; a repeat with the same key happens once"
    )
    starts_at: datetime | None = strawberry.field(default=None, description="None: now")
    limit_per_member: Quantity | None = strawberry.field(
        default=None, description="None: as many as there are, for guests too"
    )
    payment_window_minutes: Quantity | None = strawberry.field(
        default=None, description="None: as it is set for the channel"
    )
    channel: str | None = strawberry.field(
        default=None, description="The code of a channel; None: this request's"
    )

    def read(self) -> RoundWish:
        """Return what is asked for. Raises IdInvalid, CurrencyUnknown, AmountInvalid."""
        return RoundWish(
            variant_id=decode(VariantId, self.variant_id),
            price=self.price.read(),
            units=self.units,
            ends_at=self.ends_at,
            channel=self.channel,
            limit_per_member=self.limit_per_member,
            starts_at=self.starts_at,
            payment_window_minutes=self.payment_window_minutes,
        )


@strawberry.input
class FlashSaleAddUnitsInput:
    round_id: strawberry.ID
    units: Quantity = strawberry.field(description="How many more; what it has stays")
    idempotency_key: str = strawberry.field(
        description="One per act; a repeat with the same key happens once"
    )


@strawberry.input
class FlashSaleEndInput:
    round_id: strawberry.ID


@strawberry.type
class FlashSaleSchedulePayload:
    round: FlashSalePlan | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class FlashSaleAddUnitsPayload:
    round: FlashSalePlan | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class FlashSaleEndPayload:
    round: FlashSalePlan | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class FlashSaleMutations:
    @mutation(MANAGE)
    async def schedule_flash_sale(
        self, info: Info, input: FlashSaleScheduleInput
    ) -> FlashSaleSchedulePayload:
        """Sell some units of a variant for a lower price, for a while."""
        made = await service.schedule_round(
            info.context, input.read(), idempotency_key=input.idempotency_key
        )
        return FlashSaleSchedulePayload(round=await _plan(info.context, made))

    @mutation(MANAGE)
    async def add_flash_sale_units(
        self, info: Info, input: FlashSaleAddUnitsInput
    ) -> FlashSaleAddUnitsPayload:
        """Set more units apart for a flash sale that is not over."""
        changed = await service.add_units(
            info.context,
            decode(FlashSaleRoundId, input.round_id),
            input.units,
            idempotency_key=input.idempotency_key,
        )
        return FlashSaleAddUnitsPayload(round=await _plan(info.context, changed))

    @mutation(MANAGE)
    async def end_flash_sale(self, info: Info, input: FlashSaleEndInput) -> FlashSaleEndPayload:
        """End a flash sale now: what is left goes back to the stock. A second time does nothing."""
        ended = await service.end_round(info.context, decode(FlashSaleRoundId, input.round_id))
        return FlashSaleEndPayload(round=await _plan(info.context, ended))


async def _plan(ctx: Context, one: Round) -> FlashSalePlan:
    (seen,) = await service.see(ctx, [one])
    return FlashSalePlan.of(seen)


async def _variants(ctx: Context, keys: Sequence[VariantId]) -> list[Variant | None]:
    found = await service.find_variants(ctx, keys)
    locales = ctx.scope.locales
    return [Variant.of(found[key], locales) if key in found else None for key in keys]
