"""Use-cases of staff who look for members, and look after what is known of one."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import check_version
from koipond.kernel.ids import MemberId, encode
from koipond.kernel.pages import Page, Slice
from koipond.member import repository, rules
from koipond.member.errors import MemberUnknown
from koipond.member.repository import finding
from koipond.member.service.people import (
    change_groups,
    check_group,
    find_groups_of,
    find_member,
    update_member,
)
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


async def find_versions(ctx: Context, keys: Collection[MemberId]) -> Mapping[MemberId, int]:
    """Return {member: how often they were changed}, for `expected_version`."""
    async with ctx.reading() as db:
        return await repository.find_versions(db, keys)


@transaction
async def update_any_member(
    ctx: Context,
    key: MemberId,
    *,
    name: str | None = None,
    locale: str | None = None,
    expected_version: int | None = None,
) -> Member:
    """Note what a member is called, and which language they read, as staff; None leaves it.

    Raises MemberUnknown, VersionConflict, MemberInvalid, LocaleUnknown.
    """
    before = await _lock(ctx, key, expected_version)
    after = await update_member(ctx, before.id, name=name, locale=locale)
    # A name is a person's, and what the audit keeps is never erased.
    ctx.audited(
        encode(MemberId, before.id),
        before={"locale": before.locale},
        after={"locale": after.locale, "is_renamed": after.name != before.name},
    )
    return after


@transaction
async def change_any_groups(
    ctx: Context,
    key: MemberId,
    *,
    join: Collection[str],
    leave: Collection[str],
    expected_version: int | None = None,
) -> Member:
    """Put a member into groups and take them out of others, as staff.

    Raises MemberUnknown, VersionConflict, MemberGroupUnknown.
    """
    known = await _lock(ctx, key, expected_version)
    before = (await find_groups_of(ctx, [known.id])).get(known.id, frozenset())
    await change_groups(ctx, known.id, join=join, leave=leave)
    after = (await find_groups_of(ctx, [known.id])).get(known.id, frozenset())
    ctx.audited(encode(MemberId, known.id), before={"groups": before}, after={"groups": after})
    return known


async def _lock(ctx: Context, key: MemberId, expected_version: int | None) -> Member:
    found = await find_member(ctx, key)
    if found is None:
        raise MemberUnknown(member=encode(MemberId, key))
    # Locked before it is compared; then read as it is.
    versions = await repository.find_versions(ctx.db, [found.id], lock=True)
    check_version(encode(MemberId, found.id), expected=expected_version, current=versions[found.id])
    known = await find_member(ctx, found.id)
    assert known is not None, "it is locked"
    return known
