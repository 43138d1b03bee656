"""What happens to logins."""

from typing import ClassVar

from koipond.kernel.events import Event
from koipond.kernel.ids import LoginSessionId, MemberId


class MemberLoggedIn(Event, frozen=True, kw_only=True):
    """A member has logged in. cart_hash: SHA-256 of the cart's token that they brought, or ""."""

    aggregate: ClassVar[str] = "member_id"
    member_id: MemberId
    session_id: LoginSessionId
    cart_hash: str = ""
