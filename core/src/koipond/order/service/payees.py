"""The use-case of payee slots: at most two people are paid for a line, over all plugins."""

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import OrderLineId
from koipond.order import repository
from koipond.order.errors import PayeeSlotsTaken
from koipond.order.types import PayeeSlot

_SLOTS = (1, 2)


@transaction
async def claim_payee_slot(
    ctx: Context, line_id: OrderLineId, *, person: str, source: str
) -> PayeeSlot:
    """Claim one of the two slots of a line for a person who is paid because of their relation to
    the buyer; who has one keeps it.

    person: one natural person, named the same by everyone who claims; source: who claims.
    Raises PayeeSlotsTaken.
    """
    for slot in _SLOTS:
        wanted = PayeeSlot(line_id=line_id, slot=slot, person=person, source=source)
        if await repository.add_payee(ctx.db, wanted, now=ctx.clock.now()):
            return wanted
    taken = await repository.find_payees(ctx.db, line_id)
    mine = next((one for one in taken if one.person == person), None)
    if mine is None:
        sources = ", ".join(sorted({one.source for one in taken}))
        raise PayeeSlotsTaken(order_line_id=line_id, sources=sources)
    return mine
