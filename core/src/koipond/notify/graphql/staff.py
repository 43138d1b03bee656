"""What staff see of messages, and the templates that they write."""

from datetime import datetime
from uuid import UUID

import strawberry

from koipond.kernel.ids import MemberId, MessageId, decode, encode
from koipond.kernel.pages import FIRST_DEFAULT, page
from koipond.kernel.schema import (
    Connection,
    Info,
    UserError,
    batch,
    connect,
    mutation,
    needs,
    query,
)
from koipond.notify import service, types
from koipond.notify.graphql.types import Message
from koipond.notify.types import (
    Medium,
    MessageState,
    MessageText,
    Purpose,
    Suppression,
    TemplateDraft,
    Urgency,
    VariableKind,
)

for _enum in (Medium, MessageState, Purpose, Suppression, Urgency, VariableKind):
    strawberry.enum(_enum)

READ = needs("message.read")
WRITE = needs("message.write")


@strawberry.type(description="An attempt to send a message that came to nothing.")
class MessageAttempt:
    medium: Medium
    at: datetime
    problem: str


@strawberry.type(description="How a message stands, as staff see it.")
class MessageProgress:
    state: MessageState
    suppression: Suppression | None = strawberry.field(description="Why it was not sent")
    problem: str = strawberry.field(description="Why it failed")
    medium: Medium
    sender: str
    reference: str = strawberry.field(description="What the sender calls it")
    doubtful: bool = strawberry.field(
        description="A sender's answer got lost, and it was sent again: it may have come twice"
    )
    tried: list[MessageAttempt]
    due_at: datetime
    expires_at: datetime


@strawberry.type
class StaffMessage:
    @batch
    @staticmethod
    async def member_id(parents: list[Message], info: Info) -> list[strawberry.ID]:
        """To whom."""
        return [strawberry.ID(encode(MemberId, one.found.member_id)) for one in parents]

    @batch
    @staticmethod
    async def act(parents: list[Message], info: Info) -> list[str]:
        """What was done, for which it was sent."""
        return [parent.found.act for parent in parents]

    @batch
    @staticmethod
    async def progress(parents: list[Message], info: Info) -> list[MessageProgress]:
        """How it stands."""
        return [_progress(parent.found) for parent in parents]


def _progress(found: types.Message) -> MessageProgress:
    return MessageProgress(
        state=found.state,
        suppression=found.suppression,
        problem=found.problem,
        medium=found.medium,
        sender=found.sender,
        reference=found.reference,
        doubtful=found.doubtful,
        tried=[
            MessageAttempt(medium=one.medium, at=one.at, problem=one.problem) for one in found.tried
        ],
        due_at=found.due_at,
        expires_at=found.expires_at,
    )


@strawberry.type(description="Something that messages of a kind tell.")
class MessageVariable:
    name: str
    words: str
    kind: VariableKind
    optional: bool


@strawberry.type(description="The template in force for a medium and a language.")
class MessageTemplate:
    medium: Medium
    locale: str
    subject: str
    body: str
    html: str
    version: int = strawberry.field(description="0 is the built-in one; staff's count from 1")
    changed_at: datetime | None

    @classmethod
    def of(cls, found: types.Template) -> "MessageTemplate":
        """Wrap a template."""
        return cls(
            medium=found.medium,
            locale=found.locale,
            subject=found.text.subject,
            body=found.text.body,
            html=found.text.html,
            version=found.version,
            changed_at=found.changed_at,
        )


