"""When what failed is tried again, and what is kept of why."""

from __future__ import annotations

import asyncio
import re
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from koipond.kernel.logs import HIDDEN

# 5 s, 10 s, 20 s … and then once an hour.
FIRST_S = 5
LONGEST_S = 3600
# Twelve tries spread over two to three hours.
ATTEMPTS_MAX = 12

_KEPT = 2_000
_BEARER = re.compile(r"(?i)\b(bearer)\s+[^\s'\"]+")
_NAMED = re.compile(
    r"(?i)((?:authorization|cookie|password|secret|token)[\w-]*['\"]?\s*[:=]\s*)"
    r"(?:'[^']*'|\"[^\"]*\"|[^\s,;&)}\]]+)"
)
_IN_ADDRESS = re.compile(r"(://[^/\s:@]*):[^/\s@]+@")


class DeadlinePassed(Exception):
    """Work that took too long and was cut."""


@asynccontextmanager
async def cut_after(seconds: float) -> AsyncIterator[None]:
    """Cancel the block when it is not done after `seconds`. Raises DeadlinePassed."""
    try:
        async with asyncio.timeout(seconds) as limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise DeadlinePassed(f"it was not done after {seconds} s and was cut") from error


def backoff(attempts: int, *, chance: float) -> timedelta:
    """Return how long to wait after `attempts` tries (1 or more) that failed.

    chance: in [0, 1), random; it shortens the wait by up to a half, so that what failed together
    does not come back together.
    """
    assert attempts >= 1
    whole = min(FIRST_S * 2 ** min(attempts - 1, 32), LONGEST_S)
    return timedelta(seconds=whole * (1 - chance / 2))


def describe(error: BaseException, *, secrets: tuple[str, ...] = ()) -> str:
    """Say what was raised, without passwords, tokens and `secrets`; any column holds it.

    Of a database error only the driver's own words are kept: the statement's parameters are data.
    """
    cause = getattr(error, "orig", None) or error
    text = "".join(traceback.format_exception_only(cause)).strip()
    for secret in filter(None, secrets):
        text = text.replace(secret, HIDDEN)
    text = _IN_ADDRESS.sub(rf"\1:{HIDDEN}@", _BEARER.sub(rf"\1 {HIDDEN}", text))
    text = _NAMED.sub(rf"\1{HIDDEN}", text)
    # No database takes a NUL or half a character, and this must never fail to be stored.
    return text.encode("utf-8", "replace").decode().replace("\0", "�")[:_KEPT]
