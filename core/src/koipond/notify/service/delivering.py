"""Use-cases of sending what is due: decided in a transaction, handed over in none.

QUEUED --admitted--> SENDING --the sender's answer--> SENT
   ^                    |
   +-- surely not sent -+   no answer: the same message comes again, with the same id
"""

from collections.abc import Mapping
from datetime import time, timedelta

from msgspec import Struct

from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import DomainError
from koipond.kernel.faults import crash_point
from koipond.kernel.ids import MessageId
from koipond.kernel.logs import log
from koipond.notify import repository, rules
from koipond.notify.errors import MessageNotSent
from koipond.notify.service.kinds import find_kinds, find_staff_texts
from koipond.notify.service.senders import find_sender, hand_over
from koipond.notify.service.sending import await_turn, find_message
from koipond.notify.types import (
    Medium,
    Message,
    MessageKind,
    MessageState,
    OutgoingMessage,
    Preferences,
    Sent,
    Suppression,
    Template,
)

_OPEN = {MessageState.QUEUED, MessageState.SENDING}


class _Wording(Struct, frozen=True, kw_only=True):
    """What its reader's words depend on. secrets: what its kind told of itself just now."""

    time_zone: str | None
    secrets: Mapping[str, str]


async def deliver(ctx: Context, key: MessageId, preferences: Preferences) -> None:
    """Send a message, if it is due and may be; in no transaction.

    preferences: what its member wants now. Raises what its sender raises, to be called again.
    """
    while outgoing := await _take(ctx, key, preferences):
        crash_point("message.admitted")
        sender = find_sender(ctx.settings, outgoing.medium)
        try:
            sent = await hand_over(ctx, sender, outgoing)
        except MessageNotSent as error:
            again = await _take_back(ctx, key, error)
            # By its next medium it is tried at once, by the same one later.
            if again.state is MessageState.QUEUED and again.medium is outgoing.medium:
                raise
            continue
        crash_point("message.sent.before_noted")
        await _note_sent(ctx, key, sent)
        return


async def _take(ctx: Context, key: MessageId, preferences: Preferences) -> OutgoingMessage | None:
    """Admit a message; None if it is not to be handed to anybody now."""
    known = await find_message(ctx, key)
    if known is None or known.state not in _OPEN:
        return None
    kind = find_kinds(ctx).get(known.kind)
    is_due = kind is None or kind.still_due is None or await kind.still_due(ctx, known)
    secrets: Mapping[str, str] = {}
    if is_due and kind is not None and kind.tell_secrets is not None:
        secrets = await kind.tell_secrets(ctx, known)
    return await _admit(ctx, key, kind, preferences, is_due=is_due, secrets=secrets)


@transaction
async def _admit(
    ctx: Context,
    key: MessageId,
    kind: MessageKind | None,
    preferences: Preferences,
    *,
    is_due: bool,
    secrets: Mapping[str, str],
) -> OutgoingMessage | None:
    # Of one member's messages one is admitted at a time: each counts those before it.
    await repository.lock_box(ctx.db, await repository.find_member(ctx.db, key))
    known = await repository.lock(ctx.db, key)
    if known.state not in _OPEN:
        return None
    if kind is None:
        await repository.save(ctx.db, rules.settle(known, Suppression.KIND_UNKNOWN))
        return None
    if known.attempts >= rules.ATTEMPTS_MAX:
        await repository.save(ctx.db, rules.fail(known, "its sender never answered"))
        return None
    situation = await _look_around(ctx, known, kind, preferences, is_due=is_due)
    match rules.decide(known, situation):
        case Suppression() as decision:
            await repository.save(ctx.db, rules.settle(known, decision))
        case rules.Wait(until):
            waiting = rules.postpone(known, until)
            await repository.save(ctx.db, waiting)
            await await_turn(ctx, waiting)
        case rules.Go(medium):
            words = _Wording(time_zone=preferences.time_zone, secrets=secrets)
            return await _go(ctx, known, kind, medium, words)
    return None


