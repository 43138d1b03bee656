"""Which states an approval goes through, and who may move it on."""

from collections.abc import Mapping, Set
from datetime import datetime, timedelta

from koipond.approval.types import Approval, ApprovalState

_S = ApprovalState
# EXPIRED is never stored. An act that was begun twice and refused once is done if it was done once.
APPROVAL_MOVES: Mapping[ApprovalState, Set[ApprovalState]] = {
    _S.PENDING: {_S.APPROVED, _S.DECLINED},
    _S.APPROVED: {_S.APPROVED, _S.DONE, _S.REFUSED},
    _S.REFUSED: {_S.DONE},
    _S.DONE: set(),
    _S.DECLINED: set(),
    _S.EXPIRED: set(),
}


def may_begin_again(known: Approval, *, now: datetime, lease: timedelta) -> bool:
    """Tell whether an act that was agreed to was left alone, and is the same act once more."""
    if known.state is not _S.APPROVED or known.decided_at is None:
        return False
    return now - known.decided_at > lease and bool(known.document.get("idempotency_key"))


def ends(known: Approval, begun: Approval, state: ApprovalState) -> bool:
    """Tell whether what came of an act ends its approval. begun: as it was agreed to then.

    Who was refused because somebody else began it later, or has done it, says nothing.
    """
    if state not in APPROVAL_MOVES[known.state]:
        return False
    return state is _S.DONE or known.decided_at == begun.decided_at
