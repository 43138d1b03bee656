"""The hooks that this plugin implements: its entry point."""

from koipond_groupbuy import service
from koipond_groupbuy.events import TeamFailed, TeamOpened, TeamSucceeded
from koipond_groupbuy.graphql import (
    GroupBuyLineInput,
    GroupBuyMutations,
    GroupBuyOfVariant,
    GroupBuyQueries,
    GroupBuyTeamOfOrder,
)
from koipond_groupbuy.types import (
    EndGroupBuyTeam,
    EndGroupBuyTeams,
    GroupBuySettings,
    RefundGroupBuyOrder,
)
from koipond_sdk import (
    Context,
    DomainError,
    Event,
    Invariant,
    Permission,
    PluginJob,
    PluginSettings,
    implement,
    specs,
)
from koipond_sdk.hooks import (
    Checkout,
    CheckoutTerms,
    Erasure,
    OrderCancelled,
    OrderConfirmed,
    OrderExpired,
    PersonalTable,
    QuotaRequest,
)
from koipond_sdk.schema import Api, Mutation, Order, Query, Variant
from koipond_sdk.services.orders import Order as PlacedOrder
from koipond_sdk.services.orders import OrderState


@implement(specs.register_graphql)
def register_graphql(api: Api) -> None:
    """Add group buys to what is bought, teams to orders, and what staff do."""
    api.storefront(Variant, GroupBuyOfVariant)
    api.storefront(Order, GroupBuyTeamOfOrder)
    api.storefront(Query, GroupBuyQueries)
    api.line_input("groupBuy", GroupBuyLineInput)
    api.admin(Mutation, GroupBuyMutations)


@implement(specs.register_permissions)
def register_permissions() -> list[Permission]:
    """Name what staff may do."""
    return [Permission(name="groupbuy.manage", description="Schedule and end group buys")]


@implement(specs.register_events)
def register_events() -> list[type[Event]]:
    """Return what others may be told of."""
    return [TeamOpened, TeamSucceeded, TeamFailed]


@implement(specs.register_settings)
def register_settings() -> type[PluginSettings]:
    """Say what staff may set: how long teams may take, and whether members may leave."""
    return GroupBuySettings


@implement(specs.register_jobs)
def register_jobs() -> list[PluginJob]:
    """Teams end on time; each order of one that failed is cancelled by itself."""
    return [
        PluginJob(job=EndGroupBuyTeams, run=service.end_teams, every_s=15),
        PluginJob(job=EndGroupBuyTeam, run=service.end_team),
        PluginJob(job=RefundGroupBuyOrder, run=service.refund),
    ]


@implement(specs.register_invariants)
def register_invariants() -> list[Invariant]:
    """Return what must always hold of teams, their seats and their orders: I8."""
    words = (
        "A team has no more orders than seats and none of its buyers twice; one that succeeded has "
        "exactly as many paid orders as seats; one that failed has every order refunded, once."
    )
    return [Invariant(id="I8", words=words, audit=service.audit)]


@implement(specs.disable_blockers)
async def disable_blockers(ctx: Context) -> list[str]:
    """Keep the plugin on while teams are open and paid for."""
    return await service.find_obligations(ctx)


@implement(specs.checkout_validate)
async def checkout_validate(ctx: Context, checkout: Checkout) -> list[DomainError]:
    """Refuse a team that cannot be joined."""
    return await service.find_refusals(ctx, checkout)


@implement(specs.checkout_attributes)
async def checkout_attributes(ctx: Context, checkout: Checkout) -> CheckoutTerms | None:
    """Hold the order until its team is complete."""
    return await service.find_terms(ctx, checkout)


@implement(specs.quota_requests)
async def quota_requests(ctx: Context, checkout: Checkout) -> list[QuotaRequest]:
    """Ask for a seat."""
    return await service.find_requests(ctx, checkout)


@implement(specs.order_creating)
async def order_creating(ctx: Context, order: PlacedOrder, checkout: Checkout) -> None:
    """Store which team the order is for."""
    await service.note_order(ctx, checkout)


@implement(specs.order_move_validate)
async def order_move_validate(
    ctx: Context, order: PlacedOrder, to: OrderState
) -> list[DomainError]:
    """Let nobody leave a team that is forming, unless the shop allows it."""
    if to is not OrderState.CANCELLED:
        return []
    return await service.find_reasons_to_stay(ctx, order)


@implement(specs.order_confirmed)
async def order_confirmed(ctx: Context, event: OrderConfirmed) -> None:
    """A seat is paid."""
    await service.note_paid(ctx, event.order_id)


@implement(specs.order_cancelled)
async def order_cancelled(ctx: Context, event: OrderCancelled) -> None:
    """A seat is free again."""
    await service.note_off(ctx, event.order_id)


@implement(specs.order_expired)
async def order_expired(ctx: Context, event: OrderExpired) -> None:
    """A seat is free again."""
    await service.note_off(ctx, event.order_id)


@implement(specs.register_privacy)
def register_privacy() -> list[PersonalTable]:
    """Say what is kept of members: which seats they had. The seats stay, for nobody then.

    A merge of members changes nothing here: a seat stays whose it was when it was taken, so that no
    team has one buyer twice; the quotas, which core carries, let the survivor take no more.
    """
    return [
        PersonalTable(
            table="groupbuy_order",
            member="subject_id",
            order="order_id",
            exported=["order_id", "team_id", "carried"],
            erasure=Erasure.KEEP,
        ),
    ]
