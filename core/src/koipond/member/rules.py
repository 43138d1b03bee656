"""What an e-mail address and a phone number look like; what a group must be."""

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from koipond.kernel.ids import MemberId
from koipond.kernel.texts import Locale
from koipond.member.errors import (
    ConsentNotNeeded,
    ContactInvalid,
    MemberGroupInvalid,
    TimeZoneUnknown,
)
from koipond.member.types import Contact, Member, MemberGroup
from koipond.notify.types import Purpose, Recipient

# Not RFC 5322: what could be an address at all. Whether it is one, only a message to it shows.
_EMAIL = re.compile(
    r"[^\s@<>\"(),:;\\]{1,64}@(?:[^\s@.<>\"(),:;\\]{1,63}\.)+[^\s@.<>\"(),:;\\]{2,63}"
)
# E.164: at most 15 digits behind the plus.
_PHONE = re.compile(r"\+?[0-9]{5,15}")
_PHONE_SPACING = str.maketrans("", "", " -.()/\u00a0")
_NAME_MAX = 200
_GROUP_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_GROUP_NAME_MAX = 120
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,20}(/[A-Za-z0-9_+-]{1,20}){0,2}")


def normalise_contact(*, name: str, email: str | None, phone: str | None) -> Contact:
    """Return a contact in the form in which it is kept. Raises ContactInvalid."""
    mail = (email or "").strip().lower() or None
    number = (phone or "").translate(_PHONE_SPACING) or None
    if mail is None and number is None:
        raise ContactInvalid(reason="it has neither an e-mail address nor a phone number")
    if mail is not None and (len(mail) > 320 or not _EMAIL.fullmatch(mail)):
        raise ContactInvalid(reason=f"{mail[:60]!r} is no e-mail address").located("contact.email")
    if number is not None and not _PHONE.fullmatch(number):
        raise ContactInvalid(reason=f"{number[:60]!r} is no phone number").located("contact.phone")
    if len(name) > _NAME_MAX:
        reason = f"the name has {len(name)} characters, at most {_NAME_MAX} are kept"
        raise ContactInvalid(reason=reason).located("contact.name")
    return Contact(name=name.strip(), email=mail, phone=number)


def make_group(code: str, name: str) -> MemberGroup:
    """Make a group from plain words. Raises MemberGroupInvalid."""
    length = len(name.strip())
    if not _GROUP_CODE.fullmatch(code):
        reason = "a code is a-z, 0-9 and -, at most 40 characters"
        raise MemberGroupInvalid(group=code, reason=reason)
    if not 0 < length <= _GROUP_NAME_MAX:
        reason = f"its name has {length} characters, 1 to {_GROUP_NAME_MAX} are kept"
        raise MemberGroupInvalid(group=code, reason=reason)
    return MemberGroup(code=code, name=name.strip())


def check_time_zone(name: str) -> None:
    """Raise TimeZoneUnknown for what is no zone of IANA's."""
    try:
        known = bool(_ZONE.fullmatch(name)) and ZoneInfo(name) is not None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = False
    if not known:
        raise TimeZoneUnknown(time_zone=name).located("timeZone")


def check_consent(purpose: Purpose) -> None:
    """Raise ConsentNotNeeded for what is sent without."""
    if purpose is Purpose.TRANSACTIONAL:
        raise ConsentNotNeeded(purpose=purpose)


def join_consents(
    rows: Sequence[Any], former: MemberId, keeper: MemberId
) -> tuple[list[Any], list[UUID]]:
    """Return what the keeper agrees to from now on, and the consents that are withdrawn by it.

    rows: all that either ever agreed to, the oldest first. A purpose that one of the two has
    withdrawn is withdrawn: nobody is written to who said no.
    """
    last: dict[tuple[Any, str], Any] = {(row.member_id, row.purpose): row for row in rows}
    for row in rows:
        if row.withdrawn_at is None:
            last[row.member_id, row.purpose] = row
    given, withdrawn = [], []
    for purpose in sorted({row.purpose for row in rows}):
        of_former, of_keeper = (last.get((key, purpose)) for key in (former, keeper))
        agrees = of_former is not None and of_former.withdrawn_at is None
        if agrees and of_keeper is None:
            given.append(of_former)
        elif of_keeper is not None and of_keeper.withdrawn_at is None:
            withdrawn += [of_keeper.id] if of_former is not None and not agrees else []
    return given, withdrawn


def recipient_of(
    member: Member,
    *,
    contact: Contact | None = None,
    locales: Sequence[Locale] = (),
    time_zone: str = "UTC",
) -> Recipient:
    """Return a member as somebody to write to: at a contact, else at what they are known by.

    locales, time_zone: of what it is about; the member's own language comes last, their own time
    zone first.
    """
    told = contact or Contact(email=member.email, phone=member.phone)
    return Recipient(
        member_id=member.id,
        email=told.email,
        phone=told.phone,
        locales=tuple(dict.fromkeys([*locales, member.locale])),
        time_zone=member.time_zone or time_zone,
    )
