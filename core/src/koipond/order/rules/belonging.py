"""Which of a guest's orders are a member's."""

from collections.abc import Collection, Mapping

from koipond.kernel.ids import OrderId
from koipond.member.types import Contact, IdentityKind


def find_own(
    contacts: Mapping[OrderId, Contact | None], proven: Collection[tuple[IdentityKind, str]]
) -> list[OrderId]:
    """Return the orders with an address in their contact that a member has proved."""
    return [
        key
        for key, contact in contacts.items()
        if contact is not None and any(one in proven for one in contact.identities)
    ]
