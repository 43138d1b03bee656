"""Use-cases of quotas.

reserve        HELD for a short while        the desk's batch         locks quota rows
place          HELD -> PLACED                the order's transaction  own rows only
consume        PLACED -> CONSUMED            the order's transaction  own rows only
ask_release    any of them -> RETURNING      the order's transaction  own rows only
drop           HELD of a part -> RETURNING   its own transaction      own rows only
give_back      RETURNING, lapsed -> RELEASED a job's transaction      locks quota rows
"""

from koipond.quota.service.capacity import (
    change_capacity,
    close,
    create,
    move_units,
    reschedule,
    take_what_is_free,
)
from koipond.quota.service.desk import Desk
from koipond.quota.service.jobs import give_back, merge_subjects, part_subjects, purge, transfer
from koipond.quota.service.placing import (
    ask_release,
    consume,
    drop,
    place,
    place_unread,
    return_part,
)
from koipond.quota.service.reading import (
    audit,
    find_free,
    find_holders,
    find_kept,
    find_quotas,
    find_reservations,
    find_taken,
    free_of,
)
from koipond.quota.service.reserving import find_desk, reserve

__all__ = [
    "Desk",
    "ask_release",
    "audit",
    "change_capacity",
    "close",
    "consume",
    "create",
    "drop",
    "find_desk",
    "find_free",
    "find_holders",
    "find_kept",
    "find_quotas",
    "find_reservations",
    "find_taken",
    "free_of",
    "give_back",
    "merge_subjects",
    "move_units",
    "part_subjects",
    "place",
    "place_unread",
    "purge",
    "reschedule",
    "reserve",
    "return_part",
    "take_what_is_free",
    "transfer",
]
