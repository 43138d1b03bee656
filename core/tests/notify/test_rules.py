"""Quiet hours by the clock on the wall, templates that cannot do harm, kinds that can be sent."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from core.tests.notify.postoffice import EN, IN_APP, MAIL, NOTE, SMS, kind, text
from hypothesis import given
from hypothesis import strategies as st

from koipond.kernel.errors import DomainError
from koipond.kernel.money import Currency, Money
from koipond.kernel.texts import Locale
from koipond.notify.rules import QuietHours, choose_text, fill, find_problem, quiet_until
from koipond.notify.rules.kinds import fits
from koipond.notify.rules.templates import check_template
from koipond.notify.types import (
    Medium,
    MessageKind,
    MessageText,
    Purpose,
    StaffText,
    Urgency,
    Variable,
    VariableKind,
)

NIGHT = QuietHours(start=time(22), end=time(8))
BERLIN, SHANGHAI = "Europe/Berlin", "Asia/Shanghai"


def at(told: str) -> datetime:
    return datetime.fromisoformat(told).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "now", "until"),
    [
        (BERLIN, "2026-01-01T20:59", None),
        (BERLIN, "2026-01-01T21:00", "2026-01-02T07:00"),
        (BERLIN, "2026-01-02T06:59", "2026-01-02T07:00"),
        (BERLIN, "2026-01-02T07:00", None),
        # The other side of the world.
        (SHANGHAI, "2026-01-01T14:00", "2026-01-02T00:00"),
        # The leap day has a night.
        (BERLIN, "2028-02-28T22:00", "2028-02-29T07:00"),
        # The nights in which the clocks are changed are an hour shorter, and longer.
        (BERLIN, "2026-03-28T21:00", "2026-03-29T06:00"),
        (BERLIN, "2026-10-24T20:00", "2026-10-25T07:00"),
    ],
)
def test_a_night_is_over_by_the_clock_on_the_wall(zone: str, now: str, until: str | None) -> None:
    assert quiet_until(at(now), zone, NIGHT) == (None if until is None else at(until))


def test_a_night_whose_end_is_left_out_is_over_with_the_hour_that_is() -> None:
    quiet = QuietHours(start=time(22), end=time(2, 30))
    # At 01:00 UTC the clock goes from 02:00 to 03:00.
    assert quiet_until(at("2026-03-29T00:10"), BERLIN, quiet) == at("2026-03-29T01:00")


def test_a_night_whose_end_comes_twice_is_over_twice() -> None:
    quiet = QuietHours(start=time(22), end=time(2, 30))
    assert quiet_until(at("2026-10-24T23:00"), BERLIN, quiet) == at("2026-10-25T00:30")
    # At 01:00 UTC the clock goes from 03:00 back to 02:00.
    assert quiet_until(at("2026-10-25T00:45"), BERLIN, quiet) is None
    assert quiet_until(at("2026-10-25T01:10"), BERLIN, quiet) == at("2026-10-25T01:30")


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(
        [BERLIN, SHANGHAI, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
    ),
    st.times(),
    st.times(),
)
def test_quiet_time_ends_where_it_is_not_quiet_and_within_a_day(
    now: datetime, zone: str, start: time, end: time
) -> None:
    quiet = QuietHours(start=start.replace(microsecond=0), end=end.replace(microsecond=0))
    until = quiet_until(now, zone, quiet)
    if until is None:
        return
    assert timedelta() < until - now <= timedelta(hours=26)
    if until.astimezone(ZoneInfo(zone)).time() != quiet.start:
        assert quiet_until(until, zone, quiet) is None


TEMPLATES = [
    ("{{ name }}", "have no 'name'. Use {{ … }} with one of: word."),
    ("{{ word.__class__ }}", "it uses Getattr."),
    ("{{ word['x'] }}", "it uses Getitem."),
    ("{{ word() }}", "it uses Call."),
    ("{% for one in word %}{{ word }}{% endfor %}", "it uses For."),
    ("{{ word * 1000000000 }}", "it uses Mul."),
    ("{% set word = 1 %}", "it uses Assign."),
    ("{% include 'x' %}", "it uses Include."),
    ("{{ word|pprint }}", "it uses the filter pprint."),
    ("{{ word", "it cannot be read:"),
    ("{% if word > 1 %}a{% endif %}", "it cannot be filled in:"),
    ("", "its body is empty"),
    ("x" * 20_001, "it has 20001 characters, at most 20000 are kept"),
    ("a\0b", "it has a NUL character"),
]


@pytest.mark.parametrize(("body", "reason"), TEMPLATES)
def test_a_template_names_variables_and_chooses_and_does_nothing_else(
    body: str, reason: str
) -> None:
    with pytest.raises(DomainError) as refused:
        check_template(NOTE, MAIL, MessageText(subject="s", body=body))
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("medium", "text", "reason"),
    [
        (SMS, MessageText(body="b"), "it is not sent by sms, but by email"),
        (MAIL, MessageText(body="b"), "its subject is empty, and email has one"),
    ],
)
def test_a_template_fits_its_medium(medium: Medium, text: MessageText, reason: str) -> None:
    with pytest.raises(DomainError, match=reason):
        check_template(NOTE, medium, text)


def test_what_is_told_is_no_markup_in_html_and_no_line_in_a_subject() -> None:
    source = MessageText(subject="a\n{{ word }}", body="{{ word|upper }}", html="<b>{{ word }}</b>")
    filled = fill(NOTE, source, {"word": "<i>x</i>"}, locale=EN, time_zone="UTC")
    assert (filled.subject, filled.body) == ("a <i>x</i>", "<I>X</I>")
    assert filled.html == "<b>&lt;i&gt;x&lt;/i&gt;</b>"


def test_what_is_told_is_no_template() -> None:
    filled = fill(NOTE, text("{{ word }}"), {"word": "{{ 7 * 7 }}"}, locale=EN, time_zone="UTC")
    assert filled.body == "{{ 7 * 7 }}"


@pytest.mark.parametrize(
    ("locale", "zone", "written"),
    [
        ("en", "UTC", "€12.50, Jan 1, 2026, 12:30\u202fPM"),
        ("de-AT", "Europe/Vienna", "€\xa012,50, 01.01.2026, 13:30"),
        ("zh-Hans", SHANGHAI, "€12.50, 2026年1月1日 20:30"),
    ],
)
def test_money_and_time_are_written_as_the_reader_does(
    locale: str, zone: str, written: str
) -> None:
    variables = {
        "total": Variable(words="how much", kind=VariableKind.MONEY),
        "until": Variable(words="how long", kind=VariableKind.TIME),
    }
    source = {MAIL: {EN: MessageText(subject="s", body="{{ total }}, {{ until }}")}}
    made = kind("post.bill", variables=variables, texts=source)
    values: Any = {
        "total": {"amount_minor": 12_50, "currency": "EUR"},
        "until": "2026-01-01T12:30:00Z",
    }
    filled = fill(made, source[MAIL][EN], values, locale=Locale(locale), time_zone=zone)
    assert filled.body == written


def test_a_reader_gets_their_language_or_what_it_is_a_part_of_or_the_first() -> None:
    def chosen(*wanted: str, staff: tuple[StaffText, ...] = ()) -> tuple[str, int]:
        found = choose_text(NOTE, MAIL, [Locale(one) for one in wanted], staff)
        return found.locale, found.version

    assert chosen("de") == ("de", 0)
    assert chosen("de-AT", "en") == ("de", 0)
    assert chosen("zh-Hans", "de") == ("de", 0)
    assert chosen("zh-Hans") == ("en", 0)
    written = StaffText(
        kind=NOTE.key,
        medium=MAIL,
        locale=Locale("zh-Hans"),
        text=text("你说 {{ word }}"),
        version=3,
        changed_at=at("2026-01-01"),
    )
    assert chosen("zh-Hans-CN", staff=(written,)) == ("zh-Hans", 3)


KINDS: list[tuple[dict[str, Any], str]] = [
    ({"key": "note"}, "its key 'note' is not like order.unpaid"),
    ({"category": "Two words"}, "its category 'Two words' is no word"),
    ({"act": ""}, "it does not say what it is, or for which act"),
    ({"ways": ()}, "it has no way, or an empty one"),
    ({"ways": ((MAIL,), (MAIL,))}, "it goes one medium twice"),
    ({"texts": {}}, "it has no text for email"),
    (
        {"purpose": Purpose.MARKETING, "urgency": Urgency.URGENT},
        "it is marketing, and urgent: only what needs no consent may pass quiet hours",
    ),
    ({"keep": timedelta()}, "it is kept for no time"),
    ({"variables": {"a word": Variable(words="w")}}, "a name of a variable is no word"),
    ({"variables": {}}, "its text for email in en cannot be used: Messages of the kind post.odd"),
]


@pytest.mark.parametrize(("wrong", "problem"), KINDS)
def test_a_kind_says_what_it_is(wrong: dict[str, Any], problem: str) -> None:
    found = find_problem(kind(**{"key": "post.odd"} | wrong))
    assert found is not None
    assert problem in found


def test_a_kind_that_can_be_sent_has_no_problem() -> None:
    assert find_problem(NOTE) is None
    assert find_problem(kind("post.all", ways=((MAIL, SMS), (IN_APP,)))) is None


@pytest.mark.parametrize(
    ("of", "fitting", "odd"),
    [
        (VariableKind.TEXT, ["A-1", "绿茶"], ["", " ", "a\nb", "a\tb", "x" * 501, 7, None]),
        (
            VariableKind.LINK,
            ["https://example.org/a?b=c"],
            ["example.org", "javascript:alert(1)", "https://a b", 'https://a"b', "https://", ""],
        ),
        (VariableKind.MONEY, [Money(1, Currency("EUR"))], [1, "1", None]),
        (VariableKind.TIME, [at("2026-01-01")], [datetime(2026, 1, 1), "2026-01-01", None]),
    ],
)
def test_a_variable_holds_what_its_kind_says(
    of: VariableKind, fitting: list[Any], odd: list[Any]
) -> None:
    assert [one for one in fitting if not fits(of, one)] == []
    assert [one for one in odd if fits(of, one)] == []


def test_every_message_of_core_can_be_sent() -> None:
    from koipond.order.rules import REFUNDED, SHIPPED, UNPAID

    own: tuple[MessageKind, ...] = (UNPAID, SHIPPED, REFUNDED)
    assert [find_problem(one) for one in own] == [None, None, None]
