"""What happens to staff."""

from typing import ClassVar

from koipond.kernel.events import Event
from koipond.kernel.ids import StaffId


class StaffDisabled(Event, frozen=True, kw_only=True):
    """One of the staff may do nothing any more."""

    aggregate: ClassVar[str] = "staff_id"
    staff_id: StaffId
