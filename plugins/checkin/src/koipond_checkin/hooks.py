"""The hooks that this plugin implements: its entry point."""

from koipond_checkin import service
from koipond_checkin.events import CheckedIn
from koipond_checkin.graphql import CheckInMutations, CheckInQueries
from koipond_checkin.types import CheckInSettings
from koipond_sdk import (
    Context,
    Event,
    Invariant,
    PluginSettings,
    implement,
    specs,
)
from koipond_sdk.hooks import Erasure, MemberMerge, PersonalTable
from koipond_sdk.schema import Api, Mutation, Query


@implement(specs.register_graphql)
def register_graphql(api: Api) -> None:
    """Add check-ins to the storefront's schema."""
    api.storefront(Query, CheckInQueries)
    api.storefront(Mutation, CheckInMutations)


@implement(specs.register_events)
def register_events() -> list[type[Event]]:
    """Return what others may be told of."""
    return [CheckedIn]


@implement(specs.register_settings)
def register_settings() -> type[PluginSettings]:
    """Say what staff may set."""
    return CheckInSettings


@implement(specs.register_invariants)
def register_invariants() -> list[Invariant]:
    """Return what must always hold of days, beside one a day, which the table holds."""
    return [
        Invariant(
            id="checkin.streaks",
            words="A run of days grows by one a day, by a calendar that its member has for good",
            audit=service.audit,
        )
    ]


@implement(specs.register_privacy)
def register_privacy() -> list[PersonalTable]:
    """Say what is kept of members: on which days they were here."""
    return [
        PersonalTable(
            table="checkin_member",
            member="member_id",
            exported=["time_zone", "enrolled_at"],
            erasure=Erasure.DELETE,
        ),
        PersonalTable(
            table="checkin_day",
            member="member_id",
            exported=["day", "streak", "checked_in_at"],
            erasure=Erasure.DELETE,
        ),
    ]


@implement(specs.members_merged)
async def members_merged(ctx: Context, merge: MemberMerge) -> None:
    """Count the days of both as one's, each day once."""
    await service.absorb(ctx, merge)


@implement(specs.merge_undone)
async def merge_undone(ctx: Context, merge: MemberMerge) -> None:
    """Give the days back."""
    await service.release(ctx, merge)
