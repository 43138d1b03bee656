"""Use-cases of staff who look for members, and look after what is known of one."""

from __future__ import annotations

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import MemberId, encode
from koipond.kernel.pages import Page, Slice
from koipond.member import rules
from koipond.member.errors import MemberUnknown
from koipond.member.repository import finding
from koipond.member.service.people import check_group, find_member, update_member
from koipond.member.types import Member, MemberFilter


async def find_members(ctx: Context, wanted: MemberFilter, page: Page) -> Slice[Member]:
    """Return a page of the members who fit, the newest first.

    Raises MemberGroupUnknown, ContactInvalid.
    """
    told = [one for one in (wanted.email, wanted.phone) if one is not None]
    known_by = [rules.read_address(one) for one in told]
    if wanted.group is not None:
        await check_group(ctx, wanted.group)
    async with ctx.reading() as db:
        return await finding.find_page(db, wanted, known_by, page)


@transaction
async def update_any_member(
    ctx: Context, key: MemberId, *, name: str | None = None, locale: str | None = None
) -> Member:
    """Note what a member is called, and which language they read, as staff; None leaves it.

    Raises MemberUnknown, MemberInvalid, LocaleUnknown.
    """
    before = await find_member(ctx, key)
    if before is None:
        raise MemberUnknown(member=encode(MemberId, key))
    after = await update_member(ctx, before.id, name=name, locale=locale)
    # A name is a person's, and what the audit keeps is never erased.
    ctx.audited(
        encode(MemberId, before.id),
        before={"locale": before.locale},
        after={"locale": after.locale, "is_renamed": after.name != before.name},
    )
    return after
