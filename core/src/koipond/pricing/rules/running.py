"""What is left of each line while an order is priced, and the adjustments made so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from koipond.kernel.ids import OrderLineId, VariantId
from koipond.kernel.money import RoundingPolicy
from koipond.pricing.rules.shipping import charge_shipping, price_at
from koipond.pricing.rules.taxes import add_taxes
from koipond.pricing.rules.units import CORE
from koipond.pricing.types import (
    Adjustment,
    Gift,
    GiftPrice,
    Judged,
    QuoteLine,
    ShippingCost,
    Stage,
    Taxable,
    TaxTable,
)


class Line:
    """What rules ask of a line again and again.

    is_by_activity: an activity sells it. left: what of it is still to be paid; opened: what was
    when the stage began, which is what minimums are measured by.
    """

    __slots__ = ("is_by_activity", "left", "opened", "quantity")

    def __init__(self, quantity: int, *, is_by_activity: bool, left: int) -> None:
        self.quantity = quantity
        self.is_by_activity = is_by_activity
        self.left = self.opened = left


class Running:
    """An order while it is priced: stages take from lines and shipping, and note how much."""

    def __init__(
        self,
        lines: Sequence[QuoteLine],
        *,
        rounding: RoundingPolicy,
        shipping: ShippingCost | None,
        gifts: Mapping[VariantId, GiftPrice],
    ) -> None:
        self.rounding = rounding
        self.gifts = gifts
        self.lines = {
            one.id: Line(
                one.quantity,
                is_by_activity=one.unit.activity_id is not None,
                left=one.unit.unit_minor * one.quantity,
            )
            for one in lines
        }
        # {with those that activities sell: what all lines came to when the stage began}
        self._opened: dict[bool, int] = {}
        # For the goods as they are; the stages before SHIPPING may ask for it already.
        steps = () if shipping is None else shipping.steps
        self.shipping_left = price_at(steps, self.goods_left) or 0
        self.adjustments = [made for one in lines for made in _price_line(one)]
        self.judged: list[Judged] = []
        self.gift_ids: set[OrderLineId] = set()

    @property
    def goods_left(self) -> int:
        """What is still to be paid for all lines."""
        return sum(line.left for line in self.lines.values())

    def begin_stage(self) -> None:
        """Measure minimums by what is left now."""
        for line in self.lines.values():
            line.opened = line.left
        self._opened.clear()

    def opened_of_all(self, *, with_activities: bool) -> int:
        """Return what all lines came to when the stage began."""
        known = self._opened.get(with_activities)
        if known is None:
            lines = self.lines.values()
            known = sum(one.opened for one in lines if with_activities or not one.is_by_activity)
            self._opened[with_activities] = known
        return known

    def add_shipping(self, shipping: ShippingCost | None) -> None:
        """Note what shipping costs for what is left of the goods."""
        made = [] if shipping is None else charge_shipping(shipping, self.goods_left)
        self.shipping_left = sum(one.amount_minor for one in made)
        self.adjustments += made

    def add_tax(self, lines: Sequence[QuoteLine], table: TaxTable | None) -> None:
        """Note the tax of what is left of the lines and, if it is sent, of shipping."""
        if table is None:
            return
        taxables = [
            Taxable(
                line_id=one.id,
                amount_minor=self.lines[one.id].left,
                quantity=one.quantity,
                category=one.tax_category,
            )
            for one in lines
        ]
        if any(one.stage is Stage.SHIPPING for one in self.adjustments):
            left = self.shipping_left
            taxables.append(Taxable(line_id=None, amount_minor=left, quantity=1, category=None))
        self.adjustments += add_taxes(taxables, table, self.rounding)

    def add_gift(self, line_id: OrderLineId, gift: Gift) -> None:
        """Add a line at its list price; whoever gives it takes all of it off."""
        price = self.gifts[gift.variant_id]
        self.gift_ids.add(line_id)
        self.adjustments.append(
            Adjustment(
                stage=Stage.PRICE_LIST,
                line_id=line_id,
                amount_minor=price.list_minor * gift.quantity,
                label=price.label,
                origin=CORE,
            )
        )

    def take(self, made: Adjustment) -> None:
        """Take what an adjustment takes off from what is left."""
        if made.line_id is None:
            self.shipping_left += made.amount_minor
        elif made.line_id in self.lines:
            self.lines[made.line_id].left += made.amount_minor
        self.adjustments.append(made)


def _price_line(line: QuoteLine) -> list[Adjustment]:
    """Return a line's price by the list, and what each rule that won changes of it."""
    made = [
        Adjustment(
            stage=Stage.PRICE_LIST,
            line_id=line.id,
            amount_minor=line.unit.list_minor * line.quantity,
            label=line.label,
            origin=CORE,
        )
    ]
    before = line.unit.list_minor
    for one in line.unit.won:
        made.append(
            Adjustment(
                stage=one.stage,
                line_id=line.id,
                amount_minor=(one.unit_price_minor - before) * line.quantity,
                label=one.label,
                origin=one.origin,
                rule=one.rule,
            )
        )
        before = one.unit_price_minor
    return made
