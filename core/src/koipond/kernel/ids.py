"""Every id type of core, and their outside form: a typed prefix and 26 characters, `prod_01k…`."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import ClassVar, NewType, TypeVar
from uuid import UUID

from uuid_utils import uuid7 as uuid7_of_rust
from uuid_utils.compat import uuid7

from koipond.kernel.errors import DomainError, domain_error

T = TypeVar("T")

ChannelId = NewType("ChannelId", UUID)
CategoryId = NewType("CategoryId", UUID)
CollectionId = NewType("CollectionId", UUID)
AttributeId = NewType("AttributeId", UUID)
AttributeValueId = NewType("AttributeValueId", UUID)
ProductId = NewType("ProductId", UUID)
OptionId = NewType("OptionId", UUID)
OptionValueId = NewType("OptionValueId", UUID)
VariantId = NewType("VariantId", UUID)
MediaId = NewType("MediaId", UUID)
PriceListId = NewType("PriceListId", UUID)
ActivityId = NewType("ActivityId", UUID)
LocationId = NewType("LocationId", UUID)
StockMovementId = NewType("StockMovementId", UUID)
MemberId = NewType("MemberId", UUID)
IdentityId = NewType("IdentityId", UUID)
AddressId = NewType("AddressId", UUID)
PrivacyRequestId = NewType("PrivacyRequestId", UUID)
MergeId = NewType("MergeId", UUID)
StaffId = NewType("StaffId", UUID)
LoginSessionId = NewType("LoginSessionId", UUID)
ServiceTokenId = NewType("ServiceTokenId", UUID)
AuditRecordId = NewType("AuditRecordId", UUID)
ApprovalId = NewType("ApprovalId", UUID)
OrderId = NewType("OrderId", UUID)
OrderLineId = NewType("OrderLineId", UUID)
PaymentId = NewType("PaymentId", UUID)
RefundId = NewType("RefundId", UUID)
ShippingMethodId = NewType("ShippingMethodId", UUID)
ShippingRateId = NewType("ShippingRateId", UUID)
PriceRuleId = NewType("PriceRuleId", UUID)
TaxRateId = NewType("TaxRateId", UUID)
FulfilmentId = NewType("FulfilmentId", UUID)
ReturnId = NewType("ReturnId", UUID)
OrderEditId = NewType("OrderEditId", UUID)
MessageId = NewType("MessageId", UUID)
EventId = NewType("EventId", UUID)
WebhookEndpointId = NewType("WebhookEndpointId", UUID)
LedgerAccountId = NewType("LedgerAccountId", UUID)
TransferId = NewType("TransferId", UUID)
PendingTransferId = NewType("PendingTransferId", UUID)
JobId = NewType("JobId", UUID)
ImportRunId = NewType("ImportRunId", UUID)
ExportRunId = NewType("ExportRunId", UUID)
StoredFileId = NewType("StoredFileId", UUID)
QuotaId = NewType("QuotaId", UUID)
# Who holds units of a quota: an order, or whatever else was made before anything was asked.
OwnerId = NewType("OwnerId", UUID)
# Whom a limit counts: a member, or a phone, payer or device made one by `quota.rules.subject_of`.
SubjectId = NewType("SubjectId", UUID)

# The outside prefix of every id that leaves the shop. A prefix is never reused for something else.
PREFIXES: dict[Callable[[UUID], object], str] = {
    ChannelId: "chan",
    CategoryId: "cat",
    CollectionId: "coll",
    AttributeId: "attr",
    ProductId: "prod",
    OptionId: "opt",
    VariantId: "var",
    MediaId: "media",
    ActivityId: "act",
    LocationId: "loc",
    MemberId: "mem",
    AddressId: "addr",
    MergeId: "merge",
    PrivacyRequestId: "privacy",
    StaffId: "staff",
    LoginSessionId: "login",
    ServiceTokenId: "svc",
    AuditRecordId: "audit",
    ApprovalId: "appr",
    OrderId: "ord",
    OrderLineId: "line",
    PaymentId: "pay",
    RefundId: "refund",
    ShippingMethodId: "ship",
    PriceRuleId: "rule",
    TaxRateId: "tax",
    FulfilmentId: "ful",
    ReturnId: "ret",
    OrderEditId: "edit",
    MessageId: "msg",
    WebhookEndpointId: "hook",
    TransferId: "transfer",
    PendingTransferId: "pending",
    EventId: "evt",
    JobId: "job",
    ImportRunId: "imp",
    ExportRunId: "exp",
    StoredFileId: "file",
    QuotaId: "quota",
    OwnerId: "owner",
}


# Crockford's alphabet: no letter that is mistaken for a digit.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
# Two digits at once, which is twice as fast.
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
# 26 digits are 130 bits, of an id's 128.
_BODY = re.compile(f"[0-7][{_ALPHABET}]{{25}}")
_TO_PYTHON = str.maketrans(_ALPHABET, "0123456789abcdefghijklmnopqrstuv")
_SHIFTS = range(120, -1, -10)
# Lists have hundreds of ids, and pages that everybody looks at have the same ones: 2 MB at most.
_REMEMBERED = 8_192
_PREFIX = re.compile(r"[a-z]{2,12}")


@domain_error
class IdInvalid(DomainError):
    """Text that is no id, or the id of another type of thing."""

    code: ClassVar[str] = "ID_INVALID"
    value: str
    prefix: str

    def __str__(self) -> str:
        return (
            f"{self.value[:60]!r} is not the id of {_thing(self.prefix)}: those are {self.prefix}_ "
            "and 26 characters. Use one that the API gave you."
        )


def new_id() -> UUID:
    """Make an id: a UUID of version 7 (RFC 9562), so that later ids sort later."""
    return uuid7()


def new_id_text() -> str:
    """Make an id that is only ever written down, which takes a third of the time."""
    return str(uuid7_of_rust())


def id_at(moment: datetime) -> UUID:
    """Make an id that sorts as if it had been made then; not before 1970."""
    since = int(moment.timestamp() * 1000)
    assert 0 <= since < 1 << 48, f"an id cannot say {moment}"
    high, low = secrets.randbits(12), secrets.randbits(62)
    return UUID(int=since << 80 | 7 << 76 | high << 64 | 0b10 << 62 | low)


def name_ids(kind: Callable[[UUID], object], prefix: str) -> None:
    """Say by which prefix the ids of a plugin's kind leave the shop; for its types.py, once.

    Raises ValueError for one that is no word or that another kind has.
    """
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(f"{prefix!r} is no prefix of ids: take 2 to 12 small letters.")
    for known, taken in PREFIXES.items():
        if taken == prefix and _full_name(known) != _full_name(kind):
            raise ValueError(
                f"ids of {_full_name(kind)} cannot begin with {prefix}_: those are "
                f"{_full_name(known)}'s. Take another prefix."
            )
    PREFIXES[kind] = prefix


def encode(kind: Callable[[UUID], T], key: T) -> str:
    """Write an id for the outside world: `encode(ProductId, key)` is `prod_` and 26 characters."""
    assert isinstance(key, UUID)
    return f"{PREFIXES[kind]}_{_body(key)}"


@lru_cache(_REMEMBERED)
def _body(key: UUID) -> str:
    number = key.int
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def decode(kind: Callable[[UUID], T], value: str) -> T:
    """Read back what `encode` wrote for the same kind of id. Raises IdInvalid."""
    prefix, _, body = value.partition("_")
    if prefix != PREFIXES[kind] or not _BODY.fullmatch(body):
        raise IdInvalid(value=value, prefix=PREFIXES[kind])
    return kind(UUID(int=int(body.translate(_TO_PYTHON), 32)))


def is_outside(value: str) -> bool:
    """Tell whether a text is an id of some kind, as the outside world has it."""
    prefix, _, body = value.partition("_")
    return prefix in PREFIXES.values() and _BODY.fullmatch(body) is not None


def _thing(prefix: str) -> str:
    """Return what ids of a prefix stand for, with its article: `an order line`."""
    name = next((_name(kind) for kind, known in PREFIXES.items() if known == prefix), prefix)
    words = re.sub(r"(?<!^)([A-Z])", r" \1", name.removesuffix("Id")).lower()
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def prefix_of(value: str) -> str:
    """Return the prefix of an outside id, or all of it if it has none."""
    return value.partition("_")[0]


def new_token() -> str:
    """Make a secret that cannot be guessed: 256 random bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def _name(kind: Callable[[UUID], object]) -> str:
    return getattr(kind, "__name__", repr(kind))


def _full_name(kind: Callable[[UUID], object]) -> str:
    return f"{kind.__module__}.{_name(kind)}"
