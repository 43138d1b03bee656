"""What happens to members."""

from typing import ClassVar

from koipond.kernel.events import Event
from koipond.kernel.ids import MemberId


class MemberCreated(Event, frozen=True, kw_only=True):
    """Somebody is known for the first time; here, from the contact of an order."""

    aggregate: ClassVar[str] = "member_id"
    member_id: MemberId


class IdentityContested(Event, frozen=True, kw_only=True):
    """A member has proven something that was proven to be somebody else's: both are one person.

    What follows decides the shop's policy, in the same transaction. beside: they logged in by
    something of their own at the same time, which goes on whatever the policy says of this.
    """

    aggregate: ClassVar[str] = "member_id"
    member_id: MemberId
    owner_id: MemberId
    kind: str
    beside: bool = False
