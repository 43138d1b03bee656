"""The hooks that this plugin implements: its entry point."""

from koipond_flashsale import service
from koipond_flashsale.events import FlashSaleRoundEnded, FlashSaleScheduled, FlashSaleUnitsAdded
from koipond_flashsale.graphql import (
    FlashSaleMutations,
    FlashSaleQueries,
    FlashSaleStaffQueries,
    VariantFlashSale,
)
from koipond_flashsale.types import EndFlashSaleRounds, FlashSaleSettings
from koipond_sdk import (
    Context,
    Event,
    Invariant,
    Permission,
    PluginJob,
    PluginSettings,
    implement,
    specs,
)
from koipond_sdk.hooks import Checkout, CheckoutTerms
from koipond_sdk.schema import Api, Mutation, Query, Variant

# For so long at most units that nobody bought stay away from the stock.
_END_EVERY_S = 30


@implement(specs.register_graphql)
def register_graphql(api: Api) -> None:
    """Add rounds to the storefront, and what makes them to the staff's schema."""
    api.storefront(Query, FlashSaleQueries)
    api.storefront(Variant, VariantFlashSale)
    api.admin(Query, FlashSaleStaffQueries)
    api.admin(Mutation, FlashSaleMutations)


@implement(specs.register_permissions)
def register_permissions() -> list[Permission]:
    """Name what staff may do."""
    return [Permission(name="flashsale.manage", description="Schedule and end flash sales")]


@implement(specs.register_events)
def register_events() -> list[type[Event]]:
    """Return what others may be told of."""
    return [FlashSaleScheduled, FlashSaleUnitsAdded, FlashSaleRoundEnded]


@implement(specs.register_settings)
def register_settings() -> type[PluginSettings]:
    """Say what staff may set."""
    return FlashSaleSettings


@implement(specs.register_jobs)
def register_jobs() -> list[PluginJob]:
    """Return what ends rounds when their time is over."""
    return [
        PluginJob(job=EndFlashSaleRounds, run=service.end_rounds, every_s=_END_EVERY_S),
    ]


@implement(specs.register_invariants)
def register_invariants() -> list[Invariant]:
    """Return what must always hold of rounds, beside what core holds of every quota."""
    return [
        Invariant(
            id="flashsale.units",
            words="A round has no unit that was not set apart for it, and none when it is over",
            audit=service.audit_units,
        ),
        Invariant(
            id="flashsale.terms",
            words="A round is sold for its price, at its time, so many to each member as it says",
            audit=service.audit_terms,
        ),
    ]


@implement(specs.disable_blockers)
async def disable_blockers(ctx: Context) -> list[str]:
    """Keep the plugin on while units are set apart."""
    return await service.find_blockers(ctx)


@implement(specs.checkout_attributes)
async def checkout_attributes(ctx: Context, checkout: Checkout) -> CheckoutTerms | None:
    """Keep the round with each line that it sells, and have the order paid soon."""
    return await service.find_terms(ctx, checkout)
