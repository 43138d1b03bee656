"""Use-cases of members."""

from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import replace

from koipond.channel.types import Source
from koipond.kernel.context import Context, transaction
from koipond.kernel.editions import Kept, count_up
from koipond.kernel.errors import check_version
from koipond.kernel.ids import MemberId, encode, new_id
from koipond.kernel.questions import Question
from koipond.kernel.texts import Locale
from koipond.kernel.texts import locale as parse_locale
from koipond.member import repository, rules
from koipond.member.errors import MemberGroupUnknown, MemberUnknown
from koipond.member.events import MemberCreated
from koipond.member.repository import carrying
from koipond.member.types import (
    Consent,
    Contact,
    Member,
    MemberCard,
    MemberDraft,
    MemberGroup,
    MemberMessage,
    MemberRow,
    Reward,
    ToldMember,
)
from koipond.notify import service as notify
from koipond.notify.errors import MessageUnknown
from koipond.notify.types import MessageWish, Preferences, Purpose, Recipient, SendMessage
from koipond.plugin.service import check_reward_kind


@transaction
async def ensure_buyer(ctx: Context, contact: Contact, *, source: Source | None = None) -> MemberId:
    """Return whose purchase this is: the logged-in member, else the guest of this contact.

    A guest is made at the first order and found again by the same e-mail address or phone number.
    Somebody's registered account is never found by an address that the buyer merely typed.
    source: from where they come, which of a new guest is the first time.
    """
    found = await asking_buyer(ctx, contact, hold=True).ask(ctx.db)
    return add_buyer(ctx, contact, found, source=source)


def asking_buyer(ctx: Context, contact: Contact, *, hold: bool) -> Question[MemberId | None]:
    """Ask whose purchase this is, together with something else; `add_buyer` wants the answer.

    hold: keep them from being merged until the transaction ends.
    """
    if ctx.viewer.member_id is not None:
        return carrying.asking_who(ctx.viewer.member_id, hold=hold)
    return repository.asking_guest(contact.identities, hold=hold)


def add_buyer(
    ctx: Context, contact: Contact, found: MemberId | None, *, source: Source | None = None
) -> MemberId:
    """Return the buyer who was asked for; a guest whom nobody knew is stored with the order."""
    if ctx.viewer.member_id is not None:
        return found or ctx.viewer.member_id
    key = found
    if key is None:
        key = MemberId(new_id())
        repository.add(
            ctx.unsent,
            key=key,
            name=contact.name,
            locale=ctx.scope.locales[0],
            source=source,
            now=ctx.clock.now(),
        )
        ctx.emit(MemberCreated(member_id=key))
    repository.add_identities(ctx.unsent, key, contact.identities)
    return key


@transaction
async def import_members(
    ctx: Context, drafts: Sequence[MemberDraft], *, locale: Locale, only_new: bool = False
) -> list[ToldMember]:
    """Find everyone of a file by what they are known by, or make them guests, telling nobody.

    Of a member who is known, what the file says of name, language, zone and groups becomes so, and
    what they were not known by yet is added. An identity that is somebody else's stays theirs: the
    strongest decides. locale: of new ones who told none. only_new: known ones stay as they are.
    One answer per draft, in order.
    Raises MemberGroupUnknown, TimeZoneUnknown.
    """
    for code in sorted({code for draft in drafts for code in draft.groups}):
        await check_group(ctx, code)
    for zone in sorted({draft.time_zone for draft in drafts if draft.time_zone is not None}):
        rules.check_time_zone(zone)
    every = [one for draft in drafts for one in draft.identities]
    owners = await repository.find_known(ctx.db, every)
    plan = rules.plan_members(drafts, owners, new_id=new_id, first_wins=only_new)
    known = set() if only_new else set(plan.keys) - plan.new.keys()
    told = await repository.find_told(ctx.db, known)
    changed = rules.find_changed(drafts, plan.keys, told)
    await repository.add_many(ctx.db, plan.new, locale=locale, now=ctx.clock.now())
    await repository.add_known(ctx.db, plan.known)
    await repository.tell_many(ctx.db, changed)
    for key, draft in zip(plan.keys, drafts, strict=True):
        await repository.join(ctx.db, key, draft.groups)
    return rules.tell_plan(plan, changed)


