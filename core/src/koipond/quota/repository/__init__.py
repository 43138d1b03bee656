"""SQL of quotas.

batch, postgresql, sqlite   what the desk does, in a transaction of its own
jobs, capacity              what else locks quotas
orders                      an order's own rows, in its transaction
reading, audits             without locks
"""

from koipond.quota.repository.audits import (
    find_drift,
    find_invented,
    find_over_limit,
    find_unbalanced,
)
from koipond.quota.repository.batch import (
    change_rows,
    insert_if_still,
    lock,
    look,
    read,
    write,
)
from koipond.quota.repository.capacity import (
    add_quotas,
    change_capacity,
    find_family,
    follow,
    mark_closed,
    set_times,
)
from koipond.quota.repository.jobs import (
    delete_consumed,
    delete_released,
    find_carried_quotas,
    find_consumed_quotas,
    find_due_quotas,
    find_limits_of,
    forget_excess,
    note_carried,
    record_excess,
    take_carried,
    take_due,
)
from koipond.quota.repository.orders import (
    consume,
    drop,
    let_go,
    lock_rows,
    place,
    place_unread,
    store_return,
)
from koipond.quota.repository.reading import (
    find_holders,
    find_kept,
    find_quotas,
    find_reservations,
    find_taken,
    free_of,
)

__all__ = [
    "add_quotas",
    "change_capacity",
    "change_rows",
    "consume",
    "delete_consumed",
    "delete_released",
    "drop",
    "find_carried_quotas",
    "find_consumed_quotas",
    "find_drift",
    "find_due_quotas",
    "find_family",
    "find_holders",
    "find_invented",
    "find_kept",
    "find_limits_of",
    "find_over_limit",
    "find_quotas",
    "find_reservations",
    "find_taken",
    "find_unbalanced",
    "follow",
    "forget_excess",
    "free_of",
    "insert_if_still",
    "let_go",
    "lock",
    "lock_rows",
    "look",
    "mark_closed",
    "note_carried",
    "place",
    "place_unread",
    "read",
    "record_excess",
    "set_times",
    "store_return",
    "take_carried",
    "take_due",
    "write",
]
