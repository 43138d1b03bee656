"""Why a price is what it is: what is kept with an order, and how it is told."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from koipond.kernel.ids import CategoryId, OrderLineId, ProductId
from koipond.kernel.money import RoundingPolicy
from koipond.kernel.texts import Locale
from koipond.pricing.types.orders import PricedOrder
from koipond.pricing.types.promotions import Judged
from koipond.pricing.types.stages import Stage, Verdict
from koipond.pricing.types.units import Considered


class Traced(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a plugin's calculation was given. hook: that loaded it.

    version: of its TracedInputs; None: it is of no class that the plugin registers. size: its bytes
    as JSON. kept: itself, if it is registered and no larger than TRACED_MAX.
    """

    plugin: str
    hook: str
    version: int | None = None
    size: int = 0
    kept: Any = None


class Asked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What plugins were asked that the order itself does not tell."""

    now: datetime
    groups: tuple[str, ...] = ()
    categories: Mapping[ProductId, tuple[CategoryId, ...]] = {}
    locales: tuple[Locale, ...] = ()


class PriceTrace(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of a price beside its adjustments; no personal data."""

    considered: tuple[Considered, ...] = ()
    judged: tuple[Judged, ...] = ()
    rounding: RoundingPolicy = RoundingPolicy()
    traced: tuple[Traced, ...] = ()
    asked: Asked | None = None

    @classmethod
    def of(cls, price: PricedOrder) -> "PriceTrace":
        """Return what there is to tell of a price that was just worked out."""
        return cls(considered=price.considered, judged=price.judged, rounding=price.rounding)


class TraceStep(Struct, frozen=True, kw_only=True):
    """One step on the way to a price, also one that was not taken; amounts in minor units.

    line_id: None for the order as a whole. label: as the buyer reads it. verdict: WON if the step
    counts. amount_minor: what it adds, less than 0 if it takes off. unit_minor: of prices of a
    unit. base_minor, rate_ppm: of what amount which share. minimum_minor: from what on it counts;
    measured_minor: what that is measured by. against: the label of what it lost to.
    """

    stage: Stage
    origin: str
    label: str
    verdict: Verdict
    sentence: str
    line_id: OrderLineId | None = None
    rule: str | None = None
    rule_version: int | None = None
    amount_minor: int = 0
    unit_minor: int | None = None
    base_minor: int | None = None
    rate_ppm: int | None = None
    minimum_minor: int | None = None
    measured_minor: int | None = None
    coupon: str | None = None
    stack_group: str | None = None
    priority: int | None = None
    against: str | None = None
    ends_at: datetime | None = None
