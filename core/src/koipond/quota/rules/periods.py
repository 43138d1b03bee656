"""Which calendar period an instant is in, and whom a limit counts."""

from datetime import datetime
from typing import assert_never
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from koipond.kernel.ids import SubjectId
from koipond.quota.types import Period

# Never changed: what was counted is found again by it.
_SUBJECTS = UUID("019ac0de-0000-7000-8000-6b6f69737562")


def period_key(period: Period, time_zone: str, now: datetime) -> str:
    """Return the period that `now` is in: "", "2026-11-22", "2026-W47" (ISO) or "2026-11"."""
    if period is Period.NONE:
        return ""
    local = now.astimezone(ZoneInfo(time_zone))
    match period:
        case Period.DAY:
            return local.date().isoformat()
        case Period.WEEK:
            year, week, _ = local.isocalendar()
            return f"{year:04}-W{week:02}"
        case Period.MONTH:
            return f"{local:%Y-%m}"
    assert_never(period)


def subject_of(kind: str, value: str) -> SubjectId:
    """Return the subject that a limit by something else than members counts: a phone, a device.

    kind: such as "phone". value: in its one canonical form, for +4930123 and 030123 are two.
    """
    return SubjectId(uuid5(_SUBJECTS, f"{kind}:{value}"))
