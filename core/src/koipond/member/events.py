"""What happens to members."""

from typing import ClassVar

from koipond.kernel.events import Event
from koipond.kernel.ids import MemberId


class MemberCreated(Event, frozen=True, kw_only=True):
    """Somebody is known for the first time; here, from the contact of an order."""

    aggregate: ClassVar[str] = "member_id"
    member_id: MemberId
