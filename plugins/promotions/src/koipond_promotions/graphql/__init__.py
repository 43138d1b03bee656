"""Promotions in the schemas."""

from koipond_promotions.graphql.fields import (
    PromotionCouponsOfMember,
    PromotionMutations,
    PromotionQueries,
    PromotionStaffQueries,
)

__all__ = [
    "PromotionCouponsOfMember",
    "PromotionMutations",
    "PromotionQueries",
    "PromotionStaffQueries",
]
