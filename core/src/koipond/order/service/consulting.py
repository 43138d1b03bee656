"""What plugins say of a purchase: asked before anything is reserved, in no transaction."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

import msgspec
from msgspec import Struct

from koipond.kernel.context import Context
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import OrderId, QuotaId, SubjectId
from koipond.member.types import Contact
from koipond.order import rules
from koipond.order.service.preparing import Prepared
from koipond.order.types import Checkout, CheckoutTerms, Order, OrderHold, OrderLine, QuotaRequest
from koipond.quota.rules import subject_of
from koipond.quota.types import Claim


class Consulted(Struct, frozen=True, kw_only=True):
    """What plugins add to an order. terms: {plugin: what it adds}."""

    checkout: Checkout
    terms: Mapping[str, CheckoutTerms]
    requests: tuple[QuotaRequest, ...]

    @property
    def claims(self) -> list[Claim]:
        """What is to be reserved beside the stock."""
        return [one.claim for one in self.requests]

    def window(self, usual: timedelta) -> timedelta:
        """Return how long the order may be unpaid: the shortest that anybody says."""
        told = [one.payment_window for one in self.terms.values() if one.payment_window is not None]
        return min([usual, *told])

    def refusal_of(self, error: DomainError, quota_id: QuotaId) -> DomainError:
        """Return what the buyer is told where one of `requests` was refused."""
        for one in self.requests:
            if one.claim.quota_id == quota_id and one.refusal is not None:
                return one.refusal(error)
        return error


async def consult(
    ctx: Context, order_id: OrderId, prepared: Prepared, *, is_edit: bool = False
) -> Consulted:
    """Ask plugins what they make of a purchase, or of what an edit adds to one.

    Raises PluginFailed and the first refusal of a plugin.
    """
    checkout = _make_checkout(ctx, order_id, prepared, is_edit=is_edit)
    for refusal in await ctx.hooks.checkout_validate(ctx, checkout):
        raise refusal
    terms = await ctx.hooks.checkout_attributes(ctx, checkout)
    requests = await ctx.hooks.quota_requests(ctx, checkout)
    own = rules.claims_of_activities(checkout, prepared.quote.activities)
    return Consulted(checkout=checkout, terms=terms, requests=(*own, *requests))


def with_terms(order: Order, consulted: Consulted) -> Order:
    """Return an order with what plugins keep with it, their holds, and whom limits count."""
    assert order.placed_at is not None, "it is being placed"
    holds = tuple(
        OrderHold(name=one.name, source=plugin, reason=one.reason, placed_at=order.placed_at)
        for plugin, terms in consulted.terms.items()
        for one in terms.holds
    )
    attributes = {
        plugin: terms.attributes for plugin, terms in consulted.terms.items() if terms.attributes
    }
    return msgspec.structs.replace(
        order,
        lines=lines_with_terms(order.lines, consulted),
        holds=holds,
        attributes=attributes,
        subject=consulted.checkout.subject,
    )


def lines_with_terms(lines: Iterable[OrderLine], consulted: Consulted) -> tuple[OrderLine, ...]:
    """Return lines with what plugins keep with them."""
    return tuple(
        msgspec.structs.replace(
            line,
            attributes={
                plugin: terms.line_attributes[line.id]
                for plugin, terms in consulted.terms.items()
                if line.id in terms.line_attributes
            },
        )
        for line in lines
    )


def _make_checkout(
    ctx: Context, order_id: OrderId, prepared: Prepared, *, is_edit: bool
) -> Checkout:
    contact = prepared.details.contact
    assert contact is not None, "check_complete wants one"
    return Checkout(
        order_id=order_id,
        channel_id=ctx.scope.channel_id,
        member_id=ctx.viewer.member_id,
        subject=_subject(ctx, contact),
        lines=prepared.quote.lines,
        price=prepared.quote.price,
        details=prepared.details,
        chosen=prepared.quote.chosen,
        now=ctx.clock.now(),
        is_edit=is_edit,
    )


def _subject(ctx: Context, contact: Contact) -> SubjectId:
    """Return whom limits count: a guest is whoever can be reached at the address."""
    if ctx.viewer.member_id is not None:
        return SubjectId(ctx.viewer.member_id)
    (kind, value), *_ = contact.identities
    return subject_of(kind, value)
