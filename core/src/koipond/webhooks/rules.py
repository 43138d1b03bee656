"""Rules of webhooks: which addresses, signed how, tried again when, given up when."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from standardwebhooks import Webhook

from koipond.kernel.ids import WebhookEndpointId
from koipond.webhooks.errors import (
    WebhookDescriptionTooLong,
    WebhookEventsInvalid,
    WebhookKeepInvalid,
    WebhookUrlInvalid,
)
from koipond.webhooks.types import (
    DESCRIPTION_MAX,
    URL_MAX,
    Answer,
    DisabledBy,
    Endpoint,
    EndpointDraft,
    EndpointState,
)

Network = IPv4Network | IPv6Network
# What to wait after each failed try: ten tries over three days, as Standard Webhooks has it.
WAITS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 57_600, 86_400)
)
TRIES_MAX = len(WAITS) + 1
# Events that one endpoint is told of side by side.
AT_ONCE = 8
# Who took nothing for so long is disabled, however few or many events there were.
FAILING_MAX = timedelta(days=3)
KEEP_HOURS_MAX = 24 * 30
GONE = 410
# Of HTTPS, and those that no system service has.
_PORT_HTTPS, _PORTS_FREE = 443, 1024
_PORTS = {"https": 443, "http": 80}
# The only part of IPv6 that is the public internet; ways to IPv4 within it are refused.
_GLOBAL = ip_network("2000::/3")
_SMUGGLED = (ip_network("2002::/16"), ip_network("2001::/32"))


def check_draft(draft: EndpointDraft, known: Collection[str], networks: Sequence[Network]) -> None:
    """Raise WebhookUrlInvalid, WebhookEventsInvalid or WebhookDescriptionTooLong."""
    check_url(draft.url, networks)
    unknown = sorted(set(draft.events) - set(known))
    if unknown or not draft.events:
        names = ", ".join(unknown)[:200]
        raise WebhookEventsInvalid(unknown=names, known=", ".join(sorted(known)))
    if len(draft.description) > DESCRIPTION_MAX:
        raise WebhookDescriptionTooLong(
            characters=len(draft.description), characters_max=DESCRIPTION_MAX
        )


def check_url(url: str, networks: Sequence[Network]) -> SplitResult:
    """Return an address in parts. Raises WebhookUrlInvalid.

    What it resolves to is looked at when it is told something: that may change at any time.
    """
    parts = _split(url)
    reason = _url_problem(url, parts, networks)
    if parts is None or reason:
        raise WebhookUrlInvalid(url=url, reason=reason or "it is no web address")
    return parts


def port_of(parts: SplitResult) -> int:
    """Return the port of an address."""
    return parts.port or _PORTS[parts.scheme]


def address_problem(
    address: str, *, scheme: str, port: int, networks: Sequence[Network]
) -> str | None:
    """Say why nothing is sent to an address that a name resolved to; None: it may be.

    networks: the shop's own, which may be told of things by any way.
    """
    at = _plain(ip_address(address.partition("%")[0]))
    if any(at.version == one.version and at in one for one in networks):
        return None
    if not _is_public(at):
        return f"{at} is not on the public internet"
    if scheme != "https":
        return "it is not https"
    if port != _PORT_HTTPS and port < _PORTS_FREE:
        return f"port {port} is neither {_PORT_HTTPS} nor above {_PORTS_FREE - 1}"
    return None


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read networks such as 10.1.0.0/16. Raises ValueError."""
    return tuple(ip_network(text) for text in texts)


def secret_of(key: str, endpoint_id: WebhookEndpointId, number: int) -> str:
    """Return the secret of an endpoint, as Standard Webhooks writes it. key: the shop's own."""
    made = hmac.digest(key.encode(), f"webhook:{endpoint_id}:{number}".encode(), hashlib.sha256)
    return f"whsec_{base64.b64encode(made).decode()}"


def valid_secrets(key: str, endpoint: Endpoint, *, now: datetime) -> list[str]:
    """Return the secrets that count now, the newest first: one, or two while it is rotated."""
    numbers = [endpoint.secret_number]
    if endpoint.previous_until is not None and now < endpoint.previous_until:
        numbers.append(endpoint.secret_number - 1)
    return [secret_of(key, endpoint.id, one) for one in numbers]


