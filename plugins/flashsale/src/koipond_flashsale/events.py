"""What happens to rounds."""

from datetime import datetime
from typing import ClassVar

from koipond_flashsale.types import FlashSaleRoundId
from koipond_sdk import Event, VariantId


class FlashSaleScheduled(Event, frozen=True, kw_only=True):
    """A round is on: its units are set apart, its price will be sold at from `starts_at` on."""

    aggregate: ClassVar[str] = "round_id"
    round_id: FlashSaleRoundId
    variant_id: VariantId
    units: int
    starts_at: datetime
    ends_at: datetime


class FlashSaleUnitsAdded(Event, frozen=True, kw_only=True):
    """A round has more units; `units` says how many more."""

    aggregate: ClassVar[str] = "round_id"
    round_id: FlashSaleRoundId
    units: int


class FlashSaleRoundEnded(Event, frozen=True, kw_only=True):
    """A round is over, by its time or by staff; what was free of it is in the stock again."""

    aggregate: ClassVar[str] = "round_id"
    round_id: FlashSaleRoundId
