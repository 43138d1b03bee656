"""The hooks that this plugin implements: its entry point."""

from koipond_lottery import service
from koipond_lottery.events import LotteryEntered, PrizeWon
from koipond_lottery.graphql import EntryMutations, LotteryQueries, StaffMutations, WinnerQueries
from koipond_sdk import Context, Event, Invariant, Permission, implement, specs
from koipond_sdk.hooks import Erasure, MemberMerge, PersonalTable
from koipond_sdk.schema import Api, Mutation, Query


@implement(specs.register_graphql)
def register_graphql(api: Api) -> None:
    """Let members enter and everybody look; let staff make lotteries and deliver prizes."""
    api.storefront(Query, LotteryQueries)
    api.storefront(Mutation, EntryMutations)
    api.admin(Query, WinnerQueries)
    api.admin(Mutation, StaffMutations)


@implement(specs.register_permissions)
def register_permissions() -> list[Permission]:
    """Return the one right there is."""
    return [
        Permission(name="lottery.manage", description="Make lotteries, see who won, deliver prizes")
    ]


@implement(specs.register_events)
def register_events() -> list[type[Event]]:
    """Return what others may be told of."""
    return [LotteryEntered, PrizeWon]


@implement(specs.register_invariants)
def register_invariants() -> list[Invariant]:
    """Return what must always hold of lotteries."""
    return [
        Invariant(
            id="lottery.units",
            words="As many units of a prize are given as entries won, and no more than there are",
            audit=service.audit_units,
        ),
        Invariant(
            id="lottery.days",
            words="Nobody enters a lottery twice on one day",
            audit=service.audit_days,
        ),
        Invariant(
            id="lottery.draws",
            words="Every draw follows from the seed that was committed to",
            audit=service.audit_draws,
        ),
    ]


@implement(specs.register_privacy)
def register_privacy() -> list[PersonalTable]:
    """Keep entries when a member is erased, for draws to be checked: they are nobody's then."""
    return [
        PersonalTable(
            table="lottery_entry",
            member="member_id",
            exported=["lottery_id", "number", "roll", "state", "entered_at", "delivered_at"],
            erasure=Erasure.KEEP,
        )
    ]


@implement(specs.disable_blockers)
async def disable_blockers(ctx: Context) -> list[str]:
    """Keep the plugin on while somebody may enter, or waits for a prize."""
    return await service.find_blockers(ctx)


@implement(specs.members_merged)
async def members_merged(ctx: Context, merge: MemberMerge) -> None:
    """Carry the entries of a member who turned out to be another."""
    await service.carry(ctx, merge)


@implement(specs.merge_undone)
async def merge_undone(ctx: Context, merge: MemberMerge) -> None:
    """Hand them back."""
    await service.hand_back(ctx, merge)
