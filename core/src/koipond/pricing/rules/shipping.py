"""Shipping: what the chosen method costs for goods of a total."""

from collections.abc import Sequence

from koipond.pricing.rules.units import CORE
from koipond.pricing.types import Adjustment, ShippingCost, ShippingStep, Stage

FREE_FROM = "free_from"


def step_at(steps: Sequence[ShippingStep], goods_minor: int) -> ShippingStep | None:
    """Return the step that holds for goods of a total: the highest that they come to.

    steps: the least total first. None: they do not come to any.
    """
    held = [one for one in steps if one.total_from_minor <= goods_minor]
    return held[-1] if held else None


def is_free(step: ShippingStep, goods_minor: int) -> bool:
    """Tell whether a step costs nothing for goods of a total."""
    return step.free_from_minor is not None and goods_minor >= step.free_from_minor


def price_at(steps: Sequence[ShippingStep], goods_minor: int) -> int | None:
    """Return what shipping costs for goods of a total; None if it is not offered for them."""
    step = step_at(steps, goods_minor)
    if step is None:
        return None
    return 0 if is_free(step, goods_minor) else step.amount_minor


def charge_shipping(cost: ShippingCost, goods_minor: int) -> list[Adjustment]:
    """Return what a method costs for goods of a total, and what is taken off if that makes it free.

    Nothing if the goods do not come to what the method is offered from: nobody places that.
    """
    step = step_at(cost.steps, goods_minor)
    if step is None:
        return []
    charged = Adjustment(
        stage=Stage.SHIPPING,
        line_id=None,
        amount_minor=step.amount_minor,
        label=cost.label,
        origin=CORE,
        rule=cost.rule,
        base_minor=goods_minor,
    )
    if not step.amount_minor or not is_free(step, goods_minor):
        return [charged]
    free = Adjustment(
        stage=Stage.SHIPPING_DISCOUNT,
        line_id=None,
        amount_minor=-step.amount_minor,
        label=cost.label,
        origin=CORE,
        rule=FREE_FROM,
        base_minor=step.free_from_minor,
    )
    return [charged, free]