@strawberry.type(description="A kind of message that this shop sends.")
class MessageKind:
    found: strawberry.Private[types.MessageKind]
    key: str
    words: str
    act: str = strawberry.field(description="What somebody does, for which it is sent")
    purpose: Purpose
    category: str
    urgency: Urgency
    ways: list[list[Medium]] = strawberry.field(
        description="Of each list the first medium is taken that works"
    )
    variables: list[MessageVariable]

    @classmethod
    def of(cls, found: types.MessageKind) -> "MessageKind":
        """Wrap a kind."""
        variables = [
            MessageVariable(name=name, words=one.words, kind=one.kind, optional=one.optional)
            for name, one in found.variables.items()
        ]
        return cls(
            found=found,
            key=found.key,
            words=found.words,
            act=found.act,
            purpose=found.purpose,
            category=found.category,
            urgency=found.urgency,
            ways=[list(way) for way in found.ways],
            variables=variables,
        )

    @batch
    @staticmethod
    async def templates(parents: list["MessageKind"], info: Info) -> list[list[MessageTemplate]]:
        """The templates in force."""
        found = await service.find_templates(info.context, [one.found for one in parents])
        return [[MessageTemplate.of(one) for one in templates] for templates in found]


@strawberry.input
class MessageFilter:
    member_id: strawberry.ID | None = None
    kind: str | None = None
    state: MessageState | None = None


@strawberry.input
class SetMessageTemplateInput:
    kind: str
    medium: Medium
    locale: str
    subject: str = ""
    body: str
    html: str = strawberry.field(default="", description="Of mail, beside its body")
    expected_version: int = strawberry.field(description="As you have seen it; 0 is the built-in")


@strawberry.input
class ResetMessageTemplateInput:
    kind: str
    medium: Medium
    locale: str
    expected_version: int


@strawberry.input
class RetryMessageInput:
    message_id: strawberry.ID


@strawberry.type
class SetMessageTemplatePayload:
    template: MessageTemplate | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class ResetMessageTemplatePayload:
    templates: list[MessageTemplate] | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class RetryMessagePayload:
    message: Message | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class StaffMessageQueries:
    @query(READ)
    async def messages(
        self,
        info: Info,
        first: int | None = FIRST_DEFAULT,
        after: str | None = None,
        filter: MessageFilter | None = None,  # the field's name
    ) -> Connection[Message]:
        """Every message, also those that were not sent; the newest first."""
        given = filter or MessageFilter()
        wanted = types.MessageFilter(
            member_id=None if given.member_id is None else decode(MemberId, given.member_id),
            kind=given.kind,
            state=given.state,
        )
        found = await service.find_messages(info.context, wanted, page(first, after, shape=(UUID,)))
        return connect(found, Message.of, behind=after is not None)

    @query(READ)
    async def message_kinds(self, info: Info) -> list[MessageKind]:
        """Every kind of message that this shop sends, by its key."""
        found = service.find_kinds(info.context)
        return [MessageKind.of(found[key]) for key in sorted(found)]


@strawberry.type
class StaffMessageMutations:
    @mutation(WRITE)
    async def set_message_template(
        self, info: Info, input: SetMessageTemplateInput
    ) -> SetMessageTemplatePayload:
        """Write a template in the place of the one in force."""
        draft = TemplateDraft(
            kind=input.kind,
            medium=input.medium,
            locale=input.locale,
            text=MessageText(subject=input.subject, body=input.body, html=input.html),
            expected_version=input.expected_version,
        )
        kept = await service.set_template(info.context, draft)
        return SetMessageTemplatePayload(template=MessageTemplate.of(kept))

    @mutation(WRITE)
    async def reset_message_template(
        self, info: Info, input: ResetMessageTemplateInput
    ) -> ResetMessageTemplatePayload:
        """Take staff's template away; the built-in one holds again."""
        left = await service.reset_template(
            info.context,
            input.kind,
            input.medium,
            input.locale,
            expected_version=input.expected_version,
        )
        return ResetMessageTemplatePayload(templates=[MessageTemplate.of(one) for one in left])

    @mutation(WRITE)
    async def retry_message(self, info: Info, input: RetryMessageInput) -> RetryMessagePayload:
        """Send a message again that failed."""
        again = await service.retry_message(info.context, decode(MessageId, input.message_id))
        return RetryMessagePayload(message=Message.of(again))