async def find_rows(ctx: Context, *, behind: MemberId | None, most: int) -> list[MemberRow]:
    """Return members by id behind one, at most so many: for who reads all of them in turn."""
    async with ctx.reading() as db:
        found = await repository.find_rows(db, behind, most)
        groups = await repository.find_groups_of(db, [one.id for one in found])
    return [replace(one, groups=groups.get(one.id, frozenset())) for one in found]


async def find_external(
    ctx: Context, keys: Collection[MemberId], *, source: str
) -> Mapping[MemberId, str]:
    """Return {member: what `source` calls them, behind its name and a colon} of those it knows."""
    async with ctx.reading() as db:
        return await repository.find_external(db, keys, source) if keys else {}


async def find_sources(ctx: Context, keys: Collection[MemberId]) -> Mapping[MemberId, Source]:
    """Return {member: from where they first came} of those of whom it is known."""
    async with ctx.reading() as db:
        return await repository.find_sources(db, keys) if keys else {}


async def find_member(ctx: Context, key: MemberId) -> Member | None:
    """Return a member, or None."""
    async with ctx.reading() as db:
        return await repository.find(db, key)


def card_of(found: Member) -> MemberCard:
    """Return what everybody may see of a member."""
    return MemberCard(name=rules.shorten_name(found.name))


async def find_by_address(ctx: Context, address: str) -> MemberId:
    """Return the member known by an e-mail address or phone number. Raises MemberUnknown."""
    async with ctx.reading() as db:
        found = await repository.find_by_identity(db, address.strip().lower())
    if found is None:
        raise MemberUnknown(member=address)
    return found


@transaction
async def grant_reward(ctx: Context, reward: Reward) -> None:
    """Give a member a reward, in the transaction of what it is for; once for each source.

    Raises RewardKindUnknown, PluginFailed.
    """
    check_reward_kind(ctx, reward.kind)
    await ctx.hooks.reward_grant(ctx, reward)


async def _read_groups(ctx: Context) -> Mapping[str, MemberGroup]:
    async with ctx.reading() as db:
        return await repository.find_groups(db)


_GROUPS = "member_groups"
_KEPT: Kept[Mapping[str, MemberGroup]] = Kept(_GROUPS, read=_read_groups, empty={})


async def find_groups(ctx: Context) -> Mapping[str, MemberGroup]:
    """Return {code: group}, by their codes."""
    return await _read_groups(ctx)


async def find_groups_of(
    ctx: Context, keys: Collection[MemberId]
) -> Mapping[MemberId, frozenset[str]]:
    """Return {member: the codes of their groups}, of those who are in one."""
    async with ctx.reading() as db:
        return await repository.find_groups_of(db, keys) if keys else {}


async def find_viewer_groups(ctx: Context) -> frozenset[str]:
    """Return the codes of the groups of who asks; costs no SQL in a shop that has no groups."""
    key = ctx.viewer.member_id
    if key is None or not await _KEPT.find(ctx):
        return frozenset()
    return (await find_groups_of(ctx, [key])).get(key, frozenset())


@transaction
async def set_group(
    ctx: Context, code: str, name: str, *, expected_version: int | None = None
) -> MemberGroup:
    """Make a group, or call a known one otherwise.

    expected_version: as it was read, 0 for a new one; None: whichever it is. Raises
    MemberGroupInvalid, VersionConflict.
    """
    made = rules.make_group(code, name)
    # First: whoever else changes groups waits here, so what is read is what is changed.
    await count_up(ctx, _GROUPS)
    known = (await repository.find_groups(ctx.db)).get(code)
    current = 0 if known is None else known.version
    check_version(f"member group {code}", expected=expected_version, current=current)
    told = replace(made, version=current + 1)
    await repository.save_group(ctx.db, told)
    ctx.audited(f"member group {code}", before=known, after=told)
    return told


async def check_group(ctx: Context, code: str) -> None:
    """Raise MemberGroupUnknown if there is no group of this code."""
    groups = await _read_groups(ctx)
    if code not in groups:
        raise MemberGroupUnknown(group=code, known=", ".join(groups) or "none")


