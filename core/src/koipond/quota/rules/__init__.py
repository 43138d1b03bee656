"""Rules of quotas: who gets what, where units go, whom a limit counts. Pure."""

from koipond.quota.rules.capacity import (
    Flow,
    check_change,
    check_known,
    fit_change,
    plan_close,
    plan_give_back,
    plan_purge,
    sum_moves,
)
from koipond.quota.rules.deciding import (
    Ledger,
    RowKey,
    Writes,
    decide,
    find_pairs,
    open_ledger,
)
from koipond.quota.rules.limits import check_transfer, find_excess
from koipond.quota.rules.moves import RESERVATION_MOVES, sources
from koipond.quota.rules.periods import period_key, subject_of
from koipond.quota.rules.refusals import refusal_of
from koipond.quota.rules.returning import PartialReturn, plan_return

__all__ = [
    "RESERVATION_MOVES",
    "Flow",
    "Ledger",
    "PartialReturn",
    "RowKey",
    "Writes",
    "check_change",
    "check_known",
    "check_transfer",
    "decide",
    "find_excess",
    "find_pairs",
    "fit_change",
    "open_ledger",
    "period_key",
    "plan_close",
    "plan_give_back",
    "plan_purge",
    "plan_return",
    "refusal_of",
    "sources",
    "subject_of",
    "sum_moves",
]
