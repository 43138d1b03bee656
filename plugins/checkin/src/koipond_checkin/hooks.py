"""The hooks that this plugin implements: its entry point."""

from koipond_checkin.events import CheckedIn
from koipond_checkin.graphql import CheckInMutations, CheckInQueries
from koipond_checkin.types import CheckInSettings
from koipond_sdk import Event, PluginSettings, implement
from koipond_sdk.schema import Api, Mutation, Query


@implement()
def register_graphql(api: Api) -> None:
    """Add check-ins to the storefront's schema."""
    api.storefront(Query, CheckInQueries)
    api.storefront(Mutation, CheckInMutations)


@implement()
def register_events() -> list[type[Event]]:
    """Return what others may be told of."""
    return [CheckedIn]


@implement()
def register_settings() -> type[PluginSettings]:
    """Say what staff may set."""
    return CheckInSettings
