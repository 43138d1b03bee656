"""What core keeps of members, table by table, and what becomes of it when they are erased.

The test that writes canaries into every place a member can write to finds what is missing here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from koipond.member.types import EMAIL, PHONE, Identity
from koipond.privacy.errors import ErasureBlocked
from koipond.privacy.types import CoreTable, Erasure, Open, Whose

_TEXTS = {"reason", "note", "name", "email", "phone", "comment", "label", "text", "message"}


def _gone(table: str, column: str, of: Whose, exported: Sequence[str] = ()) -> CoreTable:
    return CoreTable(table=table, column=column, of=of, erasure=Erasure.DELETE, exported=exported)


def _blank(
    table: str, column: str, of: Whose, blanked: Mapping[str, Any], exported: Sequence[str] = ()
) -> CoreTable:
    return CoreTable(
        table=table,
        column=column,
        of=of,
        erasure=Erasure.BLANK,
        blanked=blanked,
        exported=exported,
    )


def _kept(table: str, column: str) -> CoreTable:
    """Rows that count something: their member is nobody once they are erased."""
    return CoreTable(table=table, column=column, of=Whose.MEMBER, erasure=Erasure.KEEP)


_M, _O, _E = Whose.MEMBER, Whose.ORDER, Whose.EVENT
CORE_TABLES = (
    _blank(
        "member",
        "id",
        _M,
        {"name": "", "time_zone": None, "source_entry": None, "source_campaign": None},
        ("id", "name", "locale", "time_zone", "created_at"),
    ),
    _gone("identity", "member_id", _M, ("kind", "value", "verified_at")),
    _gone("member_consent", "member_id", _M, ("purpose", "given_at", "source", "withdrawn_at")),
    _gone("membership", "member_id", _M, ("group_code",)),
    _gone("message", "member_id", _M, ("kind", "medium", "subject", "body", "state", "sent_at")),
    _gone("message_box", "member_id", _M),
    _gone("member_address", "member_id", _M, ("address", "phone", "is_default")),
    _gone("cart", "member_id", _M, ("lines", "details", "created_at")),
    _gone("password", "principal_id", _M),
    _gone("login_code", "member_id", _M),
    _gone("purpose_token", "principal_id", _M),
    # The row stays until it is pruned: it says that its access token holds no longer.
    _blank(
        "login_session",
        "principal_id",
        _M,
        {"device": "", "address": "", "seed": ""},
        ("device", "address", "created_at", "used_at", "ended_at"),
    ),
    _kept("reservation", "subject_id"),
    _kept("quota_excess", "subject_id"),
    _kept("quota_carried", "subject_id"),
    _blank("member_merge", "survivor_id", _M, {"note": ""}),
    _blank("member_merge", "merged_id", _M, {"note": ""}),
    # By which it could be undone: what limits counted a guest's orders for, among others.
    _gone("member_merge_row", "merge_id", Whose.MERGE),
    _gone("quota_carried", "owner_id", _O),
    _blank("privacy_request", "member_id", _M, {"document": None}, ("kind", "state", "created_at")),
    _blank(
        "order",
        "id",
        _O,
        {
            "details": {},
            "cancel_reason": None,
            "attributes": {},
            "source_entry": None,
            "source_campaign": None,
        },
        ("number", "state", "currency", "total_minor", "details", "attributes", "placed_at"),
    ),
    _blank(
        "order_line",
        "order_id",
        _O,
        {"attributes": {}},
        ("order_id", "sku", "name", "quantity", "unit_price_minor", "attributes"),
    ),
    _blank("order_edit", "order_id", _O, {"note": ""}),
    _blank("order_return", "order_id", _O, {"reason": "", "note": ""}, ("state", "reason")),
    _blank("fulfilment", "order_id", _O, {"tracking": {}}, ("method", "state", "tracking")),
    _blank(
        "payment",
        "order_id",
        _O,
        {"failure": None, "action": {}},
        ("provider", "state", "currency", "amount_minor", "created_at"),
    ),
    _blank(
        "refund",
        "order_id",
        _O,
        {"note": "", "failure": None},
        ("state", "currency", "amount_minor", "created_at"),
    ),
    _gone("cart", "id", _O),
    _gone("idempotency", "subject_id", _O),
    _blank("webhook_attempt", "event_id", _E, {"answer": "", "problem": ""}),
    _blank("delivery", "event_id", _E, {"last_error": None}),
)


def find_addresses(known: Iterable[str]) -> list[Identity]:
    """Return which of what somebody is known by is an e-mail address or a phone number."""
    return [
        Identity(kind=EMAIL if "@" in one else PHONE, value=one)
        for one in sorted(known)
        if "@" in one or one.startswith("+")
    ]


def without_texts(payload: Any) -> Any:
    """Return what an event tells without what people wrote: ids, numbers and words of ours stay."""
    if isinstance(payload, dict):
        return {
            name: "" if name in _TEXTS and isinstance(value, str) else without_texts(value)
            for name, value in payload.items()
        }
    return [without_texts(one) for one in payload] if isinstance(payload, list) else payload


def check_over(found: Open) -> None:
    """Raise ErasureBlocked unless the shop is done with a member."""
    if found.orders or found.refunds:
        raise ErasureBlocked(
            open_orders=len(found.orders),
            owed_refunds=found.refunds,
            numbers=", ".join(found.orders[:5]),
        )
