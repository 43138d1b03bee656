"""Logging in and out in both schemas."""

from koipond.kernel.schema import Api, Mutation, Query
from koipond.login.graphql.members import (
    LoginMutations,
    LoginQueries,
    MemberLogins,
    OwnLoginMutations,
)
from koipond.login.graphql.staff import StaffLoginMutations
from koipond.member.graphql import Member


def register(api: Api) -> None:
    """Add logging in to the storefront's schema, and who is logged in to both."""
    api.storefront(Query, LoginQueries)
    api.storefront(Mutation, LoginMutations)
    api.storefront(Mutation, OwnLoginMutations)
    api.admin(Mutation, StaffLoginMutations)
    api.both(Member, MemberLogins)
