"""Rules of shipping methods, fulfilments and returns."""

from koipond.fulfilment.rules.codes import CODE_ATTEMPTS, is_code, make_code
from koipond.fulfilment.rules.methods import check_goods, choose_method, make_method, offered, ships
from koipond.fulfilment.rules.parcels import (
    FULFILMENT_MOVES,
    Portion,
    check_move,
    plan_portions,
    tell_progress,
    units_out,
)
from koipond.fulfilment.rules.returns import (
    OPEN_RETURNS,
    RETURN_MOVES,
    Restocking,
    check_return_move,
    plan_inspection,
    plan_reception,
    plan_restocking,
    tell_return_progress,
    units_returnable,
    with_restocked,
)

__all__ = [
    "CODE_ATTEMPTS",
    "FULFILMENT_MOVES",
    "OPEN_RETURNS",
    "RETURN_MOVES",
    "Portion",
    "Restocking",
    "check_goods",
    "check_move",
    "check_return_move",
    "choose_method",
    "is_code",
    "make_code",
    "make_method",
    "offered",
    "plan_inspection",
    "plan_portions",
    "plan_reception",
    "plan_restocking",
    "ships",
    "tell_progress",
    "tell_return_progress",
    "units_out",
    "units_returnable",
    "with_restocked",
]
