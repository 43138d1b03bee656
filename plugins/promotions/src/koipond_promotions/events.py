"""What happens to promotions."""

from typing import ClassVar

from koipond_promotions.types import BatchId, PromotionId
from koipond_sdk import Event


class PromotionPublished(Event, frozen=True, kw_only=True):
    """A promotion counts from its start on, or again after a pause."""

    aggregate: ClassVar[str] = "promotion_id"
    promotion_id: PromotionId
    published_version: int


class PromotionPaused(Event, frozen=True, kw_only=True):
    """A promotion counts for no new order until it is published again."""

    aggregate: ClassVar[str] = "promotion_id"
    promotion_id: PromotionId


class PromotionEnded(Event, frozen=True, kw_only=True):
    """A promotion is over for good; orders that carry it keep what it took off."""

    aggregate: ClassVar[str] = "promotion_id"
    promotion_id: PromotionId


class PromotionCouponsGenerated(Event, frozen=True, kw_only=True):
    """There are so many new codes of a promotion."""

    aggregate: ClassVar[str] = "promotion_id"
    promotion_id: PromotionId
    batch_id: BatchId
    count: int
