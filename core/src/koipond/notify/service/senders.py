"""Senders: core's own two, and which one carries what."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import SplitResult, unquote, urlsplit

import aiosmtplib

from koipond.kernel.clock import Clock
from koipond.kernel.context import Context
from koipond.kernel.logs import log
from koipond.notify.errors import MessageNotSent
from koipond.notify.types import Medium, OutgoingMessage, Sender, Sent
from koipond.settings import Settings, SettingsInvalid

CONSOLE, SMTP = "console", "smtp"
# Keys of core's own.
RESERVED = frozenset({CONSOLE, SMTP})
_TIMEOUT_S = 20.0
_GOODBYE_S = 2.0
_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
# A server's answers from here on are final; those below it want another try.
_FINAL = 500


def find_sender(settings: Settings, medium: Medium) -> str:
    """Return the key of who carries a medium; "" if nobody does."""
    told = {Medium.EMAIL: settings.mail_sender, Medium.SMS: settings.sms_sender}.get(medium, "")
    if told or medium is Medium.IN_APP:
        return told
    if medium is Medium.EMAIL and settings.smtp_url:
        return SMTP
    return "" if settings.production else CONSOLE


def make_senders(settings: Settings, clock: Clock) -> dict[str, Sender]:
    """Return {key: sender} of core. Raises SettingsInvalid."""
    made: dict[str, Sender] = {} if settings.production else {CONSOLE: Console()}
    if settings.smtp_url:
        made[SMTP] = Smtp(settings, clock)
    return made


def check_senders(settings: Settings, known: Mapping[str, object]) -> None:
    """Raise SettingsInvalid for a setting that names a sender which this shop has not."""
    for name, medium in (("mail_sender", Medium.EMAIL), ("sms_sender", Medium.SMS)):
        key = find_sender(settings, medium)
        if key == CONSOLE and settings.production:
            raise SettingsInvalid(
                f"{name}: `console` shows messages in the log instead of sending them, and is not "
                "for production. Leave it empty, or name a sender"
            )
        if key == SMTP and not settings.smtp_url:
            raise SettingsInvalid(f"{name}: `smtp` needs an smtp_url")
        if key == SMTP and medium is Medium.SMS:
            raise SettingsInvalid(f"{name}: `smtp` carries mail. Name a plugin's sender")
        if key and key not in known:
            there = ", ".join(sorted(known)) or "none"
            raise SettingsInvalid(f"{name}: there is no sender {key!r}. There are: {there}")


async def hand_over(ctx: Context, key: str, message: OutgoingMessage) -> Sent:
    """Give a message to a sender, in no transaction. Raises MessageNotSent and what it raises."""
    assert not ctx.in_transaction, "nobody waits for a network with locks in hand"
    own: Mapping[str, Sender] = ctx.shop.providers.get(Sender, {})
    if key in own:
        return await own[key].send(message)
    return await ctx.hooks.message_send(ctx, key, message)


class Console:
    """Shows messages in the log, for development."""

    async def send(self, message: OutgoingMessage) -> Sent:
        """Write it down."""
        log.info(
            "a message",
            to=message.address,
            by=message.medium,
            kind=message.kind,
            subject=message.subject,
            body=message.body,
        )
        return Sent(once=True)


class Smtp:
    """Hands mail to a server. That forgets what it took, so mail may come twice; see `Sent`."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Raises SettingsInvalid."""
        self._clock = clock
        self._at = _read_url(settings.smtp_url)
        self._sender = _read_sender(settings.mail_from)

    async def send(self, message: OutgoingMessage) -> Sent:
        """Hand it in. Raises MessageNotSent where the server, or the way to it, said no."""
        mail = self._write(message)
        server = self._server()
        try:
            await server.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _not_sent(error, permanent=False) from error
        try:
            await _hand_in(server, mail)
            # It has it: how the talk ends changes nothing any more.
            with suppress(aiosmtplib.SMTPException, OSError):
                await server.quit(timeout=_GOODBYE_S)
        finally:
            server.close()
        return Sent(reference=str(mail["Message-ID"]))

    def _server(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._at.hostname,
            port=self._at.port or _PORTS[self._at.scheme],
            username=unquote(self._at.username) if self._at.username else None,
            password=unquote(self._at.password) if self._at.password else None,
            use_tls=self._at.scheme == "smtps",
            start_tls=self._at.scheme == "smtp",
            timeout=_TIMEOUT_S,
        )

    def _write(self, message: OutgoingMessage) -> EmailMessage:
        """Return a message as mail. The same one has the same Message-ID each time."""
        mail = EmailMessage()
        try:
            mail["From"] = self._sender
            mail["To"] = message.address
            mail["Subject"] = message.subject
        except (ValueError, IndexError, MessageError) as error:
            raise _not_sent(error, permanent=True) from error
        mail["Date"] = format_datetime(self._clock.now())
        mail["Message-ID"] = f"<{message.id}@{self._sender.domain}>"
        # Machines that answer mail leave it alone: RFC 3834.
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.body)
        if message.html:
            mail.add_alternative(message.html, subtype="html")
        # Last: what is put in takes those that were there for its own.
        mail["Content-Language"] = message.locale
        return mail


async def _hand_in(server: aiosmtplib.SMTP, mail: EmailMessage) -> None:
    """Give mail to a server that is connected. Raises MessageNotSent if it said no."""
    try:
        await server.send_message(mail)
    except aiosmtplib.SMTPRecipientsRefused as error:
        final = all(one.code >= _FINAL for one in error.recipients)
        raise _not_sent(error, permanent=final) from error
    except aiosmtplib.SMTPResponseException as error:
        # Who may not send at all is a matter of the settings, and not of this address.
        refused = not isinstance(error, aiosmtplib.SMTPSenderRefused)
        raise _not_sent(error, permanent=refused and error.code >= _FINAL) from error
    except (aiosmtplib.SMTPNotSupported, ValueError) as error:
        raise _not_sent(error, permanent=True) from error


def _not_sent(error: Exception, *, permanent: bool) -> MessageNotSent:
    told = str(error) or type(error).__name__
    return MessageNotSent(
        reason=told.encode("utf-8", "replace").decode()[:500], permanent=permanent
    )


def _read_url(url: str) -> SplitResult:
    try:
        parsed = urlsplit(url)
        is_known = parsed.scheme in _PORTS and bool(parsed.hostname) and parsed.port != 0
    except ValueError:
        is_known = False
    # The address itself is not shown: it may hold a password.
    if not is_known:
        raise SettingsInvalid(
            "smtp_url: write it like smtp://USER:PASSWORD@HOST:587, smtps://HOST:465 or "
            "smtp+plain://HOST:25"
        )
    return parsed


def _read_sender(told: str) -> Address:
    name, address = parseaddr(told)
    try:
        sender = Address(display_name=name, addr_spec=address)
    except (ValueError, IndexError, MessageError):
        sender = Address()
    if not sender.username or not sender.domain:
        raise SettingsInvalid(
            "mail_from: with an smtp_url, say whom mail is from: `Shop <shop@example.org>`"
        )
    return sender
