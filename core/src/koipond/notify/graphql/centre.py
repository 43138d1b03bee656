"""The message centre: what members read in the shop, as it comes."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import strawberry

from koipond.kernel.ids import MessageId, decode
from koipond.kernel.schema import MEMBER, Info, UserError, mutation, subscription
from koipond.notify import service, types
from koipond.notify.graphql.types import Message


@strawberry.input
class MarkMessagesReadInput:
    message_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Left out: all of them"
    )


@strawberry.type
class MarkMessagesReadPayload:
    unread_messages: int | None = strawberry.field(
        default=None, description="How many are still unread"
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type(description="What is new in a member's message centre.")
class MessageNews:
    unread_messages: int
    messages: list[Message] = strawberry.field(description="What has just come, in its order")

    @classmethod
    def of(cls, found: types.MessageNews) -> "MessageNews":
        """Wrap news."""
        return cls(
            unread_messages=found.unread, messages=[Message.of(one) for one in found.messages]
        )


@strawberry.type
class CentreMutations:
    @mutation(MEMBER)
    async def mark_messages_read(
        self, info: Info, input: MarkMessagesReadInput
    ) -> MarkMessagesReadPayload:
        """Note that you have read messages."""
        member_id = info.context.viewer.member_id
        assert member_id is not None, "MEMBER has seen to it"
        keys = None
        if input.message_ids is not None:
            keys = [decode(MessageId, one) for one in input.message_ids]
        left = await service.mark_read(info.context, member_id, keys)
        return MarkMessagesReadPayload(unread_messages=left)


@strawberry.type
class CentreSubscriptions:
    @subscription(MEMBER)
    async def message_news(self, info: Info) -> AsyncGenerator[MessageNews, None]:
        """How many messages of yours are unread: at once, and whenever one comes or is read."""
        member_id = info.context.viewer.member_id
        assert member_id is not None, "MEMBER has seen to it"
        async with aclosing(service.follow(info.context, member_id)) as news:
            async for one in news:
                yield MessageNews.of(one)
