import contextlib
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koipond_checkin import rules
from koipond_checkin.errors import AlreadyCheckedIn
from koipond_checkin.types import CheckIn, Standing, Status


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def standing(zone: str, day: str, streak: int) -> Standing:
    # The instant of the last check-in decides nothing, its day does.
    last = CheckIn(
        day=date.fromisoformat(day), streak=streak, checked_in_at=datetime(2000, 1, 1, tzinfo=UTC)
    )
    return Standing(time_zone=zone, last=last)


def test_the_first_check_in_begins_a_streak_of_one() -> None:
    now = at("2026-03-10T12:00:00+00:00")
    made = rules.check_in(Standing(time_zone="Europe/Berlin"), now)
    assert made == CheckIn(day=date(2026, 3, 10), streak=1, checked_in_at=now)


def test_the_day_is_that_of_the_members_zone() -> None:
    now = at("2026-03-10T23:30:00+00:00")
    days = {
        zone: rules.check_in(Standing(time_zone=zone), now).day
        for zone in ("America/Los_Angeles", "UTC", "Europe/Berlin", "Asia/Shanghai")
    }
    assert days == {
        "America/Los_Angeles": date(2026, 3, 10),
        "UTC": date(2026, 3, 10),
        "Europe/Berlin": date(2026, 3, 11),
        "Asia/Shanghai": date(2026, 3, 11),
    }


def test_midnight_belongs_to_the_day_that_begins() -> None:
    before, midnight = at("2026-03-10T23:59:59.999999+08:00"), at("2026-03-11T00:00:00+08:00")
    nobody = Standing(time_zone="Asia/Shanghai")
    assert rules.check_in(nobody, before).day == date(2026, 3, 10)
    assert rules.check_in(nobody, midnight).day == date(2026, 3, 11)


def test_a_second_check_in_on_one_day_is_refused_with_the_way_out() -> None:
    with pytest.raises(AlreadyCheckedIn) as refused:
        rules.check_in(standing("Asia/Shanghai", "2026-03-10", 4), at("2026-03-10T20:00:00+08:00"))
    assert refused.value.day == date(2026, 3, 10)
    assert refused.value.streak == 4
    assert refused.value.next_at == at("2026-03-11T00:00:00+08:00")
    assert str(refused.value) == (
        "You checked in on 2026-03-10, day 4 in a row. "
        "The next check-in is possible from 2026-03-10T16:00:00+00:00."
    )


def test_a_clock_that_was_set_back_gives_no_second_day() -> None:
    with pytest.raises(AlreadyCheckedIn) as refused:
        rules.check_in(standing("UTC", "2026-03-11", 2), at("2026-03-10T12:00:00+00:00"))
    assert refused.value.day == date(2026, 3, 11)
    assert refused.value.next_at == at("2026-03-12T00:00:00+00:00")


@pytest.mark.parametrize(
    ("zone", "last", "now", "streak"),
    [
        pytest.param("UTC", "2026-03-10", "2026-03-11T00:00:00+00:00", 8, id="the next day"),
        pytest.param("UTC", "2026-03-10", "2026-03-11T23:59:59+00:00", 8, id="47 hours later"),
        pytest.param("UTC", "2026-03-10", "2026-03-12T00:00:00+00:00", 1, id="a day left out"),
        pytest.param("UTC", "2024-02-28", "2024-02-29T09:00:00+00:00", 8, id="to the leap day"),
        pytest.param("UTC", "2024-02-29", "2024-03-01T09:00:00+00:00", 8, id="from the leap day"),
        pytest.param("UTC", "2024-02-28", "2024-03-01T09:00:00+00:00", 1, id="leap day left out"),
        pytest.param("UTC", "2023-02-28", "2023-03-01T09:00:00+00:00", 8, id="no leap day"),
        pytest.param("UTC", "2025-12-31", "2026-01-01T00:00:00+00:00", 8, id="the new year"),
        pytest.param(
            "Europe/Berlin", "2026-03-28", "2026-03-29T23:30:00+02:00", 8, id="a day of 23 hours"
        ),
        pytest.param(
            "Europe/Berlin", "2026-10-24", "2026-10-25T00:30:00+02:00", 8, id="a day of 25 hours"
        ),
        pytest.param(
            "America/Sao_Paulo", "2018-11-03", "2018-11-04T01:00:00-02:00", 8, id="no midnight"
        ),
        pytest.param(
            "Pacific/Apia", "2011-12-29", "2011-12-31T00:00:00+14:00", 8, id="no 30 December"
        ),
        pytest.param(
            "Pacific/Apia", "2011-12-28", "2011-12-31T00:00:00+14:00", 1, id="the 29th left out"
        ),
    ],
)
def test_a_streak_goes_on_over_each_day_of_the_calendar_and_no_further(
    zone: str, last: str, now: str, streak: int
) -> None:
    assert rules.check_in(standing(zone, last, 7), at(now)).streak == streak


