"""Accounts, what is booked on them, and what is set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from koipond.kernel.ids import LedgerAccountId, MemberId, PendingTransferId, TransferId

# The bucket of what does not expire; it sorts behind every day.
NEVER = "never"
# Where an entry stands that made a debt, or paid one off.
DEBT = "debt"
# Where the entries of system accounts stand: those have no buckets.
NONE = ""

KEY_MAX = 80
UNIT_MAX = 20
SOURCE_MAX = 240
UNITS_MAX = 1_000_000_000_000


class OwnerKind(StrEnum):
    """Whose an account is. Only members and payees store a balance."""

    MEMBER = "member"
    PAYEE = "payee"
    SYSTEM = "system"


class TransferKind(StrEnum):
    """Why value moved; SETTLE: what was set aside came back, and paid a debt."""

    EARN = "earn"
    BURN = "burn"
    RESTORE = "restore"
    REVERSE = "reverse"
    SETTLE = "settle"
    MOVE = "move"
    EXPIRE = "expire"
    ADJUST = "adjust"


class PendingState(StrEnum):
    """What became of value that was set aside."""

    OPEN = "open"
    POSTED = "posted"
    VOIDED = "voided"


class AccountKey(Struct, frozen=True, kw_only=True):
    """Whose account it is, and what is counted on it.

    owner: the id of a member or payee, as text, or the name of a system account.
    unit: "points", "growth", or a currency in its minor units.
    """

    kind: OwnerKind
    owner: str
    unit: str

    def __post_init__(self) -> None:
        assert 1 <= len(self.owner) <= KEY_MAX, f"an owner has 1 to {KEY_MAX} characters"
        assert 1 <= len(self.unit) <= UNIT_MAX, f"a unit has 1 to {UNIT_MAX} characters"

    @classmethod
    def of_member(cls, member_id: MemberId, unit: str) -> AccountKey:
        """Name the account of a member."""
        return cls(kind=OwnerKind.MEMBER, owner=str(member_id), unit=unit)

    @classmethod
    def of_payee(cls, payee_id: UUID, unit: str) -> AccountKey:
        """Name the account of somebody who is paid."""
        return cls(kind=OwnerKind.PAYEE, owner=str(payee_id), unit=unit)

    @classmethod
    def of_system(cls, name: str, unit: str) -> AccountKey:
        """Name an account of the shop's own, whose balance is the sum of its entries."""
        return cls(kind=OwnerKind.SYSTEM, owner=name, unit=unit)


class Slip(Struct, frozen=True, kw_only=True):
    """What a booking says of itself.

    source: what it is for, once per kind of booking in the whole shop: "checkin:2026-11-22:mem_…".
    day: today, in the time zone of the programme that books. note: what its owner reads.
    """

    source: str
    day: date
    note: str = ""

    def __post_init__(self) -> None:
        assert 1 <= len(self.source) <= SOURCE_MAX, f"a source has 1 to {SOURCE_MAX} characters"


class Account(Struct, frozen=True, kw_only=True):
    """An account that stores a balance, as it is.

    balance: the sum of its entries, which is its buckets less its debt. set_aside: what of its
    buckets is promised to open orders. bookings: how many transfers it took part in. heir: whose it
    is now, where its owner became somebody else; it is empty then.
    """

    id: LedgerAccountId
    key: AccountKey
    balance: int
    debt: int
    set_aside: int
    bookings: int
    heir: str | None = None

    @property
    def heir_key(self) -> AccountKey | None:
        """The account that is booked on instead of this one."""
        if self.heir is None:
            return None
        return AccountKey(kind=self.key.kind, owner=self.heir, unit=self.key.unit)

    @property
    def available(self) -> int:
        """What can be spent."""
        return self.balance + self.debt - self.set_aside


class Bucket(Struct, frozen=True, kw_only=True):
    """What an account has that expires on one day. expires_on: the last good day, or NEVER."""

    account_id: LedgerAccountId
    expires_on: str
    remaining: int
    set_aside: int

    @property
    def free(self) -> int:
        """What of it is not set aside."""
        return self.remaining - self.set_aside


class Entry(Struct, frozen=True, kw_only=True):
    """One line of a transfer. bucket: a day, NEVER, DEBT, or NONE for a system account.

    nth, balance_after: which booking of its account it belongs to, and what the balance was behind
    it; None for a system account.
    """

    account_id: LedgerAccountId
    bucket: str
    units: int
    nth: int | None = None
    balance_after: int | None = None


class Transfer(Struct, frozen=True, kw_only=True):
    """Value that moved, kept for good; its entries sum to zero. undoes_id: whose value came back.

    units: > 0; which way it went, the entries say.
    """

    id: TransferId
    kind: TransferKind
    unit: str
    units: int
    source: str
    note: str
    day: date
    created_at: datetime
    undoes_id: TransferId | None = None
    entries: tuple[Entry, ...] = ()


class PendingTransfer(Struct, frozen=True, kw_only=True):
    """Value set aside for something that is open. parts: {bucket: how much of it}.

    It keeps its buckets alive: what is set aside does not expire.
    """

    id: PendingTransferId
    key: AccountKey
    units: int
    source: str
    note: str
    day: date
    state: PendingState
    created_at: datetime
    parts: Mapping[str, int]

    @property
    def is_open(self) -> bool:
        """Nothing has become of it yet."""
        return self.state is PendingState.OPEN

    @property
    def is_spent(self) -> bool:
        """It was spent."""
        return self.state is PendingState.POSTED


class Absorbed(Struct, frozen=True, kw_only=True):
    """What became of one owner's accounts that went to another's, unit by unit.

    pending: what was set aside on them and is open, which went along.
    """

    transfers: tuple[TransferId, ...]
    pending: tuple[PendingTransferId, ...]


class Expiring(Struct, frozen=True, kw_only=True):
    """What is lost if it is not spent by the end of a day."""

    expires_on: date
    units: int


class Balance(Struct, frozen=True, kw_only=True):
    """What an account is worth. available: can be spent now. set_aside: promised to open orders.

    debt: what was taken back and was not there any more; later income pays it first, and while
    there is one nothing is available. expiring: of what is available, the earliest day first.
    """

    available: int = 0
    set_aside: int = 0
    debt: int = 0
    expiring: Sequence[Expiring] = ()


class StatementLine(Struct, frozen=True, kw_only=True):
    """A booking as the owner of an account reads it. units: negative where it took something.

    nth: counts an account's bookings, from 1 on. balance_after: less than 0 where there is a debt.
    """

    nth: int
    transfer_id: TransferId
    kind: TransferKind
    units: int
    balance_after: int
    source: str
    note: str
    day: date
    created_at: datetime
