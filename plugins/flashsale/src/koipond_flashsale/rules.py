"""What makes a round, what it shows, and what must hold of it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from koipond_flashsale.errors import (
    FlashSaleEnded,
    FlashSaleNumberInvalid,
    FlashSaleOverlaps,
    FlashSalePriceTooHigh,
    FlashSaleTimesInvalid,
)
from koipond_flashsale.types import (
    WINDOW_MINUTES_MAX,
    FlashSaleRoundId,
    Round,
    RoundState,
    RoundWish,
)
from koipond_sdk import ActivityId, ChannelId, Finding, Locale, Money, Quantity, encode, new_id
from koipond_sdk.hooks import Checkout, CheckoutTerms
from koipond_sdk.services.activities import Activity
from koipond_sdk.services.quotas import Quota, QuotaId, QuotaSpec

PLUGIN = "flashsale"
UNITS_MAX = 1_000_000
_LABEL = {Locale("en"): "Flash sale", Locale("zh-Hans"): "限时抢购"}


def plan_round(
    round_id: FlashSaleRoundId,
    wish: RoundWish,
    *,
    channel_id: ChannelId,
    list_price: Money,
    window_minutes: int,
    now: datetime,
) -> Round:
    """Return the round that staff ask for. window_minutes: counts where the wish names none.

    Raises FlashSalePriceTooHigh, FlashSaleNumberInvalid, FlashSaleTimesInvalid.
    """
    if wish.price >= list_price:
        raise FlashSalePriceTooHigh(price=wish.price, list_price=list_price).located("price")
    starts_at, ends_at = _read_times(wish, now)
    units = check_units(wish.units)
    limit = wish.limit_per_member
    window = wish.payment_window_minutes
    if limit is not None:
        limit = _check(limit, units, "limitPerMember")
    if window is not None:
        window_minutes = _check(window, WINDOW_MINUTES_MAX, "paymentWindowMinutes")
    return Round(
        id=round_id,
        channel_id=channel_id,
        variant_id=wish.variant_id,
        currency=wish.price.currency,
        unit_price_minor=wish.price.amount_minor,
        units=units,
        limit_per_member=limit,
        starts_at=starts_at,
        ends_at=ends_at,
        payment_window_s=window_minutes * 60,
        state=RoundState.OPEN,
        quota_id=QuotaId(new_id()),
        activity_id=ActivityId(new_id()),
        created_at=now,
    )


def check_units(units: Quantity) -> Quantity:
    """Return a number of units to set apart. Raises FlashSaleNumberInvalid."""
    return _check(units, UNITS_MAX, "units")


def check_free(other: Round | None) -> None:
    """Raise FlashSaleOverlaps if there is a round in the way."""
    if other is not None:
        raise FlashSaleOverlaps(
            round_id=other.id, starts_at=other.starts_at, ends_at=other.ends_at
        ).located("startsAt")


def add_units(found: Round, units: Quantity, now: datetime) -> Round:
    """Return a round with more units. Raises FlashSaleNumberInvalid, FlashSaleEnded."""
    check_units(units)
    if found.state is RoundState.ENDED or now >= found.ends_at:
        raise FlashSaleEnded(round_id=found.id, ended_at=found.ends_at)
    return msgspec.structs.replace(found, units=found.units + units, version=found.version + 1)


def end_round(found: Round) -> Round:
    """Return an open round as an ended one."""
    assert found.state is RoundState.OPEN, "a round ends once"
    return msgspec.structs.replace(found, state=RoundState.ENDED, version=found.version + 1)


def activity_of(one: Round) -> Activity:
    """Return how a round is sold. Guests are left out where members are counted."""
    return Activity(
        id=one.activity_id,
        plugin=PLUGIN,
        rule=encode(FlashSaleRoundId, one.id),
        label=_LABEL,
        channel_id=one.channel_id,
        variant_id=one.variant_id,
        currency=one.currency,
        unit_price_minor=one.unit_price_minor,
        starts_at=one.starts_at,
        ends_at=one.ends_at,
        quota_id=one.quota_id,
        members_only=one.members_only,
    )


def quota_of(one: Round) -> QuotaSpec:
    """Return where the units of a round are counted, and each member's."""
    return QuotaSpec(
        id=one.quota_id,
        subject_limit=one.limit_per_member,
        starts_at=one.starts_at,
        ends_at=one.ends_at,
    )


