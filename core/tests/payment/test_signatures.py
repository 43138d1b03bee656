"""The signatures of notices, without a database."""

from datetime import timedelta

import pytest
from core.tests.payment.payments import NOW

from koipond.payment import rules
from koipond.payment.types import WebhookRefused

SECRET, OTHER = b"one secret", b"another one"


def test_a_signature_is_good_for_five_minutes_and_by_any_of_the_secrets() -> None:
    headers = rules.sign(b"body", event_id="evt", secret=SECRET, now=NOW)
    for late in (timedelta(minutes=-5), timedelta(0), timedelta(minutes=5)):
        found = rules.check_signature(headers, b"body", secrets=[OTHER, SECRET], now=NOW + late)
        assert found == "evt"
    other = rules.sign(b"body", event_id="evt", secret=OTHER, now=NOW)["webhook-signature"]
    both = headers | {"webhook-signature": f"{other} {headers['webhook-signature']}"}
    assert rules.check_signature(both, b"body", secrets=[SECRET], now=NOW) == "evt"


UNSIGNED = "it is not signed"
NO_TIME = "its timestamp is no number of seconds"
TOO_OLD = "it was signed too long ago, or is yet to be"
WRONG = "its signature is wrong"


@pytest.mark.parametrize(
    ("changes", "body", "words"),
    [
        ({"webhook-id": ""}, b"body", UNSIGNED),
        ({"webhook-signature": ""}, b"body", UNSIGNED),
        ({"webhook-timestamp": ""}, b"body", NO_TIME),
        ({"webhook-timestamp": "-1"}, b"body", NO_TIME),
        ({"webhook-timestamp": "9" * 12}, b"body", NO_TIME),
        ({"webhook-timestamp": "9" * 11}, b"body", TOO_OLD),
        ({"webhook-id": "other"}, b"body", WRONG),
        ({}, b"other", WRONG),
        ({"webhook-signature": "v1,AAAA"}, b"body", WRONG),
        ({"webhook-signature": "nonsense"}, b"body", WRONG),
    ],
)
def test_a_signature_that_is_not_good_is_refused(
    changes: dict[str, str], body: bytes, words: str
) -> None:
    headers = rules.sign(b"body", event_id="evt", secret=SECRET, now=NOW) | changes
    with pytest.raises(WebhookRefused, match=f"^{words}$"):
        rules.check_signature(headers, body, secrets=[SECRET], now=NOW)


@pytest.mark.parametrize(
    ("header", "words"),
    [("webhook-id", UNSIGNED), ("webhook-signature", UNSIGNED), ("webhook-timestamp", NO_TIME)],
)
def test_a_notice_without_one_of_the_headers_is_refused(header: str, words: str) -> None:
    headers = rules.sign(b"body", event_id="evt", secret=SECRET, now=NOW)
    del headers[header]
    with pytest.raises(WebhookRefused, match=f"^{words}$"):
        rules.check_signature(headers, b"body", secrets=[SECRET], now=NOW)


def test_what_stands_between_the_characters_of_a_signature_is_not_overlooked() -> None:
    headers = rules.sign(b"body", event_id="evt", secret=SECRET, now=NOW)
    version, signature = headers["webhook-signature"].split(",")
    changed = headers | {"webhook-signature": f"{version},{signature[:8]}!{signature[8:]}"}
    with pytest.raises(WebhookRefused, match=WRONG):
        rules.check_signature(changed, b"body", secrets=[SECRET], now=NOW)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_an_old_or_future_signature_is_refused(seconds: int) -> None:
    headers = rules.sign(b"body", event_id="evt", secret=SECRET, now=NOW)
    later = NOW + timedelta(seconds=seconds)
    with pytest.raises(WebhookRefused, match=TOO_OLD):
        rules.check_signature(headers, b"body", secrets=[SECRET], now=later)
