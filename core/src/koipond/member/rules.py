"""What an e-mail address and a phone number look like; what a group must be."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from koipond.kernel.ids import MemberId
from koipond.kernel.texts import Locale
from koipond.member.errors import (
    AddressInvalid,
    ConsentNotNeeded,
    ContactInvalid,
    MemberGroupInvalid,
    MemberInvalid,
    TimeZoneUnknown,
)
from koipond.member.types import (
    EMAIL,
    PHONE,
    Address,
    Contact,
    Identity,
    IdentityKind,
    Member,
    MemberDraft,
    MemberGroup,
    ToldMember,
)
from koipond.notify.types import Purpose, Recipient

# Not RFC 5322: what could be an address at all. Whether it is one, only a message to it shows.
_EMAIL = re.compile(
    r"[^\s@<>\"(),:;\\]{1,64}@(?:[^\s@.<>\"(),:;\\]{1,63}\.)+[^\s@.<>\"(),:;\\]{2,63}"
)
# E.164: at most 15 digits behind the plus.
_PHONE = re.compile(r"\+?[0-9]{5,15}")
_PHONE_SPACING = str.maketrans("", "", " -.()/\u00a0")
_NAME_MAX = 200
_ADDRESS_MAX = 200
_COUNTRY_LENGTH = 2
# Addresses that one member keeps.
ADDRESSES_MAX = 50
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


def read_address(told: str) -> Identity:
    """Return an e-mail address or phone number in the form in which it is kept.

    Raises ContactInvalid.
    """
    is_mail = "@" in told
    contact = normalise_contact(
        name="", email=told if is_mail else None, phone=None if is_mail else told
    )
    ((kind, value),) = contact.identities
    return Identity(kind=kind, value=value)


def check_phone(phone: str) -> str:
    """Return a phone number as it is kept; "" is none. Raises ContactInvalid."""
    if not phone.strip():
        return ""
    return normalise_contact(name="", email=None, phone=phone).phone or ""


def contact_of(known: Identity) -> Contact:
    """Return how to reach who is known by an e-mail address or a phone number."""
    return Contact(
        email=known.value if known.kind == EMAIL else None,
        phone=known.value if known.kind == PHONE else None,
    )


def owns(known_by: Iterable[Identity], proven: Iterable[tuple[IdentityKind, str]]) -> bool:
    """Tell whether who proved some identities has proved all that somebody is known by."""
    return {(one.kind, one.value) for one in known_by} <= set(proven)


def check_name(name: str) -> str:
    """Return a name as it is kept. Raises MemberInvalid."""
    told = " ".join(name.split())
    if len(told) > _NAME_MAX:
        reason = f"the name has {len(told)} characters, at most {_NAME_MAX} are kept"
        raise MemberInvalid(reason=reason).located("name")
    return told


def shorten_name(name: str) -> str:
    """Return of a name what everybody may see: `Lin W.`, `王**`."""
    first, *others = name.split() or [""]
    if others:
        return f"{first} {others[-1][0]}."
    # A name without spaces, as in Chinese, begins with the family's.
    return first if first.isascii() else f"{first[:1]}{'*' * (len(first) - 1)}"


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


def check_address(address: Address) -> Address:
    """Return an address that something can be sent to. Raises AddressInvalid."""
    fields = {name: value.strip() for name, value in msgspec.structs.asdict(address).items()}
    for name, value in fields.items():
        if len(value) > _ADDRESS_MAX:
            reason = f"{name} has {len(value)} characters, at most {_ADDRESS_MAX} are kept"
            raise AddressInvalid(reason=reason)
    for name in ("line1", "city"):
        if not fields[name]:
            raise AddressInvalid(reason=f"{name} is empty")
    country = fields["country"].upper()
    if len(country) != _COUNTRY_LENGTH or not (country.isascii() and country.isalpha()):
        raise AddressInvalid(
            reason=f"the country is {fields['country'][:40]!r}, not two letters like CN or DE"
        )
    return Address(**(fields | {"country": country}))


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


class MemberPlan(Struct, frozen=True, kw_only=True):
    """Who the members of a file are: a member per draft, who of them is new, and what is added.

    news: whether a draft is the first that told of a new member.
    """

    keys: tuple[MemberId, ...]
    news: tuple[bool, ...]
    new: Mapping[MemberId, MemberDraft]
    known: Mapping[tuple[str, str], MemberId]


def plan_members(
    drafts: Sequence[MemberDraft],
    known: Mapping[tuple[str, str], MemberId],
    *,
    new_id: Callable[[], UUID],
    first_wins: bool,
) -> MemberPlan:
    """Find each draft's member by the strongest thing that it is known by, or make a new one.

    known: {identity: whose it is}. A draft is found by what an earlier one told, too; first_wins:
    what that said of a new member is not changed by what a later one says.
    """
    owners = dict(known)
    keys: list[MemberId] = []
    new: dict[MemberId, MemberDraft] = {}
    news: list[bool] = []
    for draft in drafts:
        found = next((owners[one] for one in draft.identities if one in owners), None)
        key = found if found is not None else MemberId(new_id())
        if found is None:
            new[key] = draft
        elif key in new and not first_wins:
            new[key] = _laid_over(new[key], draft)
        for one in draft.identities:
            owners.setdefault(one, key)
        keys.append(key)
        news.append(found is None)
    added = {one: key for one, key in owners.items() if one not in known}
    return MemberPlan(keys=tuple(keys), news=tuple(news), new=new, known=added)


def _laid_over(before: MemberDraft, after: MemberDraft) -> MemberDraft:
    return replace(
        before,
        name=after.name or before.name,
        locale=after.locale or before.locale,
        time_zone=after.time_zone or before.time_zone,
    )


def find_changed(
    drafts: Sequence[MemberDraft],
    keys: Sequence[MemberId],
    told: Mapping[MemberId, tuple[str, Locale, str | None]],
) -> dict[MemberId, tuple[str, Locale, str | None]]:
    """Return {member: name, language and zone} of known ones of whom drafts say something else."""
    changed: dict[MemberId, tuple[str, Locale, str | None]] = {}
    for draft, key in zip(drafts, keys, strict=True):
        if key not in told:
            continue
        name, locale, time_zone = changed.get(key, told[key])
        now = (draft.name or name, draft.locale or locale, draft.time_zone or time_zone)
        if now != (name, locale, time_zone):
            changed[key] = now
    return changed


def tell_plan(plan: MemberPlan, changed: Mapping[MemberId, object]) -> list[ToldMember]:
    """Return what became of each draft; an identity that a known member gains is a change."""
    gained = set(plan.known.values())
    return [
        ToldMember(
            member_id=key,
            is_new=is_new,
            has_changed=not is_new and key not in plan.new and (key in changed or key in gained),
        )
        for key, is_new in zip(plan.keys, plan.news, strict=True)
    ]
