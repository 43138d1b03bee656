"""Use-cases of past purchases."""

from collections.abc import Sequence
from secrets import token_bytes, token_hex

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
    now = ctx.clock.now()
    length = rules.NUMBER_LENGTH
    known = await repository.find_imported(ctx.db, [one.imported_from for one in past])
    made = [
        replace(
            rules.make_past_order(
                one,
                OrderId(id_at(one.placed_at)),
                rules.make_number(token_bytes(length)),
                new_id=new_id,
            ),
            subject=SubjectId(one.member_id),
        )
        for one in past
        if one.imported_from not in known
    ]
    # Nobody holds a token of theirs: what is stored is the hash of nothing that is known.
    hashes = [token_hex(32) for _ in made]
    there = await repository.add_imported(ctx.db, made, token_hashes=hashes, now=now)
    new = {one.imported_from for one in made if there.get(one.imported_from or "") == one.id}
    stored = known.keys() | there.keys()
    return [one.imported_from in new if one.imported_from in stored else None for one in past]
