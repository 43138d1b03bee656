"""What a plugin declares is checked at the start; core's kinds and senders are core's."""

from typing import Any

import pytest
from core.tests.notify.postoffice import EN, MAIL, NOTE, Pigeons, kind, post_office, post_plugin

from koipond.kernel.dispatch import HookMistake, implement
from koipond.notify.types import MessageKind, MessageText, OutgoingMessage, Sent
from koipond.settings import SettingsInvalid
from koipond_sdk.testing.shop import running_shop

pytestmark = pytest.mark.one_database


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (kind("other.note"), "'other.note': its key does not begin with post. Mend it"),
        (kind("order.unpaid"), "'order.unpaid': its key does not begin with post. Mend it"),
        (
            kind("post.odd", texts={MAIL: {EN: MessageText(subject="s", body="{{ name }}")}}),
            "'post.odd': its text for email in en cannot be used: Messages of the kind post.odd "
            "have no 'name'. Use {{ … }} with one of: word. Mend it",
        ),
    ],
)
async def test_a_kind_that_could_not_be_sent_refuses_the_start(
    database_url: str, odd: MessageKind, reason: str
) -> None:
    with pytest.raises(HookMistake) as refused:
        async with post_office(database_url, kinds=(NOTE, odd)):
            raise AssertionError("it started")
    assert f"plugin post: register_messages returned the kind {reason}" in str(refused.value)


async def test_two_kinds_of_one_key_refuse_the_start(database_url: str) -> None:
    with pytest.raises(HookMistake, match="there are two of that key"):
        async with post_office(database_url, kinds=(NOTE, NOTE)):
            raise AssertionError("it started")


async def test_a_sender_with_the_key_of_cores_refuses_the_start(database_url: str) -> None:
    async def message_send(message: OutgoingMessage) -> Sent:
        return Sent()

    plugin = post_plugin(Pigeons(), {})
    changed: Any = plugin.hooks
    changed.message_send = implement(key="smtp")(message_send)
    with pytest.raises(HookMistake, match="message_send answers for 'smtp', which is core's"):
        async with running_shop(database_url, plugins=[plugin]):
            raise AssertionError("it started")


async def test_a_sender_that_there_is_not_refuses_the_start(database_url: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        async with running_shop(database_url, sms_sender="owls"):
            raise AssertionError("it started")
    assert str(refused.value) == "sms_sender: there is no sender 'owls'. There are: console"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"quiet_from": "25:00"}, "quiet_from: a time such as 22:00, or nothing"),
        ({"quiet_until": "8"}, "quiet_until: a time such as 22:00, or nothing"),
    ],
)
async def test_quiet_hours_are_times(database_url: str, given: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        async with running_shop(database_url, **given):
            raise AssertionError("it started")
