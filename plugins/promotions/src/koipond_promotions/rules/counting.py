"""What of a promotion is counted, in which quotas, and what an order claims of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID, uuid5

from msgspec import Struct

from koipond_promotions.errors import (
    CouponExhausted,
    CouponFirstOrderOnly,
    CouponLimitReached,
    PromotionUsedUp,
)
from koipond_promotions.rules.codes import coupon_of, read_code
from koipond_promotions.types import (
    PLUGIN,
    Coupon,
    CouponId,
    Promotion,
    PromotionId,
    Use,
)
from koipond_sdk import DomainError, Quantity, decode
from koipond_sdk.hooks import Checkout, QuotaRequest
from koipond_sdk.services.quotas import (
    Claim,
    LimitReached,
    QuotaId,
    QuotaShort,
    QuotaSpec,
    ReleasePolicy,
    SubjectId,
)

_QUOTAS = UUID("f3a7a2c1-8a55-5b84-9c3f-0a3d64e5b7d2")
# One for the shop: whoever has two orders at once has one first order.
FIRST_ORDER = QuotaId(uuid5(_QUOTAS, "first order"))
Refusing = Callable[[DomainError], DomainError]


def uses_of(key: PromotionId) -> QuotaId:
    """Return the quota whose units are the uses of a promotion."""
    return QuotaId(uuid5(_QUOTAS, f"{key}:uses"))


def budget_of(key: PromotionId) -> QuotaId:
    """Return the quota whose units are the minor units that a promotion may take off."""
    return QuotaId(uuid5(_QUOTAS, f"{key}:budget"))


def limit_of(key: PromotionId) -> QuotaId:
    """Return the quota that has no end and counts how often each member had a promotion."""
    return QuotaId(uuid5(_QUOTAS, f"{key}:member"))


def quotas_of(one: Promotion) -> list[QuotaSpec]:
    """Return the quotas that a promotion needs: none for what has no end."""
    specs = []
    if one.uses_max is not None:
        specs.append(QuotaSpec(id=uses_of(one.id), capacity=one.uses_max))
    if one.budget_minor is not None:
        specs.append(QuotaSpec(id=budget_of(one.id), capacity=one.budget_minor))
    if one.uses_per_member is not None:
        specs.append(QuotaSpec(id=limit_of(one.id), subject_limit=one.uses_per_member))
    return specs


class Carried(Struct, frozen=True, kw_only=True):
    """A promotion that an order carries, as its adjustments say. code: as it is kept."""

    promotion_id: PromotionId
    version: int
    label: str
    off_minor: int
    code: str | None
    written: str | None

    @property
    def coupon_id(self) -> CouponId | None:
        """The coupon that unlocked it."""
        return None if self.code is None else coupon_of(self.code)


def find_carried(checkout: Checkout) -> list[Carried]:
    """Return the promotions that a purchase carries, and what they take off it."""
    found: dict[PromotionId, Carried] = {}
    for one in checkout.price.adjustments:
        if one.origin != PLUGIN or one.rule is None or one.rule_version is None:
            continue
        key = decode(PromotionId, one.rule)
        before = found[key].off_minor if key in found else 0
        found[key] = Carried(
            promotion_id=key,
            version=one.rule_version,
            label=one.label,
            off_minor=before - one.amount_minor,
            code=None if one.coupon is None else read_code(one.coupon),
            written=one.coupon,
        )
    return [found[key] for key in sorted(found)]


def claim_uses(
    carried: Sequence[Carried],
    promotions: Mapping[PromotionId, Promotion],
    coupons: Mapping[str, Coupon],
    subject: SubjectId,
) -> list[QuotaRequest]:
    """Return what a purchase claims for the promotions that it carries: all of it, or no order."""
    requests: list[QuotaRequest] = []
    for one in carried:
        promotion = promotions[one.promotion_id]
        coupon = None if one.code is None else coupons[one.code]
        requests += _claims_of(one, promotion, coupon, subject)
    firsts = [one for one in carried if promotions[one.promotion_id].rule.conditions.first_order]
    if firsts:
        spec = QuotaSpec(id=FIRST_ORDER, subject_limit=1)
        claim = Claim(quota_id=FIRST_ORDER, subject_id=subject, create=spec)
        requests.append(QuotaRequest(claim=claim, refusal=_not_first(firsts[0])))
    return requests


def _claims_of(
    one: Carried, promotion: Promotion, coupon: Coupon | None, subject: SubjectId
) -> list[QuotaRequest]:
    requests = []
    key, most = promotion.id, promotion.uses_max
    if most is not None:
        claim = Claim(quota_id=uses_of(key), subject_id=subject, release=promotion.release_uses)
        requests.append(QuotaRequest(claim=claim, refusal=_used_up(one, most)))
    if promotion.budget_minor is not None:
        # What was not taken off in the end was not given away, whatever becomes of the use.
        claim = Claim(
            quota_id=budget_of(key),
            subject_id=subject,
            quantity=one.off_minor,
            release=ReleasePolicy.RETURN,
        )
        requests.append(QuotaRequest(claim=claim, refusal=_used_up(one, promotion.budget_minor)))
    if promotion.uses_per_member is not None:
        claim = Claim(quota_id=limit_of(key), subject_id=subject, release=promotion.release_member)
        requests.append(QuotaRequest(claim=claim, refusal=_had(one, promotion.uses_per_member)))
    if coupon is not None and coupon.uses_max is not None:
        pool = QuotaId(coupon.id)
        claim = Claim(
            quota_id=pool,
            subject_id=subject,
            release=promotion.release_uses,
            # Of ten thousand codes most are never used: the first use makes what counts them.
            create=QuotaSpec(id=pool, capacity=coupon.uses_max),
        )
        requests.append(QuotaRequest(claim=claim, refusal=_used_up(one, coupon.uses_max)))
    return requests


def _used_up(one: Carried, most: int) -> Refusing:
    def refusal(error: DomainError) -> DomainError:
        left = int(error.left) if isinstance(error, QuotaShort) else 0
        if one.written is None:
            asked = Quantity(error.asked if isinstance(error, QuotaShort) else 1)
            return PromotionUsedUp(promotion=one.label, asked=asked, left=Quantity(left))
        used = CouponExhausted(
            coupon=one.written, used=Quantity(most - left), uses_max=Quantity(most)
        )
        return used.located("couponCodes")

    return refusal


def _had(one: Carried, most: int) -> Refusing:
    def refusal(error: DomainError) -> DomainError:
        left = Quantity(error.left if isinstance(error, LimitReached) else 0)
        if one.written is None:
            return PromotionUsedUp(promotion=one.label, asked=Quantity(1), left=left)
        reached = CouponLimitReached(
            coupon=one.written, used=Quantity(most - left), uses_max=Quantity(most)
        )
        return reached.located("couponCodes")

    return refusal


def _not_first(one: Carried) -> Refusing:
    def refusal(_: DomainError) -> DomainError:
        if one.written is None:
            return PromotionUsedUp(promotion=one.label, asked=Quantity(1), left=Quantity(0))
        return CouponFirstOrderOnly(coupon=one.written, orders=Quantity(1)).located("couponCodes")

    return refusal


def make_uses(checkout: Checkout, carried: Iterable[Carried]) -> list[Use]:
    """Return what is written of an order that carries promotions."""
    return [
        Use(
            order_id=checkout.order_id,
            promotion_id=one.promotion_id,
            version=one.version,
            coupon_id=one.coupon_id,
            subject_id=checkout.subject,
            currency=checkout.price.currency,
            off_minor=one.off_minor,
            placed_at=checkout.now,
        )
        for one in carried
    ]