@pytest.mark.parametrize(
    ("zone", "last", "next_at"),
    [
        ("Europe/Berlin", "2026-03-29", "2026-03-29T22:00:00+00:00"),  # summer time began that day
        ("Europe/Berlin", "2026-10-25", "2026-10-25T23:00:00+00:00"),  # and ended that day
        ("America/Sao_Paulo", "2018-11-03", "2018-11-04T03:00:00+00:00"),  # midnight is skipped
        ("America/Havana", "2026-10-31", "2026-11-01T04:00:00+00:00"),  # and here there are two
        ("Pacific/Apia", "2011-12-29", "2011-12-30T10:00:00+00:00"),  # the 30th is skipped
    ],
)
def test_the_next_check_in_is_possible_when_the_next_day_begins(
    zone: str, last: str, next_at: str
) -> None:
    found, begins = standing(zone, last, 1), at(next_at)
    with pytest.raises(AlreadyCheckedIn) as refused:
        rules.check_in(found, begins - timedelta(microseconds=1))
    assert refused.value.next_at == begins
    assert rules.check_in(found, begins).streak == 2


def test_the_status_of_a_new_member_is_empty() -> None:
    now = at("2026-03-10T12:00:00+00:00")
    assert rules.status(Standing(time_zone="UTC"), now) == Status(
        checked_in_today=False, streak=0, next_at=None, now=now
    )


@pytest.mark.parametrize(
    ("day", "checked_in_today", "streak", "next_at"),
    [
        ("2026-03-10", True, 5, at("2026-03-11T00:00:00+00:00")),
        ("2026-03-09", False, 5, None),
        ("2026-03-08", False, 0, None),
    ],
)
def test_the_status_shows_the_run_that_ends_today_or_yesterday(
    day: str, checked_in_today: bool, streak: int, next_at: datetime | None
) -> None:
    now = at("2026-03-10T12:00:00+00:00")
    assert rules.status(standing("UTC", day, 5), now) == Status(
        checked_in_today=checked_in_today, streak=streak, next_at=next_at, now=now
    )


ZONES = ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Asia/Shanghai"]
# Some weeks before Berlin, São Paulo and Samoa change their clocks or their calendar.
BEGINNINGS = [datetime(2011, 12, 20, tzinfo=UTC), datetime(2018, 10, 20, tzinfo=UTC)]
GAPS = st.lists(st.timedeltas(timedelta(0), timedelta(hours=50)), min_size=1, max_size=30)


@given(st.sampled_from(ZONES), st.sampled_from(BEGINNINGS), GAPS)
def test_each_day_counts_once_and_the_streak_is_the_run_of_days(
    zone: str, beginning: datetime, gaps: list[timedelta]
) -> None:
    moments = [beginning + sum(gaps[:count], timedelta(0)) for count in range(len(gaps) + 1)]
    calendar = local_days(zone, beginning, moments[-1])
    present = {moment.astimezone(ZoneInfo(zone)).date() for moment in moments}
    run, wanted = 0, []
    for day in calendar:
        run = run + 1 if day in present else 0
        if run:
            wanted.append((day, run))
    assert checked_in(zone, moments) == wanted


def checked_in(zone: str, moments: list[datetime]) -> list[tuple[date, int]]:
    """Return (day, streak) of each check-in that was not refused."""
    found, made = Standing(time_zone=zone), []
    for moment in moments:
        with contextlib.suppress(AlreadyCheckedIn):
            last = rules.check_in(found, moment)
            made.append((last.day, last.streak))
            found = Standing(time_zone=zone, last=last)
    return made


def local_days(zone: str, first: datetime, last: datetime) -> list[date]:
    """Return every day that `zone` had, read off its clock each quarter of an hour."""
    ticks = range((last - first) // timedelta(minutes=15) + 2)
    clock = (first + tick * timedelta(minutes=15) for tick in ticks)
    return sorted({moment.astimezone(ZoneInfo(zone)).date() for moment in clock})
