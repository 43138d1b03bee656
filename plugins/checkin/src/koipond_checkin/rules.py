"""Days and streaks. A day is a date of the member's calendar, never 24 hours."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from koipond_checkin.errors import AlreadyCheckedIn
from koipond_checkin.types import CheckIn, Standing, Status
from koipond_sdk import Finding, MemberId, encode

_INSTANT = timedelta(microseconds=1)


def check_in(standing: Standing, now: datetime) -> CheckIn:
    """Return the check-in of a member who is here `now`. Raises AlreadyCheckedIn."""
    zone = ZoneInfo(standing.time_zone)
    today = now.astimezone(zone).date()
    if standing.last is not None and standing.last.day >= today:
        raise refusal(standing.last, standing.time_zone)
    return CheckIn(day=today, streak=_running(standing, today) + 1, checked_in_at=now)


def status(standing: Standing, now: datetime) -> Status:
    """Return what a member is shown `now`; a run that ended before yesterday counts no more."""
    zone = ZoneInfo(standing.time_zone)
    today = now.astimezone(zone).date()
    last = standing.last
    if last is not None and last.day >= today:
        next_at = _start(last.day + timedelta(days=1), zone)
        return Status(checked_in_today=True, streak=last.streak, next_at=next_at, now=now)
    return Status(checked_in_today=False, streak=_running(standing, today), next_at=None, now=now)


def count_runs(days: Iterable[date]) -> dict[date, int]:
    """Return {day: how many days in a row it ends}; days: in their order."""
    runs: dict[date, int] = {}
    for day in days:
        runs[day] = runs.get(day - timedelta(days=1), 0) + 1
    return runs


def note(made: CheckIn) -> str:
    """Say what a reward is for."""
    return f"Check-in of {made.day}"


def refusal(last: CheckIn, time_zone: str) -> AlreadyCheckedIn:
    """Make the refusal of a second check-in on the day of `last`, or before it."""
    next_at = _start(last.day + timedelta(days=1), ZoneInfo(time_zone))
    return AlreadyCheckedIn(day=last.day, streak=last.streak, next_at=next_at)


def find_wrong_days(
    odd: Iterable[tuple[MemberId, date]], without: Iterable[MemberId]
) -> list[Finding]:
    """Say which check-ins continue no run, and whose are without a calendar."""
    broken = [
        Finding(
            invariant="checkin.streaks",
            problem=f"{encode(MemberId, key)} has a run on {day} that the day before does not have",
            fix="Compare checkin_day of that member with the audit; a merge counts runs anew",
        )
        for key, day in odd
    ]
    return broken + [
        Finding(
            invariant="checkin.streaks",
            problem=f"{encode(MemberId, key)} checked in and has no calendar",
            fix="Store the time zone of their first channel in checkin_member",
        )
        for key in without
    ]


def _running(standing: Standing, today: date) -> int:
    """Return the length of the run that ended yesterday, 0 if there is none."""
    last = standing.last
    yesterday = _before(today, ZoneInfo(standing.time_zone))
    return last.streak if last is not None and last.day == yesterday else 0


def _before(day: date, zone: ZoneInfo) -> date:
    """Return the day before; not by counting, for Samoa had no 30 December 2011."""
    return (_start(day, zone) - _INSTANT).astimezone(zone).date()


def _start(day: date, zone: ZoneInfo) -> datetime:
    """Return when `day` begins, in UTC; where clocks skip midnight, the instant of the skip."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)
