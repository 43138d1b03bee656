"""Value that is set aside: it stays in its buckets, and nobody else can take it."""

from collections.abc import Iterable

from koipond.ledger.errors import PendingTransferClosed
from koipond.ledger.rules.booking import Leg, Standing, less
from koipond.ledger.rules.parts import draw, pay_debt
from koipond.ledger.types import DEBT, Bucket, PendingState, PendingTransfer


def keep_aside(standing: Standing, units: int) -> Leg:
    """Set `units` aside, of what expires earliest first. Raises LedgerShort."""
    return Leg(standing.account, aside=draw(standing.account, standing.buckets, units))


def check_open(pending: PendingTransfer, *, or_state: PendingState) -> bool:
    """Tell whether it is open; False: it was closed the same way before.

    Raises PendingTransferClosed.
    """
    if pending.state not in {PendingState.OPEN, or_state}:
        raise PendingTransferClosed(pending=pending.id, state=pending.state)
    return pending.state is PendingState.OPEN


def close(standing: Standing, pending: PendingTransfer, *, spent: bool) -> Leg:
    """Take what was set aside, or let it go; what is let go pays a debt first."""
    account, aside = standing.account, less(pending.parts)
    if spent:
        return Leg(account, parts=less(pending.parts), aside=aside)
    paid = pay_debt(account.debt, _let_go(standing.buckets, pending))
    owed = {DEBT: sum(paid.values())} if paid else {}
    return Leg(account, parts={**less(paid), **owed}, aside=aside)


def _let_go(buckets: Iterable[Bucket], pending: PendingTransfer) -> list[Bucket]:
    return [
        Bucket(
            account_id=one.account_id,
            expires_on=one.expires_on,
            remaining=one.remaining,
            set_aside=one.set_aside - pending.parts.get(one.expires_on, 0),
        )
        for one in buckets
    ]
