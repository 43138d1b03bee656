"""What becomes a member's when they log in: the cart that they brought, and orders of before."""

from koipond.kernel.context import Context
from koipond.login.events import MemberLoggedIn
from koipond.member import service as members
from koipond.order import repository, rules


async def claim_of_guest(ctx: Context, event: MemberLoggedIn) -> None:
    """Give a member who has logged in the cart that they brought, unless it is another's, and the
    orders that were placed as a guest with an address which they have proved.

    Whom limits count such orders for stays as it is: nobody gets a second turn by logging in.
    """
    now = ctx.clock.now()
    # What they proved at this login may have made another of them.
    key = await members.hold(ctx, event.member_id)
    if event.cart_hash:
        await repository.claim_cart(ctx.db, event.cart_hash, key, now=now)
    found = await members.find_guests_of(ctx, key)
    for guest in sorted({one for one, _, _ in found}):
        proven = {(kind, value) for one, kind, value in found if one == guest}
        contacts = await repository.lock_contacts(ctx.db, guest)
        own = rules.find_own(contacts, proven)
        await repository.give_orders(ctx.db, own, key, now=now)
