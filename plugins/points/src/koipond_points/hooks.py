"""The hooks that this plugin implements: its entry point."""

from koipond_points import service
from koipond_points.graphql import MANAGE, PointsMutations, PointsOfMember, PointsQueries
from koipond_sdk import Context, Invariant, Permission, implement
from koipond_sdk.schema import Api, Member, Mutation, Query
from koipond_sdk.services.rewards import Reward


@implement()
def register_graphql(api: Api) -> None:
    """Add a member's points to the storefront's schema, corrections to the staff's."""
    api.storefront(Query, PointsQueries)
    api.storefront(Member, PointsOfMember)
    api.admin(Mutation, PointsMutations)


@implement()
def register_permissions() -> list[Permission]:
    """Name what staff may do."""
    return [Permission(name=MANAGE, description="Give points to members, and take them")]


@implement()
def register_invariants() -> list[Invariant]:
    """Say what always holds."""
    return [
        Invariant(
            id="points.balance",
            words="A balance is the sum of its member's entries.",
            audit=service.audit_balances,
        )
    ]


@implement(key="points")
async def reward_grant(ctx: Context, reward: Reward) -> None:
    """Give points as a reward."""
    await service.give_reward(ctx, reward)
