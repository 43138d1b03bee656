"""Where a request came from, for the audit."""

from __future__ import annotations

from collections.abc import Mapping

from structlog.contextvars import get_contextvars

from koipond.kernel.audit import Origin
from koipond.kernel.callers import Caller


def read_origin(caller: Caller, headers: Mapping[str, str]) -> Origin:
    """Return what is known of where a request came from. headers: read already, in small letters.

    Its id is the one that the answer and the logs have.
    """
    return Origin(
        ip=caller.address,
        user_agent=headers.get("user-agent", ""),
        request_id=str(get_contextvars().get("request_id", "")),
    )
