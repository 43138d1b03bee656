"""Who may have which promotion now: what is left of it, and what the buyer had of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from koipond_promotions.rules.codes import read_code
from koipond_promotions.rules.counting import budget_of, limit_of, uses_of
from koipond_promotions.types import (
    Candidate,
    Coupon,
    CouponProblem,
    Promotion,
    PromotionId,
    PromotionInputs,
    PromotionState,
    RefusedCoupon,
    Unlocked,
)
from koipond_sdk import Locale
from koipond_sdk.hooks import CartRequest
from koipond_sdk.services.quotas import QuotaId, Reservation, ReservationState


class Known(Struct, frozen=True, kw_only=True):
    """What is counted, as it stands. free: {quota: what is left of it}, those that there are.

    used: {quota: what the buyer has of it}; own: {quota: what this order holds of it already}, of
    a try that came to nothing; orders: how many the buyer has that stand.
    """

    free: Mapping[QuotaId, int | None] = {}
    used: Mapping[QuotaId, int] = {}
    own: Mapping[QuotaId, int] = {}
    orders: int = 0

    def left_of(self, pool: QuotaId, bound: int) -> int:
        """Return what there is of a quota for this order. A code's is made by its first use."""
        free = self.free.get(pool, bound)
        assert free is not None, "only what has an end is asked for"
        return free + self.own.get(pool, 0)

    def had_of(self, limit: QuotaId) -> int:
        """Return what the buyer had of a quota by other orders."""
        return self.used.get(limit, 0) - self.own.get(limit, 0)


class Asked(Struct, frozen=True, kw_only=True):
    """A promotion that may count for a cart: by itself, or by a code that was given."""

    promotion: Promotion
    coupon: Coupon | None = None
    written: str | None = None


def read_codes(written: Sequence[str], *, most: int) -> tuple[dict[str, str], list[RefusedCoupon]]:
    """Return {code as it is kept: as it was written}, and those that are too many or repeated."""
    codes: dict[str, str] = {}
    refused = []
    for text in written:
        code = read_code(text)
        if code is None:
            continue
        if code in codes:
            refused.append(RefusedCoupon(code=text, problem=CouponProblem.REPEATED))
        elif len(codes) == most:
            problem = CouponProblem.TOO_MANY
            refused.append(RefusedCoupon(code=text, problem=problem, most=most))
        else:
            codes[code] = text
    return codes, refused


def ask_all(
    request: CartRequest,
    automatic: Iterable[Promotion],
    unlocked: Sequence[Unlocked],
    codes: Mapping[str, str],
) -> tuple[list[Asked], list[RefusedCoupon]]:
    """Return what may count as far as the cart says who and where the buyer is, and what does not.

    A coupon of somebody else is as one that there is not: nobody claims it.
    """
    asked = [
        Asked(promotion=one)
        for one in automatic
        if one.starts_at <= request.now
        and not one.is_over(request.now)
        and _is_for(one, request) is None
    ]
    refused: list[RefusedCoupon] = []
    taken: set[PromotionId] = set()
    by_code = {one.coupon.code: one for one in unlocked}
    for code, written in codes.items():
        one = by_code.get(code)
        if one is None or not _is_shown(one, request):
            continue
        problem = _problem_of(one, request, written)
        if problem is None and one.promotion.id in taken:
            problem = RefusedCoupon(code=written, problem=CouponProblem.REPEATED)
        if problem is None:
            taken.add(one.promotion.id)
            asked.append(Asked(promotion=one.promotion, coupon=one.coupon, written=written))
        else:
            refused.append(problem)
    return asked, refused


def _is_shown(one: Unlocked, request: CartRequest) -> bool:
    own = one.coupon.member_id in {None, request.member_id}
    return own and one.promotion.state is not PromotionState.DRAFT


def _problem_of(one: Unlocked, request: CartRequest, written: str) -> RefusedCoupon | None:
    promotion, now = one.promotion, request.now
    if (promotion.channel_id, promotion.currency) != (request.channel_id, request.currency):
        return RefusedCoupon(code=written, problem=CouponProblem.ELSEWHERE)
    ends = [at for at in (one.coupon.expires_at, promotion.ends_at) if at is not None]
    if promotion.is_over(now) or (ends and now >= min(ends)):
        at = min(ends) if ends and now >= min(ends) else now
        return RefusedCoupon(code=written, problem=CouponProblem.EXPIRED, at=at)
    if promotion.state is PromotionState.PAUSED:
        return RefusedCoupon(code=written, problem=CouponProblem.PAUSED)
    if now < promotion.starts_at:
        problem = CouponProblem.NOT_YET
        return RefusedCoupon(code=written, problem=problem, at=promotion.starts_at)
    stranger = _is_for(promotion, request)
    return None if stranger is None else RefusedCoupon(code=written, problem=stranger)


