"""The use-case of replay: a stored price is summed and worked out again."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec import Struct

from koipond.kernel.context import Context
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import IdInvalid, OrderId, decode
from koipond.kernel.money import Money
from koipond.order import repository, rules
from koipond.order.service.reading import find_any_order
from koipond.order.types import Order
from koipond.pricing.rules import price_again
from koipond.pricing.types import Asked, CartOffer, Traced


class Outcome(StrEnum):
    """What became of a plugin's calculation when it was run again."""

    SAME = "same"
    DIFFERENT = "different"
    # It was given nothing that the plugin registers.
    NOT_TRACED = "not_traced"
    # What it was given was more than is kept.
    TOO_LARGE = "too_large"
    # The plugin does not take this version any more, or is not there.
    NOT_TAKEN = "not_taken"
    # The plugin failed, or cannot read what is kept.
    FAILED = "failed"


class Recalculated(Struct, frozen=True, kw_only=True):
    """A plugin's calculation and what became of it. hook: that loaded what it was given."""

    plugin: str
    hook: str
    version: int | None
    outcome: Outcome


class Replayed(Struct, frozen=True, kw_only=True):
    """An order's price, summed and worked out again.

    differences: what its own trace, worked out again, comes to otherwise; none is well.
    edits: how often it was edited since it was placed. Of such an order only the sum is looked at:
    an edit keeps each unit's share of what was placed, which no calculation comes to.
    """

    order_id: OrderId
    number: str | None
    total: Money
    summed: Money
    differences: tuple[str, ...]
    calculations: tuple[Recalculated, ...]
    edits: int = 0

    @property
    def is_same(self) -> bool:
        """Whether all that could be worked out again came to the same."""
        wrong = {Outcome.DIFFERENT, Outcome.FAILED}
        return (
            self.total == self.summed
            and not self.differences
            and not any(one.outcome in wrong for one in self.calculations)
        )


async def replay(ctx: Context, name: str) -> Replayed | None:
    """Work an order's price out again, by what is kept with it; None if there is no such order.

    name: its number or its id. Nothing is changed.
    """
    order = await _find(ctx, name)
    if order is None:
        return None
    async with ctx.reading() as db:
        total_minor = await repository.find_total(db, order.id)
        edits = await repository.find_edits(db, [order.id])
    traced = order.trace.traced
    differences: list[str] = []
    if not edits:
        again = price_again(order.price, {one.id: one.quantity for one in order.lines})
        differences = rules.compare_prices(order.price, again)
    return Replayed(
        order_id=order.id,
        number=order.number,
        total=Money(total_minor, order.price.currency),
        summed=order.price.total,
        differences=tuple(differences),
        calculations=() if edits else tuple(_calculate(ctx, order, one) for one in traced),
        edits=len(edits),
    )


async def _find(ctx: Context, name: str) -> Order | None:
    found = await find_any_order(ctx, number=name)
    if found is not None:
        return found
    try:
        return await find_any_order(ctx, order_id=decode(OrderId, name))
    except IdInvalid:
        return None


def _calculate(ctx: Context, order: Order, one: Traced) -> Recalculated:
    return Recalculated(
        plugin=one.plugin, hook=one.hook, version=one.version, outcome=_outcome(ctx, order, one)
    )


def _outcome(ctx: Context, order: Order, one: Traced) -> Outcome:
    if one.version is None:
        return Outcome.NOT_TRACED
    if one.kept is None:
        return Outcome.TOO_LARGE
    kind = ctx.shop.extensions.traced.get((one.plugin, one.version))
    if kind is None:
        return Outcome.NOT_TAKEN
    assert order.trace.asked is not None, "what plugins were asked is kept with what they were told"
    try:
        inputs = msgspec.convert(one.kept, kind)
        is_same = _run(ctx, order, order.trace.asked, one, inputs)
    except (msgspec.ValidationError, DomainError):
        return Outcome.FAILED
    return Outcome.SAME if is_same else Outcome.DIFFERENT


def _run(ctx: Context, order: Order, asked: Asked, one: Traced, inputs: Struct) -> bool:
    """Run a calculation again; tell whether it comes to what is kept."""
    request = rules.cart_request_of(order, asked)
    if one.hook == "price_inputs":
        wanted = rules.price_request_of(request)
        answer = ctx.hooks.calculate_again(one.hook, one.plugin, wanted, inputs)
        quotes = answer if isinstance(answer, list) else []
        return rules.are_quoted(order.price, one.plugin, quotes)
    answer = ctx.hooks.calculate_again(one.hook, one.plugin, request, inputs)
    proposals = answer.proposals if isinstance(answer, CartOffer) else ()
    return rules.are_proposed(order.price, one.plugin, proposals)
