"""Links that open one thing for a short while, to whoever has them: a browser sends no token."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from koipond.kernel.context import Shop

LIFETIME = timedelta(minutes=5)


def sign_link(shop: Shop, path: str) -> str:
    """Return the address of `path` of this shop that opens it for five minutes."""
    until = int((shop.clock.now() + LIFETIME).timestamp())
    return f"{path}?until={until}&signature={_signature(shop, path, until)}"


def is_open(shop: Shop, path: str, until: str, signature: str) -> bool:
    """Tell whether `sign_link` made this, and its time is not over."""
    if not (until.isascii() and until.isdigit() and len(until) < 12 and signature.isascii()):
        return False
    if datetime.fromtimestamp(int(until), UTC) <= shop.clock.now():
        return False
    return hmac.compare_digest(signature, _signature(shop, path, int(until)))


def _signature(shop: Shop, path: str, until: int) -> str:
    told = f"link:{path}:{until}".encode()
    digest = hmac.digest(shop.settings.secret.encode(), told, "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
