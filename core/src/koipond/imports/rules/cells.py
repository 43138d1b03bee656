"""What single cells mean, the same in every dialect. Each raises RowRefused, naming the column."""

import re
from urllib.parse import quote, urlsplit

from koipond.imports.errors import RowRefused
from koipond.imports.types import Row
from koipond.kernel.money import AmountInvalid, Currency, parse_amount

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
        raise RowRefused(line=row.line, reason=f"{column} is empty")
    return text


def price(row: Row, column: str, currency: Currency) -> int | None:
    """Return a price in minor units; None if the cell is empty: not sold in this currency."""
    text = row.cell(column)
    if not text:
        return None
    try:
        return parse_amount(text, currency).amount_minor
    except AmountInvalid as error:
        raise RowRefused(
            line=row.line, reason=f"{column}: {str(error).removesuffix('.')}"
        ) from error


def whole(row: Row, column: str) -> int | None:
    """Return a whole number from 0 to WHOLE_MAX; None if the cell is empty."""
    text = row.cell(column)
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
        raise RowRefused(line=row.line, reason=f"{column}: {problem}")
    return int(text)


def truth(row: Row, column: str) -> bool | None:
    """Return whether a cell says yes; None if it is empty."""
    text = row.cell(column).lower()
    if text in _YES | _NO:
        return text in _YES
    if text:
        raise RowRefused(line=row.line, reason=f"{column}: {text[:40]!r} is neither TRUE nor FALSE")
    return None


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
