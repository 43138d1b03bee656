"""SQL of the ledger.

locking                        accounts under their locks, and what they have
writing, postgresql, sqlite    one booking in as few statements as can be
expiring                       accounts that have something to lose, a batch at a time
reading, audits                without locks
"""

from koipond.ledger.repository.audits import (
    find_bad_accounts,
    find_bad_buckets,
    find_bad_transfers,
    find_lost_transfers,
    find_overdrawn,
    find_too_much_undone,
)
from koipond.ledger.repository.expiring import forget_empty, lock_lapsed
from koipond.ledger.repository.locking import Sight, add_accounts, find_buckets, see
from koipond.ledger.repository.reading import (
    find_pending_by_source,
    find_standings,
    find_statement,
    find_transfer,
    find_transfer_by_source,
    find_undone,
    lock_pending,
    sum_system,
)
from koipond.ledger.repository.writing import book, set_aside, void

__all__ = [
    "Sight",
    "add_accounts",
    "book",
    "find_bad_accounts",
    "find_bad_buckets",
    "find_bad_transfers",
    "find_buckets",
    "find_lost_transfers",
    "find_overdrawn",
    "find_pending_by_source",
    "find_standings",
    "find_statement",
    "find_too_much_undone",
    "find_transfer",
    "find_transfer_by_source",
    "find_undone",
    "forget_empty",
    "lock_lapsed",
    "lock_pending",
    "see",
    "set_aside",
    "sum_system",
    "void",
]
