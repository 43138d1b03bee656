"""What staff may make of a promotion.

DRAFT --publish--> LIVE <--pause, publish--> PAUSED; each of them --end--> ENDED
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from koipond_promotions.errors import (
    PromotionActionInvalid,
    PromotionAmountInvalid,
    PromotionFixed,
    PromotionNameInvalid,
    PromotionNotMovable,
    PromotionNumberInvalid,
    PromotionOverlaps,
    PromotionTimesInvalid,
    PromotionVersionOld,
)
from koipond_promotions.rules.acting import read_action
from koipond_promotions.rules.counting import budget_of, uses_of
from koipond_promotions.types import (
    Conditions,
    GiftLine,
    Hours,
    Promotion,
    PromotionId,
    PromotionState,
    PromotionWish,
    Rule,
    Selection,
)
from koipond_sdk import ChannelId, Currency, Locale, Money, Quantity
from koipond_sdk.hooks import StackMode
from koipond_sdk.services.quotas import QuotaId

NAME_MAX = 120
LABEL_MAX = 200
GROUP_MAX = 60
IDS_MAX = 1_000
USES_MAX = 1_000_000_000
PRIORITY_MAX = 1_000_000
DAY_MINUTES = 24 * 60
PROMOTION_MOVES: Mapping[PromotionState, set[PromotionState]] = {
    PromotionState.DRAFT: {PromotionState.LIVE, PromotionState.ENDED},
    PromotionState.LIVE: {PromotionState.PAUSED, PromotionState.ENDED},
    PromotionState.PAUSED: {PromotionState.LIVE, PromotionState.ENDED},
    PromotionState.ENDED: set(),
}
# What quotas and orders stand on, by the words of the schema.
_FIXED = {
    "channel_id": "channel",
    "currency": "currency",
    "needs_coupon": "needsCoupon",
    "uses_per_member": "usesPerMember",
    "release_uses": "releaseUses",
    "release_member": "releaseMember",
}


def plan(
    key: PromotionId,
    wish: PromotionWish,
    *,
    channel_id: ChannelId,
    currency: Currency,
    now: datetime,
) -> Promotion:
    """Return the draft that staff ask for. Raises what is wrong with it, and at which field."""
    starts_at, ends_at = _read_times(wish, now)
    budget = None if wish.budget is None else check_amount(wish.budget, currency, "budget")
    rule = _read_rule(wish, currency)
    if budget is not None and isinstance(rule.action, GiftLine):
        raise PromotionActionInvalid(
            problem="What a gift costs is known when it is given: limit its uses, not its budget."
        ).located("budget")
    return Promotion(
        id=key,
        channel_id=channel_id,
        currency=currency,
        name=_check_name(wish.name, NAME_MAX, "name"),
        label=_read_label(wish),
        needs_coupon=wish.needs_coupon,
        rule=rule,
        starts_at=starts_at,
        ends_at=ends_at,
        uses_max=_check_optional(wish.uses_max, "usesMax"),
        uses_per_member=_check_optional(wish.uses_per_member, "usesPerMember"),
        budget_minor=budget,
        release_uses=wish.release_uses,
        release_member=wish.release_member,
        state=PromotionState.DRAFT,
        created_at=now,
    )


def edit(found: Promotion, wanted: Promotion, *, expected: int) -> Promotion:
    """Return a promotion as it is wanted, as its next version.

    Raises PromotionVersionOld, PromotionNotMovable, PromotionFixed.
    """
    check_version(found, expected)
    if found.state is PromotionState.ENDED:
        raise PromotionNotMovable(state=found.state, target="another")
    if found.published_at is not None:
        for name, word in _FIXED.items():
            if getattr(found, name) != getattr(wanted, name):
                raise PromotionFixed(property=word).located(word)
        for name, word in (("uses_max", "usesMax"), ("budget_minor", "budget")):
            if (getattr(found, name) is None) != (getattr(wanted, name) is None):
                raise PromotionFixed(property=word).located(word)
    return msgspec.structs.replace(
        wanted,
        id=found.id,
        state=found.state,
        created_at=found.created_at,
        published_at=found.published_at,
        version=found.version + 1,
    )


def check_version(found: Promotion, expected: int) -> None:
    """Raise PromotionVersionOld if a change is of another version."""
    if found.version != expected:
        refusal = PromotionVersionOld(given_version=expected, version=found.version)
        raise refusal.located("version")


def check_repeat(found: Promotion, expected: int) -> None:
    """Raise PromotionVersionOld for a move that was made already, unless a change is of the version
    that it made, or of the one that it was made of: then it is sent once more."""
    if expected != found.version - 1:
        check_version(found, expected)


def find_deltas(found: Promotion, changed: Promotion) -> dict[QuotaId, int]:
    """Return {quota: units more} of a published promotion whose limits change."""
    deltas = {}
    if found.uses_max is not None and changed.uses_max is not None:
        deltas[uses_of(found.id)] = changed.uses_max - found.uses_max
    if found.budget_minor is not None and changed.budget_minor is not None:
        deltas[budget_of(found.id)] = changed.budget_minor - found.budget_minor
    return {key: delta for key, delta in deltas.items() if delta}


def move(found: Promotion, to: PromotionState, *, now: datetime) -> Promotion:
    """Return a promotion in another state. Raises PromotionNotMovable, PromotionTimesInvalid."""
    if to not in PROMOTION_MOVES[found.state]:
        raise PromotionNotMovable(state=found.state, target=to)
    published_at = found.published_at
    if to is PromotionState.LIVE:
        if found.ends_at is not None and now >= found.ends_at:
            raise PromotionTimesInvalid(
                starts_at=found.starts_at, ends_at=found.ends_at, now=now
            ).located("endsAt")
        published_at = published_at or now
    return msgspec.structs.replace(
        found, state=to, published_at=published_at, version=found.version + 1
    )


def check_alone(new: Promotion, others: Iterable[Promotion]) -> None:
    """Raise PromotionOverlaps if one that stands alone could meet another that does.

    Which of the two a cart gets would follow from nothing that staff have said. Codes are chosen by
    buyers, so those may meet; core then says which one does not count.
    """
    if not _stands_alone(new):
        return
    for other in others:
        if other.id != new.id and _stands_alone(other) and _could_meet(new, other):
            raise PromotionOverlaps(
                promotion=new.name,
                other=other.name,
                other_id=other.id,
                stack_group=new.rule.stacking.group,
            ).located("stacking")


def _stands_alone(one: Promotion) -> bool:
    return not one.needs_coupon and one.rule.stacking.mode is StackMode.EXCLUSIVE


def _could_meet(one: Promotion, other: Promotion) -> bool:
    if (one.channel_id, one.currency) != (other.channel_id, other.currency):
        return False
    if one.rule.stacking.group != other.rule.stacking.group:
        return False
    if not _overlap(one, other) or not _overlap(other, one):
        return False
    both_per_line = one.rule.stacking.per_line and other.rule.stacking.per_line
    return not (both_per_line and _are_apart(one.rule.selection, other.rule.selection))


def _overlap(one: Promotion, other: Promotion) -> bool:
    return one.ends_at is None or other.starts_at < one.ends_at


def _are_apart(one: Selection, other: Selection) -> bool:
    """Tell whether two name products, and none of them both: no line can be of the two."""
    by_product = [
        bool(some.product_ids) and not some.variant_ids and not some.category_ids
        for some in (one, other)
    ]
    return all(by_product) and not set(one.product_ids) & set(other.product_ids)


def check_amount(amount: Money, currency: Currency, field: str) -> int:
    """Return an amount that is more than nothing, in minor units. Raises PromotionAmountInvalid."""
    if amount.currency != currency or amount.amount_minor <= 0:
        raise PromotionAmountInvalid(amount=amount, currency=currency).located(field)
    return amount.amount_minor


def check_number(number: int, maximum: int, field: str, *, minimum: int = 1) -> int:
    """Return a number within its range. Raises PromotionNumberInvalid."""
    if not minimum <= number <= maximum:
        raise PromotionNumberInvalid(
            number=Quantity(number), minimum=minimum, maximum=maximum
        ).located(field)
    return number


def _check_optional(number: Quantity | None, field: str) -> int | None:
    return None if number is None else check_number(number, USES_MAX, field)


def _read_times(wish: PromotionWish, now: datetime) -> tuple[datetime, datetime | None]:
    starts_at = now if wish.starts_at is None else wish.starts_at.astimezone(UTC)
    if wish.ends_at is None:
        return starts_at, None
    ends_at = wish.ends_at.astimezone(UTC)
    if ends_at <= max(starts_at, now):
        refusal = PromotionTimesInvalid(starts_at=starts_at, ends_at=ends_at, now=now)
        raise refusal.located("endsAt")
    return starts_at, ends_at


def _read_rule(wish: PromotionWish, currency: Currency) -> Rule:
    action = read_action(wish.action, currency)
    minimum = None if wish.minimum is None else check_amount(wish.minimum, currency, "minimum")
    if wish.action.every and minimum is None:
        raise PromotionActionInvalid(
            problem="An amount is off for `every` time that the minimum is reached: give one."
        ).located("minimum")
    _check_selection(wish.selection, "selection")
    if len(wish.stacking.group) > GROUP_MAX:
        _check_name(wish.stacking.group, GROUP_MAX, "stacking")
    conditions = Conditions(
        minimum_minor=minimum or 0,
        minimum_units=check_number(wish.minimum_units, USES_MAX, "minimumUnits", minimum=0),
        groups=tuple(_check_name(one, NAME_MAX, "groups") for one in dict.fromkeys(wish.groups)),
        first_order=wish.first_order,
        hours=None if wish.hours is None else _check_hours(wish.hours),
    )
    check_number(wish.priority, PRIORITY_MAX, "priority", minimum=-PRIORITY_MAX)
    return Rule(
        action=action,
        selection=wish.selection,
        conditions=conditions,
        stacking=wish.stacking,
        priority=wish.priority,
        with_activities=wish.with_activities,
    )


def _check_selection(selection: Selection, field: str) -> None:
    named = sum(len(getattr(selection, name)) for name in Selection.__struct_fields__)
    check_number(named, IDS_MAX, field, minimum=0)


def _check_hours(hours: Hours) -> Hours:
    for day in hours.weekdays:
        check_number(day, 7, "hours.weekdays")
    check_number(hours.from_minute, DAY_MINUTES - 1, "hours.fromMinute", minimum=0)
    check_number(hours.until_minute, DAY_MINUTES, "hours.untilMinute")
    if hours.from_minute == hours.until_minute:
        check_number(0, DAY_MINUTES, "hours.untilMinute")
    return hours


def _read_label(wish: PromotionWish) -> dict[Locale, str]:
    if not wish.label:
        _check_name("", LABEL_MAX, "label")
    return {key: _check_name(text, LABEL_MAX, "label") for key, text in wish.label.items()}


def _check_name(text: str, maximum: int, field: str) -> str:
    made = text.strip()
    if not 0 < len(made) <= maximum or "\0" in made:
        raise PromotionNameInvalid(name=text, maximum=maximum).located(field)
    return made
