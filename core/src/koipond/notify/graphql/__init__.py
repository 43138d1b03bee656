"""Messages in the schemas."""

from koipond.kernel.schema import Api, Mutation, Query, Subscription
from koipond.notify.graphql.centre import CentreMutations, CentreSubscriptions
from koipond.notify.graphql.staff import (
    StaffMessage,
    StaffMessageMutations,
    StaffMessageQueries,
)
from koipond.notify.graphql.types import Message

__all__ = ["Message", "register"]


def register(api: Api) -> None:
    """Add the message centre to the storefront's schema, messages and templates to the staff's."""
    api.storefront(Mutation, CentreMutations)
    api.storefront(Subscription, CentreSubscriptions)
    api.admin(Message, StaffMessage)
    api.admin(Query, StaffMessageQueries)
    api.admin(Mutation, StaffMessageMutations)
