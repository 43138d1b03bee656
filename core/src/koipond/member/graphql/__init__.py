"""Members in the schemas."""

from koipond.kernel.schema import Api, Mutation, Query
from koipond.member.graphql.addresses import (
    AddressInput,
    AddressMutations,
    MemberAddress,
    MemberAddresses,
)
from koipond.member.graphql.people import (
    READ,
    WRITE,
    Consent,
    Member,
    MemberCard,
    MemberConsents,
    MemberGroup,
    MemberMessages,
    MemberMutations,
    MemberQueries,
    StaffMember,
    StaffMemberMutations,
    StaffMemberQueries,
)
from koipond.member.graphql.sources import SourceInput

__all__ = [
    "READ",
    "WRITE",
    "AddressInput",
    "Consent",
    "Member",
    "MemberAddress",
    "MemberCard",
    "MemberGroup",
    "SourceInput",
    "register",
]


def register(api: Api) -> None:
    """Add members to the storefront's schema, and their groups to that of staff."""
    api.storefront(Query, MemberQueries)
    api.storefront(Mutation, MemberMutations)
    api.storefront(Mutation, AddressMutations)
    api.storefront(Member, MemberMessages)
    api.both(Member, MemberConsents)
    api.both(Member, MemberAddresses)
    api.admin(Query, StaffMemberQueries)
    api.admin(Mutation, StaffMemberMutations)
    api.admin(Member, StaffMember)
