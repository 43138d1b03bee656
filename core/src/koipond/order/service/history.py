"""Use-cases of past purchases, and of all orders read in turn."""

import secrets
from collections.abc import Sequence

from msgspec.structs import replace

from koipond.kernel.context import Context, transaction
from koipond.kernel.ids import OrderId, SubjectId, id_at, new_id
from koipond.order import repository, rules
from koipond.order.types import PastOrder


@transaction
async def import_past_orders(ctx: Context, past: Sequence[PastOrder]) -> list[bool | None]:
    """Store purchases that were made elsewhere: no units are taken, no money, nobody is told.

    They count in views, reports and what their members have bought. Returns for each whether it is
    new; None: another order has its number, and nothing of it was stored.
    """
    if not past:
        return []
    now = ctx.clock.now()
    made = [
        replace(
            rules.make_past_order(
                one, OrderId(id_at(one.placed_at)), _make_number(), new_id=new_id
            ),
            subject=SubjectId(one.member_id),
        )
        for one in past
    ]
    # Nobody holds a token of theirs: what is stored is the hash of nothing that is known.
    hashes = [secrets.token_hex(32) for _ in made]
    there = await repository.add_imported(ctx.db, made, token_hashes=hashes, now=now)
    return [
        there[one.imported_from] == one.id if one.imported_from in there else None
        for one in made
        if one.imported_from is not None
    ]


def _make_number() -> str:
    return rules.make_number([secrets.randbelow(32) for _ in range(rules.NUMBER_LENGTH)])