@transaction
async def change_groups(
    ctx: Context,
    key: MemberId,
    *,
    join: Collection[str] = (),
    leave: Collection[str] = (),
) -> Member:
    """Put a member into groups and take them out of others; again, it changes nothing.

    Raises MemberUnknown, MemberGroupUnknown.
    """
    found = await _get(ctx, key)
    for code in [*join, *leave]:
        await check_group(ctx, code)
    await repository.leave(ctx.db, key, leave)
    await repository.join(ctx.db, key, join)
    await repository.count_change(ctx.db, key)
    return found


@transaction
async def update_member(
    ctx: Context, key: MemberId, *, name: str | None = None, locale: str | None = None
) -> Member:
    """Note what a member is called, and which language they read.

    None leaves it. Raises MemberUnknown, MemberInvalid, LocaleUnknown.
    """
    told = None if name is None else rules.check_name(name)
    language = None if locale is None else parse_locale(locale)
    await repository.rename(ctx.db, key, name=told, locale=language)
    return await _get(ctx, key)


@transaction
async def set_time_zone(ctx: Context, key: MemberId, time_zone: str) -> Member:
    """Note where a member lives, which decides when they are not disturbed.

    Raises MemberUnknown, TimeZoneUnknown.
    """
    rules.check_time_zone(time_zone)
    await repository.set_time_zone(ctx.db, key, time_zone)
    return await _get(ctx, key)


async def find_consents(
    ctx: Context, keys: Collection[MemberId]
) -> Mapping[MemberId, list[Consent]]:
    """Return {member: what they agree to} of those who agree to something."""
    async with ctx.reading() as db:
        return await repository.find_consents(db, keys) if keys else {}


@transaction
async def set_consent(
    ctx: Context, key: MemberId, purpose: Purpose, *, given: bool, source: str
) -> Member:
    """Note that a member agrees to a purpose, or does so no more; again, it changes nothing.

    source: where they said it. Raises MemberUnknown, ConsentNotNeeded.
    """
    rules.check_consent(purpose)
    found, now = await _get(ctx, key), ctx.clock.now()
    if given:
        consent = Consent(purpose=purpose, given_at=now, source=source)
        await repository.add_consent(ctx.db, key, consent)
    else:
        await repository.withdraw_consent(ctx.db, key, purpose, now=now)
    return found


async def find_recipient(
    ctx: Context,
    key: MemberId,
    *,
    contact: Contact | None = None,
    locales: Sequence[Locale] = (),
    time_zone: str = "UTC",
) -> Recipient:
    """Return a member as somebody to write to; see `rules.recipient_of`. Raises MemberUnknown."""
    found = await _get(ctx, key)
    return rules.recipient_of(found, contact=contact, locales=locales, time_zone=time_zone)


@transaction
async def send_message(ctx: Context, wanted: MemberMessage) -> bool:
    """Have a message sent to a member, in the transaction of what it is for; once for each act.

    Whether it may be (consent, caps, quiet hours, and whether it is still due) is decided when it
    is due; what is not sent is kept with the reason. Returns whether it is new.
    Raises MemberUnknown, MessageKindUnknown, MessageActInvalid, MessageValueInvalid.
    """
    wish = MessageWish(
        kind=wanted.kind,
        act=wanted.act,
        to=await find_recipient(ctx, wanted.member_id),
        values=wanted.values,
        about=wanted.about,
        due_at=wanted.due_at,
    )
    return await notify.send(ctx, wish)


async def deliver_message(ctx: Context, job: SendMessage) -> None:
    """Send a message that is due, as its member wants it now; in no transaction."""
    known = await notify.find_message(ctx, job.message_id)
    if known is None:
        raise MessageUnknown
    member = await find_member(ctx, known.member_id)
    consents = (await find_consents(ctx, [known.member_id])).get(known.member_id, [])
    preferences = Preferences(
        consents=frozenset(one.purpose for one in consents),
        time_zone=None if member is None else member.time_zone,
    )
    await notify.deliver(ctx, job.message_id, preferences)


async def _get(ctx: Context, key: MemberId) -> Member:
    found = await find_member(ctx, key)
    if found is None:
        raise MemberUnknown(member=encode(MemberId, key))
    return found
