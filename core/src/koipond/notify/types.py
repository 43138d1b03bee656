"""Messages, seen from outside."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Protocol
from uuid import UUID

from msgspec import Struct

from koipond.kernel.ids import MemberId, MessageId
from koipond.kernel.jobs import Job
from koipond.kernel.money import Money
from koipond.kernel.texts import Locale

ACT_MAX = 200
KEY_MAX = 80


class Medium(StrEnum):
    """By what a message reaches somebody. IN_APP: it is read in the shop itself."""

    EMAIL = "email"
    SMS = "sms"
    IN_APP = "in_app"


class Purpose(StrEnum):
    """Why somebody is written to. TRANSACTIONAL needs no consent, MARKETING does."""

    TRANSACTIONAL = "transactional"
    MARKETING = "marketing"


class Urgency(StrEnum):
    """Which of several waiting messages goes first. URGENT passes quiet hours."""

    URGENT = "urgent"
    NORMAL = "normal"
    LOW = "low"


class MessageState(StrEnum):
    """Where a message stands; what may follow what stands in rules.MESSAGE_MOVES.

    SENDING: a sender was asked, and has not answered yet. Nothing follows the last three by itself.
    """

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    SUPPRESSED = "suppressed"
    FAILED = "failed"


class Suppression(StrEnum):
    """Why a message was not sent, though nothing failed."""

    # The member has not agreed to messages of this purpose, or does no more.
    NO_CONSENT = "no_consent"
    # The member has had as many of this category as the shop allows itself.
    CAPPED = "capped"
    # What it is about has changed since: an order that is to be paid was paid.
    STALE = "stale"
    # It came too late to be of use.
    EXPIRED = "expired"
    # There is no address for any of its media, or no sender.
    NO_WAY = "no_way"
    # The plugin whose kind it is does not run any more.
    KIND_UNKNOWN = "kind_unknown"


class VariableKind(StrEnum):
    """What a variable of a template holds. There is none for what members wrote themselves."""

    # The shop's own words, a number or a code: one line.
    TEXT = "text"
    # A web address.
    LINK = "link"
    # Money: written as the reader's language does.
    MONEY = "money"
    # An instant: written in the reader's time zone and language.
    TIME = "time"


class Variable(Struct, frozen=True, kw_only=True):
    """Something that a message tells. words: what it is. optional: it may be left out, as "".

    secret: only its reader may see it, such as a code to log in by: `tell_secrets` of the kind says
    it as the message is sent, and what is kept of that has dots in its place.
    """

    words: str
    kind: VariableKind = VariableKind.TEXT
    optional: bool = False
    secret: bool = False


class MessageText(Struct, frozen=True, kw_only=True):
    """A template in one language. html: beside the body, for mail; may be empty."""

    subject: str = ""
    body: str
    html: str = ""


Value = str | Money | datetime
Values = Mapping[str, Value]
StillDue = Callable[[Any, "Message"], Awaitable[bool]]
TellSecrets = Callable[[Any, "Message"], Awaitable[Mapping[str, str]]]


class MessageKind(Struct, frozen=True, kw_only=True):
    """A message that the shop sends for one kind of act, by core or by a plugin.

    key: `order.unpaid`; a plugin's begins with its name and a dot. words: what it is; act: what
    somebody did, for which it is sent. category: what the caps count together.
    ways: chains of media; of each chain the first that works is taken, all chains are used.
    keep: how long after it is due it is worth sending. texts: {medium: {locale: template}}.
    still_due: asked right before it is sent, with a Context; False: it is STALE. tell_secrets:
    asked then too, for what its secret variables hold.
    """

    key: str
    words: str
    act: str
    purpose: Purpose
    category: str
    urgency: Urgency = Urgency.NORMAL
    ways: tuple[tuple[Medium, ...], ...] = ((Medium.EMAIL, Medium.SMS), (Medium.IN_APP,))
    keep: timedelta = timedelta(days=2)
    variables: Mapping[str, Variable] = {}
    texts: Mapping[Medium, Mapping[Locale, MessageText]]
    still_due: StillDue | None = None
    tell_secrets: TellSecrets | None = None

    @property
    def secrets(self) -> list[str]:
        """The names of its secret variables."""
        return [name for name, one in self.variables.items() if one.secret]


class Recipient(Struct, frozen=True, kw_only=True):
    """To whom. locales: what they read, the wanted language first. time_zone: unless they said."""

    member_id: MemberId
    email: str | None = None
    phone: str | None = None
    locales: tuple[Locale, ...]
    time_zone: str = "UTC"

    def address(self, medium: Medium) -> str | None:
        """Return where a medium reaches them; in the shop that is nowhere in particular."""
        known = {Medium.EMAIL: self.email, Medium.SMS: self.phone, Medium.IN_APP: ""}
        return known[medium]


class MessageWish(Struct, frozen=True, kw_only=True):
    """A message as it is asked for, once for each act.

    act: what was done, by a key of its own such as "order.placed:ord_…". about: the id of what it
    is about, for `still_due`. due_at: not before; None is now.
    """

    kind: str
    act: str
    to: Recipient
    values: Values = {}
    about: UUID | None = None
    due_at: datetime | None = None


class Preferences(Struct, frozen=True, kw_only=True):
    """What a member wants, as it is now. time_zone: None if they have not said."""

    consents: frozenset[Purpose] = frozenset()
    time_zone: str | None = None


class Tried(Struct, frozen=True, kw_only=True):
    """An attempt that came to nothing."""

    medium: Medium
    at: datetime
    problem: str


class Message(Struct, frozen=True, kw_only=True):
    """A message as it is kept, whether it was sent or not.

    way: which of its kind's chains it goes. due_at: when it may be sent. admitted_at: when it was
    last given to a sender; from then on the caps count it. sender: which one; reference: what that
    calls it. place: where it stands in the message centre, later ones higher. doubtful: a sender
    that does not know messages by their id was asked again after its answer got lost, so it may
    have arrived twice. version: of staff's template, 0 is core's or the plugin's own.
    """

    id: MessageId
    kind: str
    act: str
    way: int
    member_id: MemberId
    purpose: Purpose
    category: str
    urgency: Urgency
    medium: Medium
    to: Recipient
    values: Mapping[str, Any]
    about: UUID | None
    state: MessageState
    suppression: Suppression | None = None
    problem: str = ""
    tried: tuple[Tried, ...] = ()
    attempts: int = 0
    doubtful: bool = False
    subject: str = ""
    body: str = ""
    version: int = 0
    sender: str = ""
    reference: str = ""
    due_at: datetime
    expires_at: datetime
    admitted_at: datetime | None = None
    sent_at: datetime | None = None
    place: int | None = None
    read_at: datetime | None = None
    created_at: datetime


class MessageFilter(Struct, frozen=True, kw_only=True):
    """Which messages staff want to see; what is None does not matter."""

    member_id: MemberId | None = None
    kind: str | None = None
    state: MessageState | None = None


class MessageNews(Struct, frozen=True, kw_only=True):
    """What is new for a member: how many messages are unread, and those that have just come."""

    unread: int
    messages: tuple[Message, ...] = ()


class StaffText(Struct, frozen=True, kw_only=True):
    """A template that staff wrote in the place of the built-in one. version: counts the changes."""

    kind: str
    medium: Medium
    locale: Locale
    text: MessageText
    version: int
    changed_at: datetime


class Template(Struct, frozen=True, kw_only=True):
    """The template in force for a kind, medium and language. version: 0 is the built-in one."""

    medium: Medium
    locale: Locale
    text: MessageText
    version: int = 0
    changed_at: datetime | None = None


class TemplateDraft(Struct, frozen=True, kw_only=True):
    """A template as staff write it. expected_version: of the one that they saw, 0 is built in."""

    kind: str
    medium: Medium
    locale: str
    text: MessageText
    expected_version: int


class OutgoingMessage(Struct, frozen=True, kw_only=True):
    """A message as a sender gets it. id: the same each time that this message is sent."""

    id: MessageId
    kind: str
    medium: Medium
    address: str
    locale: Locale
    subject: str
    body: str
    html: str = ""


class Sent(Struct, frozen=True, kw_only=True):
    """A sender's answer. reference: what it calls the message.

    once: it knows messages by their id, so that one which was sent already is not sent again.
    """

    reference: str = ""
    once: bool = False


class Sender(Protocol):
    """Hands messages of a medium over to whoever carries them.

    Raises MessageNotSent for what surely was not sent; after anything else nobody knows, and the
    same message comes again.
    """

    async def send(self, message: OutgoingMessage) -> Sent:
        """Send a message, in no transaction; up to 30 s."""
        ...


class PruneMessages(Job, frozen=True, kw_only=True):
    """Drop messages that were kept long enough."""

    may_cancel: ClassVar[bool] = True


class SendMessage(Job, frozen=True, kw_only=True):
    """Send a message that is due, if it still is."""

    message_id: MessageId
