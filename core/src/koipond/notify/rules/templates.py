"""Templates: what they may say, and how they are filled in.

They name variables and choose with `if`; there is nothing in them that could take long or reach
anything else, so that staff can write them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from babel.core import Locale as BabelLocale
from babel.dates import format_date, format_time, get_datetime_format
from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from msgspec import Struct

from koipond.kernel.money import Currency, Money
from koipond.kernel.texts import Locale
from koipond.notify.errors import TemplateInvalid, TemplateVariableUnknown
from koipond.notify.types import (
    Medium,
    MessageKind,
    MessageText,
    StaffText,
    Template,
    VariableKind,
)

_BODY_MAX = 20_000
_SUBJECT_MAX = 500
_FILTERS = frozenset({"capitalize", "lower", "title", "trim", "upper"})
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Filter,
)
_SPACE = re.compile(r"\s+")
_PLAIN = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
_HTML = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=True)
# What templates are tried with before they are kept.
_SAMPLES: Mapping[VariableKind, Any] = {
    VariableKind.TEXT: "A-1",
    VariableKind.LINK: "https://example.org/a",
    VariableKind.MONEY: {"amount_minor": 12_50, "currency": "EUR"},
    VariableKind.TIME: "2026-01-01T12:00:00Z",
}


# What stands in the place of a secret.
DOTS = "••••••"


class Filled(Struct, frozen=True, kw_only=True):
    """A message in words."""

    subject: str
    body: str
    html: str = ""


def check_template(kind: MessageKind, medium: Medium, text: MessageText) -> None:
    """Raise TemplateInvalid or TemplateVariableUnknown for what could not be sent."""
    reason = _find_misfit(kind, medium, text)
    if reason is not None:
        raise TemplateInvalid(kind=kind.key, reason=reason)
    for source in _sources(text):
        _check_source(kind, source)
    _try_out(kind, text)


def fill(
    kind: MessageKind,
    text: MessageText,
    values: Mapping[str, Any],
    *,
    locale: Locale,
    time_zone: str,
) -> Filled:
    """Fill in a template. values: as they are kept. Raises TemplateInvalid, naming what lacks."""
    written = {
        name: _write(one.kind, values.get(name, ""), locale=locale, time_zone=time_zone)
        for name, one in kind.variables.items()
        if one.optional or name in values
    }
    try:
        return Filled(
            subject=_SPACE.sub(" ", _PLAIN.from_string(text.subject).render(written)).strip(),
            body=_PLAIN.from_string(text.body).render(written).strip(),
            html=_HTML.from_string(text.html).render(written).strip(),
        )
    # Whatever a filter or a comparison raises: the source is somebody's words.
    except Exception as error:
        raise TemplateInvalid(kind=kind.key, reason=f"it cannot be filled in: {error}") from error


def choose_text(
    kind: MessageKind, medium: Medium, locales: Sequence[Locale], staff: Sequence[StaffText] = ()
) -> Template:
    """Return the template for who reads `locales`, else the kind's first; staff's words win."""
    known = {one.locale: one for one in templates_of(kind, medium, staff)}
    wanted = [tag for one in locales for tag in _with_parents(one)]
    return next((known[one] for one in wanted if one in known), next(iter(known.values())))


def templates_of(
    kind: MessageKind, medium: Medium, staff: Sequence[StaffText] = ()
) -> list[Template]:
    """Return the templates in force, the built-in languages first."""
    known = {
        locale: Template(medium=medium, locale=locale, text=text)
        for locale, text in kind.texts[medium].items()
    }
    for one in staff:
        if (one.kind, one.medium) == (kind.key, medium):
            known[one.locale] = Template(
                medium=medium,
                locale=one.locale,
                text=one.text,
                version=one.version,
                changed_at=one.changed_at,
            )
    return list(known.values())


def _with_parents(locale: Locale) -> Iterator[Locale]:
    """Return a tag and what it is a part of: zh-Hans-CN, zh-Hans, zh."""
    parts = locale.split("-")
    for count in range(len(parts), 0, -1):
        yield Locale("-".join(parts[:count]))


def _find_misfit(kind: MessageKind, medium: Medium, text: MessageText) -> str | None:
    """Say why a text does not fit its medium."""
    media = [one for way in kind.ways for one in way]
    longest = max(len(text.body), len(text.html))
    problems = {
        f"it is not sent by {medium}, but by {', '.join(media)}": medium not in media,
        "its body is empty": not text.body.strip(),
        f"its subject is empty, and {medium} has one": (
            medium is not Medium.SMS and not text.subject.strip()
        ),
        "it has html, which only mail has": medium is not Medium.EMAIL and bool(text.html),
        f"its subject has {len(text.subject)} characters, at most {_SUBJECT_MAX} are kept": (
            len(text.subject) > _SUBJECT_MAX
        ),
        f"it has {longest} characters, at most {_BODY_MAX} are kept": longest > _BODY_MAX,
        "it has a NUL character": "\0" in f"{text.subject}{text.body}{text.html}",
    }
    return next((words for words, is_so in problems.items() if is_so), None)


def _check_source(kind: MessageKind, source: str) -> None:
    try:
        parsed = _PLAIN.parse(source)
    except TemplateError as error:
        raise TemplateInvalid(kind=kind.key, reason=f"it cannot be read: {error}") from error
    for node in _walk(parsed):
        if isinstance(node, nodes.Name) and node.name not in kind.variables:
            known = ", ".join(kind.variables) or "none"
            raise TemplateVariableUnknown(kind=kind.key, variable=node.name[:80], known=known)
        odd = not isinstance(node, _ALLOWED) and type(node).__name__
        if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
            odd = f"the filter {node.name[:80]}"
        if odd:
            raise TemplateInvalid(
                kind=kind.key,
                reason=f"it uses {odd}. A template names variables, as {{{{ name }}}}, chooses "
                f"with {{% if name %}}, and knows the filters {', '.join(sorted(_FILTERS))}",
            )


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    """Return a node and all that is in it; by a stack, for nesting can be deep."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += one.iter_child_nodes()


def _try_out(kind: MessageKind, text: MessageText) -> None:
    """Fill in a template with all of its variables, and with those alone that must be there."""
    samples = {name: _SAMPLES[one.kind] for name, one in kind.variables.items()}
    needed = {name: samples[name] for name, one in kind.variables.items() if not one.optional}
    for values in (samples, needed):
        fill(kind, text, values, locale=Locale("en"), time_zone="UTC")


def _sources(text: MessageText) -> tuple[str, str, str]:
    return text.subject, text.body, text.html


def _write(kind: VariableKind, value: Any, *, locale: Locale, time_zone: str) -> str:
    """Write a value as people of a language and a time zone read it."""
    if value == "":
        return ""
    if kind is VariableKind.MONEY:
        amount = Money(value["amount_minor"], Currency(value["currency"]))
        return amount.display(locale)
    if kind is VariableKind.TIME:
        return _write_time(msgspec.convert(value, datetime), locale, time_zone)
    return str(value)


def _write_time(value: datetime, locale: Locale, time_zone: str) -> str:
    told, tag = value.astimezone(UTC), BabelLocale.parse(locale, sep="-")
    zone = ZoneInfo(time_zone)
    day = format_date(told.astimezone(zone).date(), "medium", locale=tag)
    clock = format_time(told, "short", tzinfo=zone, locale=tag)
    pattern = str(get_datetime_format("medium", locale=tag)).replace("'", "")
    return pattern.replace("{1}", day).replace("{0}", clock)
