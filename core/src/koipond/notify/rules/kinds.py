"""What a kind of message must be, and what a message of it may tell."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from koipond.kernel.errors import DomainError
from koipond.kernel.money import Money
from koipond.notify.errors import MessageActInvalid, MessageValueInvalid
from koipond.notify.rules.templates import check_template
from koipond.notify.types import (
    ACT_MAX,
    KEY_MAX,
    Medium,
    MessageKind,
    MessageWish,
    Purpose,
    Urgency,
    Variable,
    VariableKind,
)

_KEY = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9_-]*)+")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ACT = re.compile(r"[\x21-\x7e]+")
_LINK = re.compile(r"https?://[^\s<>\"'\x00-\x20\x7f]{1,2000}")
_TEXT_MAX = 500


def find_problem(kind: MessageKind) -> str | None:
    """Say what is wrong with a kind that core or a plugin declares."""
    media = [one for way in kind.ways for one in way]
    lacking = [one for one in media if not kind.texts.get(one)]
    problems = {
        f"its key {kind.key!r} is not like order.unpaid": len(kind.key) > KEY_MAX
        or not _KEY.fullmatch(kind.key),
        f"its category {kind.category!r} is no word": not _WORD.fullmatch(kind.category),
        "it does not say what it is, or for which act": not (kind.words and kind.act),
        "it has no way, or an empty one": not kind.ways or not all(kind.ways),
        "it goes one medium twice": len(set(media)) < len(media),
        f"it has no text for {', '.join(lacking)}": bool(lacking),
        "it is marketing, and urgent: only what needs no consent may pass quiet hours": (
            kind.purpose is Purpose.MARKETING and kind.urgency is Urgency.URGENT
        ),
        "it is kept for no time": kind.keep <= timedelta(),
        "it has secrets, and does not tell them, or tells them in the shop": bool(kind.secrets)
        and (kind.tell_secrets is None or Medium.IN_APP in media),
        "a name of a variable is no word": not all(map(_WORD.fullmatch, kind.variables)),
    }
    found = next((words for words, is_so in problems.items() if is_so), None)
    return found or _find_odd_text(kind)


def check_wish(kind: MessageKind, wish: MessageWish) -> dict[str, Any]:
    """Return what a message tells as it is kept. Raises MessageActInvalid, MessageValueInvalid."""
    if len(wish.act) > ACT_MAX or not _ACT.fullmatch(wish.act):
        raise MessageActInvalid(kind=kind.key, characters_max=ACT_MAX)
    known = ", ".join(kind.variables) or "none"
    for name in wish.values:
        if name in kind.secrets:
            raise _invalid(kind, name, "is secret, and told as it is sent")
        if name not in kind.variables:
            raise _invalid(kind, name, f"is nothing that it tells. There are: {known}")
    return {
        name: _read(kind, name, one, wish.values)
        for name, one in kind.variables.items()
        if name in wish.values or not (one.optional or one.secret)
    }


def fits(kind: VariableKind, value: object) -> bool:
    """Tell whether a value is one that a variable of this kind can hold."""
    return _find_misfit(kind, value) is None


def _find_odd_text(kind: MessageKind) -> str | None:
    for medium, texts in kind.texts.items():
        for locale, text in texts.items():
            try:
                check_template(kind, medium, text)
            except DomainError as error:
                return f"its text for {medium} in {locale} cannot be used: {error}"
    return None


def _read(kind: MessageKind, name: str, variable: Variable, values: Mapping[str, Any]) -> Any:
    if name not in values:
        raise _invalid(kind, name, f"is missing: {variable.words}")
    value = values[name]
    if variable.optional and value == "":
        return ""
    reason = _find_misfit(variable.kind, value)
    if reason is not None:
        raise _invalid(kind, name, reason)
    return msgspec.to_builtins(value)


def _find_misfit(kind: VariableKind, value: Any) -> str | None:
    """Say why a value is none of its kind."""
    match kind:
        case VariableKind.MONEY:
            return None if isinstance(value, Money) else "must be Money"
        case VariableKind.TIME:
            is_instant = isinstance(value, datetime) and value.tzinfo is not None
            return None if is_instant else "must be an instant with its time zone"
        case VariableKind.LINK:
            is_link = isinstance(value, str) and _LINK.fullmatch(value)
            return None if is_link else "must be an address that begins with https:// or http://"
        case VariableKind.TEXT:
            is_line = isinstance(value, str) and value.isprintable() and value.strip()
            fits = is_line and len(value) <= _TEXT_MAX
            return None if fits else f"must be one line of 1 to {_TEXT_MAX} characters"


def _invalid(kind: MessageKind, name: str, reason: str) -> MessageValueInvalid:
    return MessageValueInvalid(kind=kind.key, variable=name[:80], reason=reason)
