"""What settings cannot be: numbers out of their ranges, and what would let strangers in."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from koipond.settings.shape import Settings

DEVELOPMENT_SECRET = "koipond-development-secret-not-for-production"  # noqa: S105  # refused in production

_MAKES_ONE = "`openssl rand -hex 32` makes one"
# What stands in secrets of examples, and is tried first. None of them is in one that was drawn, but
# in one of millions.
_GUESSED = (
    *("changeme", "changethis", "default", "example", "insecure", "koipond", "password"),
    *("placeholder", "replaceme", "secret", "letmein", "qwerty", "abcdefgh", "12345678"),
)
# Of 64 hexadecimal digits that are drawn, as many are different in all but one of 10^13.
_LETTERS_MIN = 8
# {setting: the least and the most}.
_RANGES = {
    "database_pool_size": (1, 1_000),
    "database_wait_s": (0.1, 600),
    "database_answer_s": (0.1, 3_600),
    "request_max_bytes": (1_000, 1_000_000_000),
    "upload_max_bytes": (1_000, 10_000_000_000),
    "idempotency_lease_s": (2, 3_600),
    "payment_timeout_s": (1, 3_599),
    "deliveries_keep_days": (1, 3_650),
    "events_keep_days": (0, 36_500),
    "late_payment_grace_s": (0, 31_536_000),
    "reservation_hold_s": (1, 86_400),
    "desk_queue_max": (1, 1_000_000),
    "order_line_quantity_max": (1, 1_000_000_000),
    "order_lines_max": (1, 10_000),
    "availability_quantity_max": (0, 1_000_000_000),
    "payment_window_minutes": (1, 525_600),
    "return_window_days": (0, 3_650),
    "query_timeout_s": (0.1, 3_600),
    "sockets_max": (0, 1_000_000),
    "sockets_per_address_max": (0, 1_000_000),
    "sockets_per_member_max": (1, 1_000_000),
    "socket_operations_max": (1, 10_000),
    "socket_ping_s": (0.05, 3_600),
    "leave_notice_s": (0, 600),
    "nats_timeout_s": (0.1, 60),
    "webhook_timeout_s": (0.1, 60),
    "webhook_attempts_keep_days": (1, 3_650),
    "messages_keep_days": (0, 36_500),
    "merge_undo_days": (0, 3_650),
    "messages": (0, 1_000_000),
    "hours": (1, 87_600),
    "access_token_s": (60, 86_400),
    "login_keep_days": (1, 3_650),
    "times": (1, 1_000_000),
    "seconds": (1, 86_400),
}


def check_ranges(settings: Struct) -> None:
    """Raise ValueError for a number out of its range."""
    for name in settings.__struct_fields__:
        least, most = _RANGES.get(name, (None, None))
        value = getattr(settings, name)
        if least is not None and most is not None and not least <= value <= most:
            raise ValueError(f"{name}: from {least:,} to {most:,}, not {value:,}")


def _check_network(setting: str, network: str) -> None:
    try:
        ip_network(network)
    except ValueError as error:
        raise ValueError(f"{setting}: {error}. Write it like 10.1.0.0/16") from error


def check_networks(settings: Settings) -> None:
    """Raise ValueError for what is no network."""
    for name in ("webhook_networks", "trusted_proxies"):
        for network in getattr(settings, name):
            _check_network(name, network)


def check_proxies(settings: Settings) -> None:
    """Refuse to believe everybody who says where they come from: rate limits count by that.

    Raises ValueError.
    """
    for network in settings.trusted_proxies:
        if settings.production and ip_network(network).prefixlen == 0:
            raise ValueError(
                f"trusted_proxies: {network} is the whole internet, so anybody could say that they "
                "come from anywhere. Name the networks of your own proxies"
            )


def check_tokens(settings: Settings) -> None:
    """Raise ValueError for what anybody could sign tokens with."""
    if len(settings.secret) < 32:
        raise ValueError(f"secret: at least 32 characters; {_MAKES_ONE}")
    if settings.previous_secret and len(settings.previous_secret) < 32:
        raise ValueError("previous_secret: at least 32 characters, or nothing")
    if not settings.token_issuer:
        raise ValueError("token_issuer: a name")
    if not settings.production:
        return
    for name in ("secret", "previous_secret"):
        weakness = _find_weakness(getattr(settings, name))
        if weakness:
            raise ValueError(
                f"{name}: production refuses {weakness}. Set the variable KOI_{name.upper()} to "
                f"one that nobody knows; {_MAKES_ONE}"
            )


def _find_weakness(secret: str) -> str:
    """Say why a secret may be guessed; "" of one that was drawn, or that is none."""
    if secret == DEVELOPMENT_SECRET:
        return "the built-in one"
    plain = re.sub(r"[^a-z0-9]", "", secret.lower())
    known = next((one for one in _GUESSED if one in plain), None)
    if known is not None:
        return f"one with {known!r} in it"
    if secret and len(set(secret)) < _LETTERS_MIN:
        return f"one of {len(set(secret))} different characters"
    if any(secret[turn:] == secret[:-turn] for turn in range(1, len(secret) // 2 + 1)):
        return "one that repeats itself"
    return ""
