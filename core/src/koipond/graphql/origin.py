"""Where a request came from, for the audit."""

from __future__ import annotations

from collections.abc import Mapping

from litestar.types import HTTPScope, WebSocketScope
from structlog.contextvars import get_contextvars

from koipond.kernel.audit import Origin


def read_origin(scope: HTTPScope | WebSocketScope, headers: Mapping[str, str]) -> Origin:
    """Return what is known of where a request came from. headers: read already, in small letters.

    Its id is the one that the answer and the logs have.
    """
    client = scope.get("client")
    return Origin(
        ip="" if client is None else client[0],
        user_agent=headers.get("user-agent", ""),
        request_id=str(get_contextvars().get("request_id", "")),
    )
