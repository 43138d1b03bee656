"""Use-cases of stock. What can be sold of a level is a quota, whose capacity this changes."""

from koipond.stock.service.booking import (
    DEFAULT_LOCATION,
    adjust_stock,
    adjust_stock_once,
    allow_back_order,
    receive,
)
from koipond.stock.service.counting import import_stock
from koipond.stock.service.levels import (
    asking_levels,
    audit,
    find_availability,
    find_free,
    find_kept,
    find_level_quotas,
    find_levels,
    find_levels_of,
)
from koipond.stock.service.moving import (
    find_held,
    find_moved,
    find_promised,
    let_go,
    release_others,
    restock,
    ship,
)
from koipond.stock.service.reserving import (
    consume,
    do_give_back,
    drop,
    give_back,
    place,
    place_unread,
    release,
    reserve,
    set_apart,
)

__all__ = [
    "DEFAULT_LOCATION",
    "adjust_stock",
    "adjust_stock_once",
    "allow_back_order",
    "asking_levels",
    "audit",
    "consume",
    "do_give_back",
    "drop",
    "find_availability",
    "find_free",
    "find_held",
    "find_kept",
    "find_level_quotas",
    "find_levels",
    "find_levels_of",
    "find_moved",
    "find_promised",
    "give_back",
    "import_stock",
    "let_go",
    "place",
    "place_unread",
    "receive",
    "release",
    "release_others",
    "reserve",
    "restock",
    "set_apart",
    "ship",
]