async def _look_around(
    ctx: Context, known: Message, kind: MessageKind, preferences: Preferences, *, is_due: bool
) -> rules.Situation:
    now = ctx.clock.now()
    media = tuple(
        one
        for one in rules.remaining(kind, known)
        if known.to.address(one) is not None
        and (one is Medium.IN_APP or find_sender(ctx.settings, one))
    )
    return rules.Situation(
        now=now,
        preferences=preferences,
        media=media,
        is_due=is_due,
        quiet=_quiet_hours(ctx),
        counts=await _count(ctx, known, media[:1]),
    )


async def _count(
    ctx: Context, known: Message, media: tuple[Medium, ...]
) -> Mapping[rules.Cap, int]:
    counts = {}
    for told in ctx.settings.message_caps:
        cap = rules.Cap(
            category=told.category,
            medium=Medium(told.medium),
            messages=told.messages,
            window=timedelta(hours=told.hours),
        )
        if cap.category == known.category and cap.medium in media:
            since = ctx.clock.now() - cap.window
            counts[cap] = await repository.count_admitted(ctx.db, known, cap.medium, since=since)
    return counts


def _quiet_hours(ctx: Context) -> rules.QuietHours | None:
    start, end = ctx.settings.quiet_from, ctx.settings.quiet_until
    if not start or not end:
        return None
    return rules.QuietHours(start=time.fromisoformat(start), end=time.fromisoformat(end))


class _Words(Struct, frozen=True, kw_only=True):
    """A message in words: as it goes out, and as it is kept, which tells no secrets."""

    template: Template
    told: rules.Filled
    kept: rules.Filled


async def _go(
    ctx: Context, known: Message, kind: MessageKind, medium: Medium, words: _Wording
) -> OutgoingMessage | None:
    """Fill in a message and store that it is on its way."""
    staff = await find_staff_texts(ctx)
    template = rules.choose_text(kind, medium, known.to.locales, staff)
    try:
        filled = _fill(kind, template, known, words)
    except DomainError as error:
        # Staff's cannot be: its kind may have changed since.
        log.error("a template of staff cannot be filled in", kind=kind.key, problem=str(error))
        filled = _fill(kind, rules.choose_text(kind, medium, known.to.locales), known, words)
    version = filled.template.version
    going = rules.admit(known, medium, filled.kept, version, now=ctx.clock.now())
    if medium is Medium.IN_APP:
        place = await repository.count_up(ctx.db, known.member_id)
        await repository.save(ctx.db, rules.put(going, place))
        return None
    sender = find_sender(ctx.settings, medium)
    await repository.save(ctx.db, rules.hand_to(going, sender))
    address = known.to.address(medium)
    assert address is not None, "a medium without an address is not chosen"
    return OutgoingMessage(
        id=known.id,
        kind=known.kind,
        medium=medium,
        address=address,
        locale=filled.template.locale,
        subject=filled.told.subject,
        body=filled.told.body,
        html=filled.told.html,
    )


def _fill(kind: MessageKind, template: Template, known: Message, words: _Wording) -> _Words:
    """Fill in a template. Raises TemplateInvalid."""
    told, kept = (
        rules.fill(
            kind,
            template.text,
            {**known.values, **secrets},
            locale=template.locale,
            time_zone=words.time_zone or known.to.time_zone,
        )
        for secrets in (words.secrets, dict.fromkeys(words.secrets, rules.DOTS))
    )
    return _Words(template=template, told=told, kept=kept)


@transaction
async def _take_back(ctx: Context, key: MessageId, error: MessageNotSent) -> Message:
    known = await repository.lock(ctx.db, key)
    if known.state is not MessageState.SENDING:
        return known
    kind = find_kinds(ctx).get(known.kind)
    now = ctx.clock.now()
    back = rules.come_back(known, kind, error.reason, permanent=error.permanent, now=now)
    await repository.save(ctx.db, back)
    return back


@transaction
async def _note_sent(ctx: Context, key: MessageId, sent: Sent) -> None:
    known = await repository.lock(ctx.db, key)
    if known.state is MessageState.SENDING:
        await repository.save(ctx.db, rules.arrive(known, sent, now=ctx.clock.now()))