def _is_for(one: Promotion, request: CartRequest) -> CouponProblem | None:
    """Return why a promotion is not for the buyer, if so."""
    groups = one.rule.conditions.groups
    if one.members_only and request.member_id is None:
        return CouponProblem.MEMBERS
    if groups and request.groups.isdisjoint(groups):
        return CouponProblem.GROUP
    return None


def find_pools(asked: Iterable[Asked]) -> tuple[list[QuotaId], list[QuotaId]]:
    """Return the quotas of which there has to be something left, and those that count buyers."""
    pools, limits = [], []
    for one in asked:
        pools += [pool for pool, _ in _bounds_of(one.promotion, one.coupon)]
        if one.promotion.uses_per_member is not None:
            limits.append(limit_of(one.promotion.id))
    return pools, limits


def may_be_own(
    asked: Iterable[Asked], free: Mapping[QuotaId, int | None], used: Mapping[QuotaId, int]
) -> bool:
    """Tell whether what an order holds already would make a difference."""
    if used or 0 in free.values():
        return True
    budgets = (one.promotion for one in asked if one.promotion.budget_minor is not None)
    return any(free.get(budget_of(one.id)) != one.budget_minor for one in budgets)


def sum_held(reservations: Iterable[Reservation]) -> dict[QuotaId, int]:
    """Return {quota: units} of what is held and not placed."""
    held: Counter[QuotaId] = Counter()
    for one in reservations:
        if one.state is ReservationState.HELD:
            held[one.quota_id] += one.quantity
    return dict(held)


def wants_first(asked: Iterable[Asked]) -> bool:
    """Tell whether any is for a first order."""
    return any(one.promotion.rule.conditions.first_order for one in asked)


def admit(
    asked: Sequence[Asked],
    known: Known,
    refused: Sequence[RefusedCoupon],
    *,
    locales: Sequence[Locale],
    time_zone: str,
) -> PromotionInputs:
    """Return what may count for a cart; of what is used up a code is refused.

    This is what a cart shows; that no limit is passed the quotas see to, when an order is placed.
    """
    candidates, problems = [], list(refused)
    for one in asked:
        problem = _used_of(one, known)
        if problem is None:
            candidates.append(_candidate(one, known, locales))
        elif one.written is not None:
            problems.append(problem)
    return PromotionInputs(
        time_zone=time_zone, candidates=tuple(candidates), refused=tuple(problems)
    )


def _used_of(one: Asked, known: Known) -> RefusedCoupon | None:
    """Return which limit is used up, if one is."""
    promotion, coupon, code = one.promotion, one.coupon, one.written or ""
    if promotion.rule.conditions.first_order and known.orders:
        problem = CouponProblem.FIRST_ORDER
        return RefusedCoupon(code=code, problem=problem, count=known.orders, most=1)
    most = promotion.uses_per_member
    if most is not None and (had := known.had_of(limit_of(promotion.id))) >= most:
        return RefusedCoupon(code=code, problem=CouponProblem.LIMIT, count=had, most=most)
    for pool, bound in _bounds_of(promotion, coupon):
        if known.left_of(pool, bound) == 0:
            problem = CouponProblem.EXHAUSTED
            return RefusedCoupon(code=code, problem=problem, count=bound, most=bound)
    return None


def _bounds_of(promotion: Promotion, coupon: Coupon | None) -> Iterator[tuple[QuotaId, int]]:
    """Say what there has to be something left of, and how much of it there is in all."""
    if promotion.uses_max is not None:
        yield uses_of(promotion.id), promotion.uses_max
    if promotion.budget_minor is not None:
        yield budget_of(promotion.id), promotion.budget_minor
    if coupon is not None and coupon.uses_max is not None:
        yield QuotaId(coupon.id), coupon.uses_max


def _candidate(one: Asked, known: Known, locales: Collection[Locale]) -> Candidate:
    promotion, coupon = one.promotion, one.coupon
    ends_at = promotion.ends_at
    if coupon is not None and coupon.expires_at is not None:
        ends_at = coupon.expires_at if ends_at is None else min(ends_at, coupon.expires_at)
    budget = promotion.budget_minor
    return Candidate(
        promotion_id=promotion.id,
        version=promotion.version,
        label=label_of(promotion, locales),
        rule=promotion.rule,
        starts_at=promotion.starts_at,
        ends_at=ends_at,
        coupon=one.written,
        cap_minor=None if budget is None else known.left_of(budget_of(promotion.id), budget),
    )


def label_of(one: Promotion, locales: Iterable[Locale]) -> str:
    """Return what a buyer reads of a promotion, in the first of their languages that it has."""
    for locale in locales:
        if locale in one.label:
            return one.label[locale]
    return next(iter(one.label.values()))
