"""SQL of looking for members, for staff."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, func, or_, select

from koipond.kernel.db import AsyncConnection
from koipond.kernel.pages import Page, Slice, cut
from koipond.member.repository.people import MEMBER
from koipond.member.tables import identity, member, membership
from koipond.member.types import Identity, Member, MemberFilter, MemberState


async def find_page(
    db: AsyncConnection, wanted: MemberFilter, known_by: Sequence[Identity], page: Page
) -> Slice[Member]:
    """Return a page of the members who fit, the newest first. known_by: its addresses, read."""
    statement = MEMBER.where(*_conditions(wanted, known_by)).order_by(member.c.id.desc())
    if page.after is not None:
        statement = statement.where(member.c.id < page.after[0])
    rows = (await db.execute(statement.limit(page.first + 1))).all()
    return cut([Member(**row._mapping) for row in rows], [(row.id,) for row in rows], page)


def _conditions(wanted: MemberFilter, known_by: Sequence[Identity]) -> list[ColumnElement[bool]]:
    fits = [_is_known_by(one) for one in known_by]
    if wanted.name is not None:
        begin = func.lower(wanted.name)
        fits.append(func.substr(func.lower(member.c.name), 1, func.length(begin)) == begin)
    if wanted.group is not None:
        inside = select(membership.c.member_id).where(membership.c.group_code == wanted.group)
        fits.append(member.c.id.in_(inside))
    if wanted.state is None:
        fits.append(member.c.state != MemberState.MERGED)
    else:
        fits.append(member.c.state == wanted.state)
    return fits


def _is_known_by(told: Identity) -> ColumnElement[bool]:
    """The condition that a member is known by an address, proven or not."""
    named = and_(identity.c.kind == told.kind, identity.c.value == told.value)
    # In two halves, each with its own unique index.
    either = or_(
        and_(named, identity.c.verified_at.is_(None)),
        and_(named, identity.c.verified_at.is_not(None)),
    )
    return member.c.id.in_(select(identity.c.member_id).where(either))
