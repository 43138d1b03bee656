"""Members in the schema. A Member is seen by itself and by staff only."""

from datetime import datetime

import strawberry

from koipond.kernel.ids import MemberId, encode
from koipond.kernel.schema import PUBLIC, Api, Info, Query, query
from koipond.member import service, types


@strawberry.type(description="Someone who buys, as seen by themselves.")
class Member:
    key: strawberry.Private[MemberId]
    id: strawberry.ID
    name: str
    email: str | None
    phone: str | None
    created_at: datetime

    @classmethod
    def of(cls, found: types.Member) -> "Member":
        """Wrap a member."""
        return cls(
            key=found.id,
            id=strawberry.ID(encode(MemberId, found.id)),
            name=found.name,
            email=found.email,
            phone=found.phone,
            created_at=found.created_at,
        )


@strawberry.type
class MemberQueries:
    @query(PUBLIC)
    async def me(self, info: Info) -> Member | None:
        """The member whose token came with this request; null for everyone else."""
        key = info.context.viewer.member_id
        found = await service.find_member(info.context, key) if key is not None else None
        return Member.of(found) if found is not None else None


def register(api: Api) -> None:
    """Add members to the storefront's schema."""
    api.storefront(Query, MemberQueries)
