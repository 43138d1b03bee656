"""A shop that writes to its members: by pigeons, which tests count, stop and lose."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from koipond.kernel.context import Context
from koipond.kernel.dispatch import implement
from koipond.kernel.ids import MemberId, MessageId, encode
from koipond.kernel.pages import Page
from koipond.kernel.plugins import Manifest, Plugin
from koipond.kernel.texts import Locale
from koipond.kernel.viewer import Viewer, ViewerKind
from koipond.kernel.worker import Drained, Worker
from koipond.member import service as members
from koipond.member.types import Contact, MemberMessage
from koipond.notify import service as notify
from koipond.notify.types import (
    Medium,
    Message,
    MessageFilter,
    MessageKind,
    MessageText,
    OutgoingMessage,
    Purpose,
    Sent,
    Urgency,
    Variable,
)
from koipond_sdk.testing.shop import STAFF, RunningShop, running_shop

# A Thursday, at noon in London.
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MAIL, SMS, IN_APP = Medium.EMAIL, Medium.SMS, Medium.IN_APP
EN, DE = Locale("en"), Locale("de")
Flight = Callable[[OutgoingMessage], Sent]


def text(words: str, html: str = "") -> MessageText:
    return MessageText(subject="{{ word }}", body=words, html=html)


def kind(key: str, **more: Any) -> MessageKind:
    """Return a kind of message that tells one word."""
    told: dict[str, Any] = {
        "words": "A word.",
        "act": "They said one.",
        "purpose": Purpose.TRANSACTIONAL,
        "category": "post",
        "ways": ((MAIL,),),
        "variables": {"word": Variable(words="what they said")},
        "texts": {
            MAIL: {EN: text("You said {{ word }}."), DE: text("Du sagtest {{ word }}.")},
            SMS: {EN: MessageText(body="{{ word }}!")},
            IN_APP: {EN: text("Here you said {{ word }}.")},
        },
    }
    given = told | more
    media = {one for way in given["ways"] for one in way}
    given["texts"] = {one: texts for one, texts in given["texts"].items() if one in media}
    return MessageKind(key=key, **given)


NOTE = kind("post.note")
ALARM = kind("post.alarm", urgency=Urgency.URGENT)
CAMPAIGN = kind(
    "post.campaign", purpose=Purpose.MARKETING, category="marketing", urgency=Urgency.LOW
)
CHAIN = kind("post.chain", ways=((MAIL, SMS),))
HERE = kind("post.here", ways=((IN_APP,),))
BOTH = kind("post.both", ways=((MAIL, SMS), (IN_APP,)))


class Pigeons:
    """Who carries: each message that came to them, and what becomes of the next one."""

    def __init__(self) -> None:
        self.carried: list[OutgoingMessage] = []
        self.fly: Flight = lambda message: Sent(reference=f"ring {len(self.carried)}")

    async def send(self, message: OutgoingMessage) -> Sent:
        self.carried.append(message)
        return self.fly(message)

    @property
    def told(self) -> list[str]:
        """The bodies of all that they were given, in its order."""
        return [one.body for one in self.carried]


class PostOffice:
    """A shop with a plugin that has kinds of messages and carries them."""

    def __init__(self, shop: RunningShop, pigeons: Pigeons, due: dict[str, bool]) -> None:
        self.shop = shop
        self.pigeons = pigeons
        self.due = due
        self.worker = Worker(shop.shop, chance=lambda: 0.0)

    async def member(
        self, email: str | None = "lin@example.org", phone: str | None = None, *, locale: str = "en"
    ) -> MemberId:
        """Return a member who can be reached there."""
        async with self.shop.context(locale=locale) as ctx:
            return await members.ensure_buyer(ctx, Contact(name="Lin", email=email, phone=phone))

    async def agree(self, key: MemberId, *, given: bool = True) -> None:
        async with self.shop.context() as ctx:
            await members.set_consent(ctx, key, Purpose.MARKETING, given=given, source="a test")

    async def live_in(self, key: MemberId, time_zone: str) -> None:
        async with self.shop.context() as ctx:
            await members.set_time_zone(ctx, key, time_zone)

    async def ask(self, of: MessageKind, key: MemberId, act: str, **more: Any) -> bool:
        """Ask for a message whose word is its act."""
        wanted = MemberMessage(
            kind=of.key, act=act, member_id=key, **({"values": {"word": act}} | more)
        )
        async with self.shop.context() as ctx:
            return await members.send_message(ctx, wanted)

    async def work(self) -> Drained:
        return await self.worker.run_once()

    async def pass_time(self, **parts: float) -> None:
        self.shop.clock.advance(**parts)
        await self.work()

    async def messages(self) -> list[Message]:
        """Return all messages, in the order in which they were asked for."""
        async with self.shop.context(viewer=STAFF) as ctx:
            found = await notify.find_messages(ctx, MessageFilter(), Page(first=100))
        return list(found.rows)[::-1]

    async def message(self) -> Message:
        (found,) = await self.messages()
        return found

    async def states(self) -> list[str]:
        """Return where each message stands, with why it was not sent."""
        return [
            one.state if one.suppression is None else f"{one.state}: {one.suppression}"
            for one in await self.messages()
        ]

    async def graphql(
        self, document: str, key: MemberId, variables: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask as a member; returns the data, with no error at the top."""
        answer = await self.shop.graphql(document, variables, viewer=viewer(key))
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    async def staff(self, document: str, **given: Any) -> dict[str, Any]:
        """Ask as staff; returns the data, with no error at the top."""
        answer = await self.shop.graphql(document, given, viewer=STAFF, admin=True)
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data


def viewer(key: MemberId) -> Viewer:
    return Viewer(kind=ViewerKind.MEMBER, id=key)


def outside(message: Message) -> str:
    return encode(MessageId, message.id)


def post_plugin(
    pigeons: Pigeons, due: dict[str, bool], kinds: tuple[MessageKind, ...] = ()
) -> Plugin:
    """Make a plugin called post. due: {word: whether messages that tell it still are}."""

    async def still_due(ctx: Context, message: Message) -> bool:
        return due.get(message.values["word"], True)

    own = [
        msgspec.structs.replace(one, still_due=still_due)
        for one in kinds or (NOTE, ALARM, CAMPAIGN, CHAIN, HERE, BOTH)
    ]

    async def message_send(ctx: Context, message: OutgoingMessage) -> Sent:
        assert not ctx.in_transaction
        return await pigeons.send(message)

    module = ModuleType("toy_post.hooks")
    vars(module)["register_messages"] = implement()(lambda: own)
    vars(module)["message_send"] = implement(key="pigeons")(message_send)
    manifest = Manifest(name="post", version="1", api="0.1", table_prefix="post")
    return Plugin(manifest=manifest, package="toy_post", folder=Path(__file__).parent, hooks=module)


@asynccontextmanager
async def post_office(
    url: str, *, kinds: tuple[MessageKind, ...] = (), **settings: Any
) -> AsyncIterator[PostOffice]:
    """Open a post office at noon; pigeons carry mail and text messages."""
    pigeons, due = Pigeons(), dict[str, bool]()
    given = {"mail_sender": "pigeons", "sms_sender": "pigeons", **settings}
    plugin = post_plugin(pigeons, due, kinds)
    async with running_shop(url, plugins=[plugin], **given) as shop:
        shop.clock.set(NOON)
        yield PostOffice(shop, pigeons, due)
