"""Use-cases of asking for a message, and of looking at what became of it."""

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import MessageId, new_id
from koipond.kernel.jobs import enqueue
from koipond.kernel.pages import Page, Slice
from koipond.notify import repository, rules
from koipond.notify.errors import MessageNotRetryable, MessageUnknown
from koipond.notify.service.kinds import get_kind
from koipond.notify.types import (
    Message,
    MessageFilter,
    MessageState,
    MessageWish,
    SendMessage,
)


@transaction
async def send(ctx: Context, wish: MessageWish) -> bool:
    """Have a message sent, in the transaction of what it is for; once for each act.

    Whether it may be, and how, is decided when it is due. Returns whether it is new.
    Raises MessageKindUnknown, MessageActInvalid, MessageValueInvalid.
    """
    kind, now = get_kind(ctx, wish.kind), ctx.clock.now()
    told = rules.check_wish(kind, wish)
    ids = [MessageId(new_id()) for _ in kind.ways]
    new = rules.plan(kind, wish, told, ids, now)
    added = await repository.add(ctx.db, new)
    for one in new:
        if one.id in added:
            await await_turn(ctx, one)
    return bool(added)


@transaction
async def await_turn(ctx: Context, message: Message) -> None:
    """Have a queued message sent when it is due."""
    turn = rules.run_at(message, now=ctx.clock.now())
    # One that waits again is asked for while the job that found it too early is still at work.
    unique = f"message:{message.id}:{message.due_at.isoformat()}"
    await enqueue(ctx, SendMessage(message_id=message.id), run_at=turn, unique=unique)


async def find_message(ctx: Context, key: MessageId) -> Message | None:
    """Return a message, whosever it is: for staff and jobs."""
    async with ctx.reading() as db:
        return await repository.find(db, key)


async def find_messages(ctx: Context, wanted: MessageFilter, page: Page) -> Slice[Message]:
    """Return one page of all messages that fit, the newest first: for staff."""
    async with ctx.reading() as db:
        return await repository.find_all(db, wanted, page)


@transaction
async def retry_message(ctx: Context, key: MessageId) -> Message:
    """Send a message again that failed, from the first medium on, for as long as it is kept.

    Raises MessageUnknown, MessageNotRetryable.
    """
    if await repository.find(ctx.db, key) is None:
        raise MessageUnknown
    known = await repository.lock(ctx.db, key)
    if known.state is not MessageState.FAILED:
        raise MessageNotRetryable(state=known.state)
    kind, now = get_kind(ctx, known.kind), ctx.clock.now()
    again = rules.queued_again(known, kind, now=now)
    await repository.save(ctx.db, again)
    await await_turn(ctx, again)
    return again
