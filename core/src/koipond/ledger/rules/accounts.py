"""Which account is meant, what can be booked, and which day it is."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from koipond.kernel.ids import LedgerAccountId
from koipond.kernel.quantity import Quantity
from koipond.ledger.errors import LedgerAmountInvalid
from koipond.ledger.types import NEVER, UNITS_MAX, AccountKey

# Never changed: what was booked is found again by it.
_ACCOUNTS = UUID("019ac0de-0000-7000-8000-6c6564676572")


@lru_cache(10_000)
def account_id(key: AccountKey) -> LedgerAccountId:
    """Return the account that a key names, whether it is there yet or not."""
    return LedgerAccountId(uuid5(_ACCOUNTS, f"{key.kind}:{key.unit}:{key.owner}"))


def check_units(units: int) -> None:
    """Raise LedgerAmountInvalid unless it is 1 to a million millions."""
    assert type(units) is int, "units are whole numbers"
    if not 1 <= units <= UNITS_MAX:
        raise LedgerAmountInvalid(units=Quantity(units), at_most=Quantity(UNITS_MAX))


def day_key(expires_on: date | None) -> str:
    """Return the bucket of what is good up to a day, the day itself included; None: for ever."""
    return NEVER if expires_on is None else expires_on.isoformat()


def last_day_over(now: datetime, time_zone: str) -> date:
    """Return the last day that is over everywhere in a zone: what was good up to it can expire."""
    return now.astimezone(ZoneInfo(time_zone)).date() - timedelta(days=1)