def sign(secrets: Sequence[str], *, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of a webhook: its id, when it was sent, a signature by each secret."""
    signatures = [Webhook(one).sign(message_id, at, body.decode()) for one in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def judge(status: int) -> str | None:
    """Say what is wrong with an answer; None: the event was taken."""
    if 200 <= status <= 299:
        return None
    if status == GONE:
        return "answered 410: it is gone"
    if 300 <= status <= 399:
        return f"answered {status}: redirects are not followed"
    return f"answered {status}"


def wait_asked(answer: Answer, *, now: datetime) -> timedelta:
    """Return how long an endpoint that took nothing wants to be left alone, by its Retry-After."""
    said = answer.retry_after.strip()
    if answer.problem is None or not said:
        return timedelta(0)
    if said.isascii() and said.isdigit():
        # More digits than a century has seconds say nothing.
        return timedelta(seconds=int(said[:10]))
    try:
        at = parsedate_to_datetime(said)
    except ValueError:
        return timedelta(0)
    return max(timedelta(0), (at if at.tzinfo else at.replace(tzinfo=UTC)) - now)


def must_disable(
    *, is_gone: bool, any_dead: bool, failures: int, failing_since: datetime | None, now: datetime
) -> DisabledBy | None:
    """Say whether an endpoint is told nothing more. failures: in a row, of any event."""
    if is_gone:
        return DisabledBy.GONE
    if failures < TRIES_MAX or failing_since is None:
        return None
    return DisabledBy.FAILING if any_dead or now - failing_since >= FAILING_MAX else None


def rotated(endpoint: Endpoint, *, keep_hours: int, now: datetime) -> Endpoint:
    """Return an endpoint with its next secret; the one before counts for `keep_hours` more.

    Raises WebhookKeepInvalid.
    """
    if not 0 <= keep_hours <= KEEP_HOURS_MAX:
        raise WebhookKeepInvalid(hours=keep_hours, hours_max=KEEP_HOURS_MAX)
    until = now + timedelta(hours=keep_hours) if keep_hours else None
    return _changed(endpoint, secret_number=endpoint.secret_number + 1, previous_until=until)


def disabled(endpoint: Endpoint, by: DisabledBy, *, now: datetime) -> Endpoint:
    """Return an endpoint that is told of nothing."""
    return _changed(endpoint, state=EndpointState.DISABLED, disabled_by=by, disabled_at=now)


def enabled(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint that is told of events."""
    return _changed(endpoint, state=EndpointState.ACTIVE, disabled_by=None, disabled_at=None)


def drafted(endpoint: Endpoint, draft: EndpointDraft) -> Endpoint:
    """Return an endpoint as staff want it."""
    return _changed(
        endpoint, url=draft.url, events=tuple(draft.events), description=draft.description
    )


def _changed(endpoint: Endpoint, **values: object) -> Endpoint:
    fields = {name: getattr(endpoint, name) for name in endpoint.__struct_fields__}
    return Endpoint(**{**fields, **values})


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        # Reading it is what checks it.
        return parts if parts.port != 0 else None
    except ValueError:
        return None


def _url_problem(url: str, parts: SplitResult | None, networks: Sequence[Network]) -> str | None:
    if len(url) > URL_MAX:
        return f"it has {len(url):,} characters, at most {URL_MAX:,}"
    if parts is None or parts.scheme not in _PORTS or not parts.hostname:
        return "it is no web address"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "it has characters that an address is written without"
    holds_name = parts.username is not None or parts.password is not None
    if holds_name or parts.fragment:
        return "it holds a name, a password or a part behind #; receivers know us by the signature"
    if parts.scheme == "http" and not networks:
        return "it is not https"
    return _literal_problem(parts, networks)


def _literal_problem(parts: SplitResult, networks: Sequence[Network]) -> str | None:
    """Look at once at a host that is an address already."""
    host = parts.hostname or ""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return address_problem(host, scheme=parts.scheme, port=port_of(parts), networks=networks)


def _plain(at: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    mapped = at.ipv4_mapped if isinstance(at, IPv6Address) else None
    return mapped or at


def _is_public(at: IPv4Address | IPv6Address) -> bool:
    if isinstance(at, IPv6Address) and (at not in _GLOBAL or any(at in one for one in _SMUGGLED)):
        return False
    return at.is_global and not at.is_multicast and not at.is_reserved
