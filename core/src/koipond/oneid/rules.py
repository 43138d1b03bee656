"""Who may become whom, who survives, and for how long it can be undone."""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from koipond.kernel.ids import MemberId, MergeId, encode
from koipond.member.errors import MemberUnknown
from koipond.member.types import MemberState, Person
from koipond.oneid.errors import (
    MemberChanged,
    MergeAlreadyUndone,
    MergeBuried,
    MergeImpossible,
    MergeTooOld,
)
from koipond.oneid.types import NOTE_MAX, STRONG, MemberMerge, MergeWish


def stamp_of(person: Person) -> str:
    """Return what changes whenever a member is merged, parted, or known by something else."""
    told = [person.id.hex, person.state, str(person.merged_into)]
    told += [f"{one.kind}\0{one.value}\0{one.verified_at}" for one in person.identities]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def check_merge(
    people: Mapping[MemberId, Person], survivor_id: MemberId, merged_id: MemberId
) -> None:
    """Raise MemberUnknown or MergeImpossible unless the one can become the other."""
    if survivor_id == merged_id:
        raise MergeImpossible(reason="it is one member already")
    for key in (survivor_id, merged_id):
        if key not in people:
            raise MemberUnknown(member=encode(MemberId, key))
        into = people[key].merged_into
        if into is not None:
            one, other = encode(MemberId, key), encode(MemberId, into)
            raise MergeImpossible(reason=f"{one} became {other} already; merge that one")


def check_wish(people: Mapping[MemberId, Person], wish: MergeWish) -> None:
    """Raise MemberChanged or MergeImpossible unless both are what staff looked at."""
    if len(wish.note) > NOTE_MAX:
        raise MergeImpossible(
            reason=f"the note has {len(wish.note)} characters, at most {NOTE_MAX} are kept"
        )
    for key, expected in (
        (wish.survivor_id, wish.expected_survivor),
        (wish.merged_id, wish.expected_merged),
    ):
        stamp = stamp_of(people[key])
        if stamp != expected:
            raise MemberChanged(member=encode(MemberId, key), expected_stamp=expected, stamp=stamp)


def is_automatic(kind: str, merge_on: Collection[str]) -> bool:
    """Tell whether the policy merges two members that have both proven something of this kind."""
    family, _, _ = kind.partition(":")
    return family in STRONG and family in merge_on


def choose_survivor(first: Person, second: Person) -> tuple[MemberId, MemberId]:
    """Return (survivor, merged): who is registered, then who is known longer, survives."""
    survivor, merged = sorted(
        (first, second),
        key=lambda one: (one.state is not MemberState.REGISTERED, one.created_at, one.id),
    )
    return survivor.id, merged.id


def check_undo(
    merge: MemberMerge, later: MemberMerge | None, *, now: datetime, days_max: int
) -> None:
    """Raise MergeAlreadyUndone, MergeTooOld or MergeBuried unless a merge can be undone.

    later: the merge by which its survivor became another member, if one stands.
    """
    if merge.undone_at is not None:
        raise MergeAlreadyUndone(undone_at=merge.undone_at)
    if now - merge.merged_at > timedelta(days=days_max):
        days = (now - merge.merged_at).days
        raise MergeTooOld(merged_at=merge.merged_at, days=days, days_max=days_max)
    if later is not None:
        raise MergeBuried(merge=encode(MergeId, later.id))
