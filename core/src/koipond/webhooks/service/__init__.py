"""Use-cases of webhooks, by group: endpoints, telling them, the way out to them."""

from koipond.webhooks.service.endpoints import (
    create_endpoint,
    disable_endpoint,
    enable_endpoint,
    find_attempts,
    find_endpoint,
    find_endpoints,
    find_health,
    remove_endpoint,
    replay,
    rotate_secret,
    update_endpoint,
)
from koipond.webhooks.service.sending import Post
from koipond.webhooks.service.telling import COURIER, ForgetAttempts, Webhooks, forget_attempts

__all__ = [
    "COURIER",
    "ForgetAttempts",
    "Post",
    "Webhooks",
    "create_endpoint",
    "disable_endpoint",
    "enable_endpoint",
    "find_attempts",
    "find_endpoint",
    "find_endpoints",
    "find_health",
    "forget_attempts",
    "remove_endpoint",
    "replay",
    "rotate_secret",
    "update_endpoint",
]
