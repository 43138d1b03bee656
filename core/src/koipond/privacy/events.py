"""What happens to personal data."""

from typing import ClassVar

from koipond.kernel.events import Event
from koipond.kernel.ids import MemberId


class MemberErased(Event, frozen=True, kw_only=True):
    """Nothing by which a person is known is kept of a member any more: forget them as well."""

    aggregate: ClassVar[str] = "member_id"
    member_id: MemberId
