"""What is shown of promotions, and what they propose."""

from collections.abc import Sequence
from datetime import UTC, datetime

from koipond_promotions import rules
from koipond_promotions.service.boards import find_board
from koipond_promotions.types import ActionWish, Promotion, PromotionInputs
from koipond_sdk import Context, Locale
from koipond_sdk.hooks import CartOffer, CartRequest

_NEVER = datetime.max.replace(tzinfo=UTC)


async def find_running(ctx: Context) -> list[Promotion]:
    """Return what counts by itself in this channel and currency, or will; the first to end first.

    What is for groups of members is not told to everybody.
    """
    board = await find_board(ctx)
    now = ctx.clock.now()
    found = [
        one
        for one in board.all_of((ctx.scope.channel_id, ctx.scope.currency))
        if not one.is_over(now) and not one.rule.conditions.groups
    ]
    return sorted(found, key=lambda one: (one.ends_at or _NEVER, one.id))


def make_offer(request: CartRequest, inputs: PromotionInputs) -> CartOffer:
    """Return what promotions propose for a cart."""
    return rules.make_offer(request, inputs)


def label_of(one: Promotion, locales: Sequence[Locale]) -> str:
    """Return what a buyer reads of a promotion."""
    return rules.label_of(one, locales)


def write_action(one: Promotion) -> ActionWish:
    """Return what a promotion does, as staff write it."""
    return rules.write_action(one.rule.action, one.currency)
