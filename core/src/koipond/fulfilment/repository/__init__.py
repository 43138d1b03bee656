"""SQL of shipping methods, fulfilments and returns."""

from koipond.fulfilment.repository.fulfilments import (
    add_fulfilment,
    count_restocked,
    count_wrong_code,
    find_fulfilment,
    find_fulfilments,
    find_parcel_units,
    move_fulfilment,
    renew_code,
)
from koipond.fulfilment.repository.methods import find_methods, next_position, save_method
from koipond.fulfilment.repository.returns import (
    add_return,
    find_return,
    find_returns,
    list_returns,
    move_return,
    save_return_lines,
    sum_restocked,
)

__all__ = [
    "add_fulfilment",
    "add_return",
    "count_restocked",
    "count_wrong_code",
    "find_fulfilment",
    "find_fulfilments",
    "find_methods",
    "find_parcel_units",
    "find_return",
    "find_returns",
    "list_returns",
    "move_fulfilment",
    "move_return",
    "next_position",
    "renew_code",
    "save_method",
    "save_return_lines",
    "sum_restocked",
]
