"""Rules of promotions: what they are made of, who may have them, what they propose and count."""

from koipond_promotions.rules.acting import read_action, write_action
from koipond_promotions.rules.admitting import (
    Asked,
    Known,
    admit,
    ask_all,
    find_pools,
    label_of,
    may_be_own,
    read_codes,
    sum_held,
    wants_first,
)
from koipond_promotions.rules.auditing import find_wrong
from koipond_promotions.rules.codes import (
    check_code,
    check_expiry,
    check_prefix,
    coupon_of,
    make_code,
    read_code,
)
from koipond_promotions.rules.counting import (
    Carried,
    budget_of,
    claim_uses,
    find_carried,
    limit_of,
    make_uses,
    quotas_of,
    uses_of,
)
from koipond_promotions.rules.forecasting import Rehearsal
from koipond_promotions.rules.matching import Board
from koipond_promotions.rules.planning import (
    USES_MAX,
    check_alone,
    check_number,
    check_repeat,
    check_version,
    edit,
    find_deltas,
    move,
    plan,
)
from koipond_promotions.rules.proposing import make_offer

__all__ = [
    "USES_MAX",
    "Asked",
    "Board",
    "Carried",
    "Known",
    "Rehearsal",
    "admit",
    "ask_all",
    "budget_of",
    "check_alone",
    "check_code",
    "check_expiry",
    "check_number",
    "check_prefix",
    "check_repeat",
    "check_version",
    "claim_uses",
    "coupon_of",
    "edit",
    "find_carried",
    "find_deltas",
    "find_pools",
    "find_wrong",
    "label_of",
    "limit_of",
    "make_code",
    "make_offer",
    "make_uses",
    "may_be_own",
    "move",
    "plan",
    "quotas_of",
    "read_action",
    "read_code",
    "read_codes",
    "sum_held",
    "uses_of",
    "wants_first",
    "write_action",
]