def terms_of(checkout: Checkout, rounds: Mapping[ActivityId, Round]) -> CheckoutTerms | None:
    """Return what a purchase is told: which round each line is of, and how soon it must be paid."""
    sold = {
        line.id: rounds[line.activity_id]
        for line in checkout.lines
        if line.activity_id is not None and line.activity_id in rounds
    }
    if not sold:
        return None
    return CheckoutTerms(
        line_attributes={
            key: {"round": encode(FlashSaleRoundId, one.id)} for key, one in sold.items()
        },
        payment_window=min(one.payment_window for one in sold.values()),
    )


def find_wrong_units(rounds: Iterable[Round], quotas: Mapping[QuotaId, Quota]) -> list[Finding]:
    """Find rounds that have units which nobody set apart, or keep some after their end."""
    found = []
    for one in rounds:
        quota = quotas.get(one.quota_id)
        if quota is None or quota.capacity is None or quota.parent_id is None:
            found.append(_units_finding(one, "has no quota that was made of stock"))
        elif quota.capacity > one.units:
            found.append(_units_finding(one, f"of {one.units} units has {quota.capacity}"))
        elif quota.closed is not (one.state is RoundState.ENDED):
            found.append(_units_finding(one, f"is {one.state}, its quota is not"))
        elif quota.closed and quota.free:
            found.append(_units_finding(one, f"is over and keeps {quota.free} units"))
    return found


def find_wrong_terms(
    rounds: Iterable[Round],
    quotas: Mapping[QuotaId, Quota],
    activities: Mapping[ActivityId, Activity],
) -> list[Finding]:
    """Find rounds that are sold otherwise than they say: limit, price, times."""
    found = []
    for one in rounds:
        quota, activity = quotas.get(one.quota_id), activities.get(one.activity_id)
        said = (one.limit_per_member, one.starts_at, one.ends_at)
        if quota is None or (quota.subject_limit, quota.starts_at, quota.ends_at) != said:
            problem = f"round {encode(FlashSaleRoundId, one.id)} and its quota differ"
            found.append(
                Finding(
                    invariant="flashsale.terms",
                    problem=f"{problem} in the limit per member, the start or the end",
                    fix="End it by endFlashSale, and schedule another",
                )
            )
        if activity is None or _kept(activity) != activity_of(one):
            found.append(
                Finding(
                    invariant="flashsale.terms",
                    problem=f"round {encode(FlashSaleRoundId, one.id)} is sold otherwise than it "
                    "says",
                    fix="End it by endFlashSale, and schedule another",
                )
            )
    return found


def _kept(activity: Activity) -> Activity:
    return msgspec.structs.replace(activity, version=1)


def _units_finding(one: Round, problem: str) -> Finding:
    return Finding(
        invariant="flashsale.units",
        problem=f"round {encode(FlashSaleRoundId, one.id)} {problem}",
        fix="Stop selling it; compare the quota_change rows of its quota with its units",
    )


def _read_times(wish: RoundWish, now: datetime) -> tuple[datetime, datetime]:
    """Return start and end in UTC; what should have begun begins now."""
    starts_at = now if wish.starts_at is None else max(wish.starts_at.astimezone(UTC), now)
    ends_at = wish.ends_at.astimezone(UTC)
    if ends_at <= starts_at:
        raise FlashSaleTimesInvalid(starts_at=starts_at, ends_at=ends_at, now=now).located("endsAt")
    return starts_at, ends_at


def _check(number: Quantity, maximum: int, field: str) -> Quantity:
    if not 1 <= number <= maximum:
        raise FlashSaleNumberInvalid(number=number, minimum=1, maximum=maximum).located(field)
    return number
