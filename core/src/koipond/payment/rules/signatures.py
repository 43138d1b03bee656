"""Who signed a notice, and when: the scheme of standardwebhooks.com, which providers may use."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from koipond.payment.types import WebhookRefused

ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
SIGNATURE = "webhook-signature"
# A notice that is sent again is signed anew; only somebody else sends an old signature.
TOLERANCE = timedelta(minutes=5)
_VERSION = "v1,"


def sign(body: bytes, *, event_id: str, secret: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of a notice."""
    seconds = str(int(now.timestamp()))
    digest = base64.b64encode(_digest(body, event_id, seconds, secret)).decode()
    return {ID: event_id, TIMESTAMP: seconds, SIGNATURE: _VERSION + digest}


def check_signature(
    headers: Mapping[str, str], body: bytes, *, secrets: Sequence[bytes], now: datetime
) -> str:
    """Return the id of a notice that one of `secrets` signed, not long ago.

    headers: with lower-case names. secrets: more than one while a new one replaces an old one.
    Raises WebhookRefused.
    """
    event_id, seconds = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    if not event_id or not headers.get(SIGNATURE):
        raise WebhookRefused("it is not signed")
    # Eleven digits reach beyond the year 5000, twelve beyond the last that a datetime can be.
    if len(seconds) > 11 or not (seconds.isascii() and seconds.isdigit()):
        raise WebhookRefused("its timestamp is no number of seconds")
    if abs(datetime.fromtimestamp(int(seconds), UTC) - now) > TOLERANCE:
        raise WebhookRefused("it was signed too long ago, or is yet to be")
    wanted = [_digest(body, event_id, seconds, secret) for secret in secrets]
    given = [_decode(one) for one in headers[SIGNATURE].split()]
    # All are compared, so that the time it takes tells nothing.
    same = [hmac.compare_digest(one, other) for one in wanted for other in given]
    if not any(same):
        raise WebhookRefused("its signature is wrong")
    return event_id


def _digest(body: bytes, event_id: str, seconds: str, secret: bytes) -> bytes:
    return hmac.digest(secret, f"{event_id}.{seconds}.".encode() + body, hashlib.sha256)


def _decode(signature: str) -> bytes:
    try:
        return base64.b64decode(signature.removeprefix(_VERSION), validate=True)
    except ValueError:
        return b""
