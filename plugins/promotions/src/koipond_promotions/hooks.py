"""The hooks that this plugin implements: its entry point."""

from koipond_promotions import service
from koipond_promotions.events import (
    PromotionCouponsGenerated,
    PromotionEnded,
    PromotionPaused,
    PromotionPublished,
)
from koipond_promotions.graphql import (
    PromotionCouponsOfMember,
    PromotionMutations,
    PromotionQueries,
    PromotionStaffQueries,
)
from koipond_promotions.types import PromotionInputs, PromotionsSettings
from koipond_sdk import (
    Context,
    Event,
    Invariant,
    Permission,
    PluginSettings,
    implement,
    specs,
)
from koipond_sdk.hooks import (
    CartOffer,
    CartRequest,
    Checkout,
    Erasure,
    MemberMerge,
    PersonalTable,
    QuotaRequest,
    TracedInputs,
)
from koipond_sdk.schema import Api, Member, Mutation, Query
from koipond_sdk.services.orders import Order
from koipond_sdk.services.rewards import Reward


@implement(specs.register_graphql)
def register_graphql(api: Api) -> None:
    """Add what runs and a member's codes to the storefront, and what staff do."""
    api.storefront(Query, PromotionQueries)
    api.storefront(Member, PromotionCouponsOfMember)
    api.admin(Query, PromotionStaffQueries)
    api.admin(Mutation, PromotionMutations)


@implement(specs.register_permissions)
def register_permissions() -> list[Permission]:
    """Name what staff may do."""
    return [Permission(name="promotions.manage", description="Make promotions and coupons")]


@implement(specs.register_events)
def register_events() -> list[type[Event]]:
    """Return what others may be told of."""
    return [PromotionPublished, PromotionPaused, PromotionEnded, PromotionCouponsGenerated]


@implement(specs.register_settings)
def register_settings() -> type[PluginSettings]:
    """Say what staff may set."""
    return PromotionsSettings


@implement(specs.register_traced_inputs)
def register_traced_inputs() -> list[type[TracedInputs]]:
    """Return what is kept with orders of how their promotions were chosen."""
    return [PromotionInputs]


@implement(specs.register_invariants)
def register_invariants() -> list[Invariant]:
    """Return I9, as far as it is about promotions; of quotas core looks after it."""
    words = (
        "A promotion is used no more often, by nobody more often, and takes off no more than it "
        "says; each use belongs to an order that carries it."
    )
    return [Invariant(id="I9", words=words, audit=service.audit)]


@implement(specs.cart_inputs)
async def cart_inputs(ctx: Context, request: CartRequest) -> PromotionInputs | None:
    """Find what may count for a cart."""
    return await service.find_inputs(ctx, request)


@implement(specs.cart_adjustments)
def cart_adjustments(request: CartRequest, inputs: PromotionInputs | None) -> CartOffer | None:
    """Propose it."""
    return None if inputs is None else service.make_offer(request, inputs)


@implement(specs.quota_requests)
async def quota_requests(ctx: Context, checkout: Checkout) -> list[QuotaRequest]:
    """Ask for a use of all that counts, and for what it takes off."""
    return await service.find_requests(ctx, checkout)


@implement(specs.order_creating)
async def order_creating(ctx: Context, order: Order, checkout: Checkout) -> None:
    """Write what the order carries."""
    await service.note_order(ctx, checkout)


@implement(specs.reward_grant, key="coupon")
async def reward_grant(ctx: Context, reward: Reward) -> None:
    """Give a code as a reward."""
    await service.give_reward(ctx, reward)


@implement(specs.register_privacy)
def register_privacy() -> list[PersonalTable]:
    """Say what is kept of members: their own codes. What was used counts, for nobody then."""
    return [
        PersonalTable(
            table="promotions_coupon",
            member="member_id",
            exported=["code", "expires_at", "created_at"],
            erasure=Erasure.KEEP,
        ),
        PersonalTable(
            table="promotions_use",
            member="subject_id",
            order="order_id",
            exported=["order_id", "currency", "off_minor", "placed_at"],
            erasure=Erasure.KEEP,
        ),
    ]


@implement(specs.members_merged)
async def members_merged(ctx: Context, merge: MemberMerge) -> None:
    """Let the codes of both be one's. Their uses count by the quotas, which core carries."""
    await service.absorb(ctx, merge)


@implement(specs.merge_undone)
async def merge_undone(ctx: Context, merge: MemberMerge) -> None:
    """Give the codes back."""
    await service.release(ctx, merge)
