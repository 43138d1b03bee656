"""What happens to stock."""

from typing import ClassVar

from koipond.kernel.events import Event
from koipond.kernel.ids import LocationId, QuotaId, VariantId


class StockShort(Event, frozen=True, kw_only=True):
    """A count found `units` missing that are promised to orders; people must look at those."""

    aggregate: ClassVar[str] = "variant_id"
    variant_id: VariantId
    location_id: LocationId
    quota_id: QuotaId
    units: int
