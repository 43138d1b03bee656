"""Mail, handed in at a real server: taken, refused, lost, and never without encryption."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from urllib.parse import quote

import pytest
from core.tests.notify.mailserver import PASSWORD, USER, certificate, mail_server
from core.tests.notify.postoffice import (
    CHAIN,
    EN,
    MAIL,
    NOON,
    NOTE,
    PostOffice,
    kind,
    post_office,
)

from koipond.kernel.ids import MessageId, new_id
from koipond.notify.errors import MessageNotSent
from koipond.notify.service import senders
from koipond.notify.types import MessageState, MessageText, OutgoingMessage
from koipond.settings import Settings, SettingsInvalid
from koipond_sdk.testing import FakeClock

pytestmark = pytest.mark.one_database
FROM = "Koi & Söhne <shop@example.org>"


@asynccontextmanager
async def office_at(
    database_url: str, smtp_url: str, *, mail_from: str = FROM
) -> AsyncIterator[PostOffice]:
    """Open a post office that hands mail in at an address."""
    async with post_office(
        database_url, mail_sender="smtp", smtp_url=smtp_url, mail_from=mail_from
    ) as office:
        yield office


def outgoing(address: str = "lin@example.org", subject: str = "Tea") -> OutgoingMessage:
    return OutgoingMessage(
        id=MessageId(new_id()),
        kind="post.note",
        medium=MAIL,
        address=address,
        locale=EN,
        subject=subject,
        body="Hello.",
    )


def smtp_at(url: str) -> senders.Smtp:
    return senders.Smtp(Settings(smtp_url=url, mail_from=FROM), FakeClock())


async def test_mail_arrives_as_it_was_written(database_url: str) -> None:
    words = MessageText(
        subject="{{ word }} für dich", body="绿茶: {{ word }}", html="<p>{{ word }}</p>"
    )
    tea = kind("post.tea", texts={MAIL: {EN: words}})
    async with (
        mail_server() as server,
        post_office(
            database_url, kinds=(tea,), mail_sender="", smtp_url=server.url, mail_from=FROM
        ) as office,
    ):
        await office.ask(tea, await office.member(), "one", values={"word": "Tea & Cake"})
        await office.work()
        sent = await office.message()
    (mail,) = server.taken
    assert (mail["From"], mail["To"]) == (FROM, "lin@example.org")
    assert mail["Subject"] == "Tea & Cake für dich"
    assert mail["Message-ID"] == f"<{sent.id}@example.org>" == sent.reference
    assert mail["Date"].datetime == NOON
    assert (mail["Auto-Submitted"], mail["Content-Language"]) == ("auto-generated", "en")
    plain, html = mail.iter_parts()
    assert plain.get_content().splitlines() == ["绿茶: Tea & Cake"]
    assert html.get_content().splitlines() == ["<p>Tea &amp; Cake</p>"]
    assert (sent.state, sent.sender) == (MessageState.SENT, "smtp")


async def test_an_address_that_the_server_refuses_is_not_tried_again(database_url: str) -> None:
    async with mail_server() as server, office_at(database_url, server.url) as office:
        server.answers = ["550 no such mailbox"]
        await office.ask(CHAIN, await office.member(phone="+4930123456"), "hello")
        await office.work()
        sent = await office.message()
    assert server.taken == []
    assert office.pigeons.told == ["hello!"]
    assert (sent.medium.value, len(sent.tried)) == ("sms", 1)
    assert "no such mailbox" in sent.tried[0].problem


async def test_a_server_that_asks_for_patience_gets_it(database_url: str) -> None:
    async with mail_server() as server, office_at(database_url, server.url) as office:
        server.answers = ["450 try later", "451 try later"]
        await office.ask(NOTE, await office.member(), "hello")
        for _ in range(3):
            await office.pass_time(minutes=1)
        sent = await office.message()
    assert (len(server.taken), len(sent.tried)) == (1, 2)
    assert (sent.state, sent.doubtful) == (MessageState.SENT, False)


async def test_a_server_that_is_away_is_waited_for(database_url: str) -> None:
    async with mail_server() as server:
        url = server.url
    async with office_at(database_url, url) as office:
        await office.ask(NOTE, await office.member(), "hello")
        await office.work()
        waiting = await office.message()
    assert (waiting.state, waiting.attempts, waiting.doubtful) == (MessageState.QUEUED, 1, False)


@pytest.mark.slow
async def test_mail_whose_answer_got_lost_may_come_twice_and_says_so(database_url: str) -> None:
    async with mail_server() as server, office_at(database_url, server.url) as office:
        server.hangs_up = True
        await office.ask(NOTE, await office.member(), "hello")
        await office.work()
        assert await office.states() == ["sending"]
        await office.pass_time(minutes=1)
        sent = await office.message()
    assert len(server.taken) == 2
    assert server.taken[0]["Message-ID"] == server.taken[1]["Message-ID"]
    assert (sent.state, sent.doubtful) == (MessageState.SENT, True)


async def test_a_password_goes_to_a_server_that_encrypts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    async with mail_server(
        tls_context=context, require_starttls=True, auth_required=True
    ) as server:
        url = f"smtp://{USER}:{quote(PASSWORD)}@127.0.0.1:{server.port}"
        await smtp_at(url).send(outgoing())
    assert (len(server.taken), server.logins) == (1, [(USER, PASSWORD)])


async def test_nothing_is_said_to_a_server_that_does_not_encrypt() -> None:
    async with mail_server() as server:
        url = f"smtp://{USER}:{quote(PASSWORD)}@127.0.0.1:{server.port}"
        with pytest.raises(MessageNotSent, match="STARTTLS"):
            await smtp_at(url).send(outgoing())
    assert (server.taken, server.logins) == ([], [])


async def test_nothing_is_said_to_a_server_that_nobody_vouches_for(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path)
    async with mail_server(
        tls_context=context, require_starttls=True, auth_required=True
    ) as server:
        url = f"smtp://{USER}:{quote(PASSWORD)}@127.0.0.1:{server.port}"
        with pytest.raises(MessageNotSent, match="CERTIFICATE_VERIFY_FAILED"):
            await smtp_at(url).send(outgoing())
    assert (server.taken, server.logins) == ([], [])


@pytest.mark.parametrize(
    "message",
    [
        outgoing("lin@example.org\r\nBcc: all@example.org"),
        outgoing("not an address"),
        outgoing(subject="Tea\r\nBcc: all@example.org"),
    ],
)
async def test_no_header_is_smuggled_in(message: OutgoingMessage) -> None:
    async with mail_server() as server:
        with pytest.raises(MessageNotSent) as refused:
            await smtp_at(server.url).send(message)
    assert refused.value.permanent
    assert server.taken == []


@pytest.mark.slow
async def test_a_server_that_hangs_holds_up_nothing_else(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    monkeypatch.setattr(senders, "_TIMEOUT_S", 0.3)
    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with silent:
        port = silent.sockets[0].getsockname()[1]
        async with office_at(database_url, f"smtp+plain://127.0.0.1:{port}") as office:
            lin = await office.member(email="lin@example.org")
            ana = await office.member(email=None, phone="+4930123456")
            await office.ask(NOTE, lin, "mail")
            await office.ask(CHAIN, ana, "text")
            await office.work()
            assert office.pigeons.told == ["text!"]
            assert await office.states() == ["queued", "sent"]
            (tried,) = (await office.messages())[0].tried
    assert "Timed out" in tried.problem


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"smtp_url": "mail.example.org"}, "smtp_url: write it like smtp://"),
        ({"smtp_url": "http://mail.example.org"}, "smtp_url: write it like smtp://"),
        ({"smtp_url": "smtp://h:x"}, "smtp_url: write it like smtp://"),
        ({"smtp_url": "smtp://h"}, "mail_from: with an smtp_url, say whom mail is from"),
        ({"smtp_url": "smtp://h", "mail_from": "Shop"}, "mail_from: with an smtp_url"),
        ({"mail_sender": "smtp"}, "mail_sender: `smtp` needs an smtp_url"),
        ({"mail_sender": "owls"}, "mail_sender: there is no sender 'owls'. There are: console"),
        (
            {"sms_sender": "smtp", "smtp_url": "smtp://h", "mail_from": FROM},
            "sms_sender: `smtp` carries mail",
        ),
        (
            {"mail_sender": "console", "production": True, "secret": token_hex(32)},
            "mail_sender: `console` shows messages in the log instead of sending them",
        ),
    ],
)
def test_a_setting_that_nothing_could_be_sent_by_refuses_the_start(
    given: dict[str, str], reason: str
) -> None:
    settings = Settings(**given)  # type: ignore[arg-type]  # of many types
    with pytest.raises(SettingsInvalid) as refused:
        senders.check_senders(settings, senders.make_senders(settings, FakeClock()))
    assert str(refused.value).startswith(reason)
    assert "http" not in str(refused.value)
