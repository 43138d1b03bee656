"""What single cells mean, the same in every dialect. Each raises RowRefused, naming the column."""

import re
from datetime import UTC, datetime, tzinfo
from typing import TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from koipond.imports.errors import RowRefused
from koipond.imports.types import Row
from koipond.kernel.money import AmountInvalid, Currency, parse_amount

T = TypeVar("T")

WHOLE_MAX = 1_000_000_000

_WHOLE = re.compile(r"-?[0-9]{1,19}")
_YES = {"true", "yes", "1"}
_NO = {"false", "no", "0"}
# What an address may hold as it is (RFC 3986), and % because it may be quoted already.
_SAFE = "%/:?#[]@!$&'()*+,;=~"


def needed(row: Row, column: str) -> str:
    """Return a cell that must not be empty."""
    text = row.cell(column)
    if not text:
        raise RowRefused(line=row.line, reason=f"{column} is empty", column=column)
    return text


def sound(row: Row) -> None:
    """Refuse a row that cannot be read at all."""
    if row.problem:
        raise RowRefused(line=row.line, reason=row.problem, refusal="ROW_UNREADABLE")


def short(row: Row, column: str, most: int) -> str:
    """Return a text of at most `most` characters; "" if the cell is empty."""
    text = row.cell(column)
    if len(text) > most:
        reason = f"{column} has {len(text):,} characters, at most {most} are kept"
        raise RowRefused(line=row.line, reason=reason, column=column, refusal="TEXT_TOO_LONG")
    return text


def instant(row: Row, column: str, zone: tzinfo) -> datetime:
    """Return a moment: 2026-11-22T10:00:00Z, or a day as 2026-11-22 or 20261122, which is its
    beginning in `zone`; so is a time without one of its own."""
    text = needed(row, column)
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        reason = f"{column}: {text[:40]!r} is no date. Write it like 2026-11-22T10:00:00Z"
        raise RowRefused(
            line=row.line, reason=reason, column=column, refusal="DATE_INVALID"
        ) from error


def price(row: Row, column: str, currency: Currency, *, text: str | None = None) -> int | None:
    """Return a price in minor units; None if the cell is empty: not sold in this currency.

    text: what to read in the place of the cell.
    """
    text = row.cell(column) if text is None else text
    if not text:
        return None
    try:
        return parse_amount(text, currency).amount_minor
    except AmountInvalid as error:
        raise RowRefused(
            line=row.line,
            reason=f"{column}: {str(error).removesuffix('.')}",
            column=column,
            refusal=error.code,
        ) from error


def whole(row: Row, column: str, *, text: str | None = None) -> int | None:
    """Return a whole number from 0 to WHOLE_MAX; None if the cell is empty.

    text: what to read in the place of the cell.
    """
    text = row.cell(column) if text is None else text
    if not text:
        return None
    problem = ""
    if not _WHOLE.fullmatch(text):
        problem = f"{text[:40]!r} is no whole number"
    elif int(text) < 0:
        problem = f"{text} is below 0"
    elif int(text) > WHOLE_MAX:
        problem = f"{text} is more than {WHOLE_MAX:,}"
    if problem:
        raise RowRefused(line=row.line, reason=f"{column}: {problem}", column=column)
    return int(text)


def truth(row: Row, column: str) -> bool | None:
    """Return whether a cell says yes; None if it is empty."""
    text = row.cell(column).lower()
    if text in _YES | _NO:
        return text in _YES
    if text:
        reason = f"{column}: {text[:40]!r} is neither TRUE nor FALSE"
        raise RowRefused(line=row.line, reason=reason, column=column)
    return None


def pairs(row: Row, column: str) -> tuple[tuple[str, str], ...]:
    """Return the pairs of a cell that is a list in JSON; none if it is empty."""
    return _decoded(row, column, tuple[tuple[str, str], ...], '[["Colour", "Green"]]')


def names(row: Row, column: str) -> tuple[str, ...]:
    """Return the texts of a cell that is a list in JSON; none if it is empty."""
    return _decoded(row, column, tuple[str, ...], '["Tea", "Gifts"]')


def _decoded(row: Row, column: str, kind: type[T], example: str) -> T:
    try:
        return msgspec.json.decode(row.cell(column) or "[]", type=kind)
    except msgspec.MsgspecError as error:
        reason = f"{column}: {row.cell(column)[:40]!r} is no such list. Write it like {example}"
        raise RowRefused(line=row.line, reason=reason, column=column) from error


def address(name: str, base: str) -> str:
    """Return the address of a picture: `name`, put behind `base` if it is a bare file name."""
    safe = quote(name, safe=_SAFE)
    if urlsplit(safe).scheme or safe.startswith("/") or not base:
        return safe
    return f"{base.rstrip('/')}/{safe}"


def listed(text: str, separator: str) -> tuple[str, ...]:
    """Return the parts of a cell with several values, each once, without empty ones."""
    parts = (part.strip() for part in text.split(separator))
    return tuple(dict.fromkeys(part for part in parts if part))
