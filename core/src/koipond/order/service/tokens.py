"""Secrets that show their holder to be the buyer. Only their hashes are stored."""

import base64
import hashlib
import hmac

from koipond.kernel.context import Context
from koipond.kernel.ids import OrderId


def hash_token(token: str) -> str:
    """Return what is stored in place of a token: it is 256 random bits, so no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def order_token(ctx: Context, order_id: OrderId) -> str:
    """Return the token of an order: made from its id and the shop's secret, so that a repeated
    `placeOrder` can tell it again although it is stored nowhere."""
    key = ctx.settings.secret.encode()
    digest = hmac.digest(key, b"order:" + order_id.bytes, "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
