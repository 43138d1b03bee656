"""What must always hold of promotions: I9."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from koipond_promotions.rules.counting import budget_of, limit_of, quotas_of, uses_of
from koipond_promotions.types import Promotion, PromotionId, Standing
from koipond_sdk import Finding, OrderId, encode
from koipond_sdk.services.quotas import Quota, QuotaId

_FIX = "Pause it; compare promotions_use with the reservations of its quotas, order by order"


def find_wrong(
    published: Iterable[Promotion],
    standing: Mapping[PromotionId, Standing],
    quotas: Mapping[QuotaId, Quota],
    orphans: Iterable[tuple[OrderId, PromotionId]],
) -> list[Finding]:
    """Return limits that are passed or not counted, and uses that no order carries.

    standing: what the orders that stand have of promotions, by their own rows.
    """
    found = [
        _finding(key, f"is used by {encode(OrderId, order_id)}, which does not carry it")
        for order_id, key in orphans
    ]
    for one in published:
        missing = [spec.id for spec in quotas_of(one) if spec.id not in quotas]
        if missing:
            found.append(_finding(one.id, "has a limit that nothing counts"))
            continue
        of = standing.get(one.id, Standing())
        found += [_finding(one.id, problem) for problem in _problems(one, of, quotas)]
    return found


def _problems(one: Promotion, of: Standing, quotas: Mapping[QuotaId, Quota]) -> Iterable[str]:
    if one.uses_max is not None:
        free = quotas[uses_of(one.id)].free or 0
        if of.uses + free > one.uses_max:
            yield f"has {of.uses} uses and {free} left, of {one.uses_max}"
    if one.budget_minor is not None:
        free = quotas[budget_of(one.id)].free or 0
        if of.off_minor + free > one.budget_minor:
            yield f"took off {of.off_minor} and has {free} left, of {one.budget_minor} minor units"
    if one.uses_per_member is not None:
        limit = quotas[limit_of(one.id)].subject_limit
        if limit != one.uses_per_member or of.most > one.uses_per_member:
            yield f"has {of.most} uses by one member, of {one.uses_per_member}"


def _finding(key: PromotionId, problem: str) -> Finding:
    return Finding(
        invariant="I9", problem=f"promotion {encode(PromotionId, key)} {problem}", fix=_FIX
    )
