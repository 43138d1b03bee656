"""Stock in the schema: `Variant.availability` for buyers, levels and corrections for staff."""

import strawberry

from koipond.catalog import service as catalog
from koipond.catalog.errors import VariantUnknown
from koipond.catalog.graphql import Variant
from koipond.catalog.types import Variant as FoundVariant
from koipond.kernel.context import Context
from koipond.kernel.ids import VariantId, decode
from koipond.kernel.schema import (
    Api,
    Info,
    Mutation,
    Quantity,
    UserError,
    batch,
    mutation,
    needs,
)
from koipond.stock import service, types
from koipond.stock.types import AvailabilityState

strawberry.enum(AvailabilityState)


@strawberry.type(description="Whether a variant can be bought now.")
class Availability:
    state: AvailabilityState
    quantity_at_most: int = strawberry.field(
        description="How many units one may try to buy; capped, so 10 may mean more"
    )

    @classmethod
    def of(cls, found: types.Availability) -> "Availability":
        """Wrap an availability."""
        return cls(state=found.state, quantity_at_most=found.quantity_at_most)


@strawberry.type(description="What one location has of a variant.")
class StockLevel:
    location: str
    on_hand: int = strawberry.field(description="Units in the house, promised ones too")
    free: int = strawberry.field(description="Units that can be sold, those ahead included")
    promised: int = strawberry.field(description="Units that orders have taken")
    back_order: int = strawberry.field(description="Units that may be sold ahead")
    short: int = strawberry.field(description="Promised units that a count found missing")

    @classmethod
    def of(cls, location: types.Location, level: types.StockLevel) -> "StockLevel":
        """Wrap a level."""
        return cls(
            location=location.code,
            on_hand=level.on_hand,
            free=level.free,
            promised=level.promised,
            back_order=level.back_order,
            short=level.short,
        )


@strawberry.type
class VariantAvailability:
    @batch
    @staticmethod
    async def availability(parents: list[Variant], info: Info) -> list[Availability]:
        """Whether it can be bought now."""
        tracked = {parent.key: parent.track_stock for parent in parents}
        found = await service.find_availability(info.context, tracked)
        return [Availability.of(found[parent.key]) for parent in parents]


@strawberry.type
class VariantStock:
    @batch
    @staticmethod
    async def stock_levels(parents: list[Variant], info: Info) -> list[list[StockLevel]]:
        """What each location has of it, the default location first."""
        found = await service.find_levels_of(info.context, [parent.key for parent in parents])
        return [[StockLevel.of(*one) for one in found[parent.key]] for parent in parents]


@strawberry.input
class AdjustStockInput:
    variant_id: strawberry.ID
    delta: Quantity = strawberry.field(description="Units to add; negative takes away")
    reference: str = strawberry.field(description="Why, for whoever reads the movements")
    idempotency_key: str = strawberry.field(
        description="One per act; a repeat with the same key happens once"
    )
    location: str | None = strawberry.field(default=None, description="None: the default one")
    missing: bool = strawberry.field(
        default=False, description="The units are not there, whether they are promised or not"
    )


@strawberry.input
class AllowBackOrderInput:
    variant_id: strawberry.ID
    units: Quantity = strawberry.field(description="How many may be sold ahead; 0 ends it")
    location: str | None = strawberry.field(default=None, description="None: the default one")


@strawberry.type
class AdjustStockPayload:
    variant: Variant | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class AllowBackOrderPayload:
    variant: Variant | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class StockMutations:
    @mutation(needs("stock.write"))
    async def adjust_stock(self, info: Info, input: AdjustStockInput) -> AdjustStockPayload:
        """Correct what a location has of a variant by a number of units, with a movement."""
        ctx = info.context
        found = await _find_variant(ctx, input.variant_id)
        change = types.StockCorrection(
            delta=input.delta,
            reference=input.reference,
            location_code=input.location,
            missing=input.missing,
        )
        await service.adjust_stock_once(
            ctx, found.id, change, idempotency_key=input.idempotency_key
        )
        return AdjustStockPayload(variant=Variant.of(found, ctx.scope.locales))

    @mutation(needs("stock.write"))
    async def allow_back_order(
        self,
        info: Info,
        input: AllowBackOrderInput,
    ) -> AllowBackOrderPayload:
        """Let a variant be sold ahead of what is in the house."""
        ctx = info.context
        found = await _find_variant(ctx, input.variant_id)
        await service.allow_back_order(
            ctx, found.id, units=input.units, location_code=input.location
        )
        return AllowBackOrderPayload(variant=Variant.of(found, ctx.scope.locales))


async def _find_variant(ctx: Context, value: str) -> FoundVariant:
    key = decode(VariantId, value)
    found = (await catalog.find_variants_by_ids(ctx, [key])).get(key)
    if found is None:
        raise VariantUnknown(variant_id=value)
    return found


def register(api: Api) -> None:
    """Add stock to both schemas."""
    api.both(Variant, VariantAvailability)
    api.admin(Variant, VariantStock)
    api.admin(Mutation, StockMutations)
