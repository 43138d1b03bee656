"""SQL of personal data. Tables of other concepts are known here by what they say of themselves."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Select, Table, func, or_, select, union

from koipond.kernel.db import AsyncConnection, metadata
from koipond.kernel.extensions import Declared
from koipond.kernel.ids import (
    MemberId,
    OrderId,
    PaymentId,
    PrivacyRequestId,
    RefundId,
    encode,
)
from koipond.privacy.rules import without_texts
from koipond.privacy.tables import privacy_request
from koipond.privacy.types import (
    CoreTable,
    Erasure,
    Open,
    PrivacyRequest,
    RequestKind,
    RequestState,
    Whose,
)

_p = privacy_request.c
_OPEN_STATES = ("placed", "confirmed")


def _of(name: str) -> Table:
    return metadata.tables[name]


def _own(of: Whose, keys: Collection[MemberId]) -> Select[Any] | list[MemberId]:
    """Return the values by which rows are a member's."""
    order, told = _of("order").c, _of("outbox_event").c
    orders = select(order.id).where(order.member_id.in_(sorted(keys)))
    if of is Whose.MEMBER:
        return sorted(keys)
    if of is Whose.ORDER:
        return orders
    if of is Whose.MERGE:
        merge = _of("member_merge").c
        took_part = (merge.survivor_id.in_(sorted(keys)), merge.merged_id.in_(sorted(keys)))
        return select(merge.id).where(or_(*took_part))
    return select(told.id).where(
        or_(told.aggregate_id.in_(sorted(keys)), told.aggregate_id.in_(orders))
    )


async def find_open(db: AsyncConnection, keys: Collection[MemberId]) -> Open:
    """Return what of a member is not over."""
    order, refund = _of("order").c, _of("refund").c
    numbers = await db.execute(
        select(order.number)
        .where(order.member_id.in_(sorted(keys)), order.state.in_(_OPEN_STATES))
        .order_by(order.id)
    )
    owed = await db.execute(
        select(func.count())
        .select_from(_of("refund"))
        .where(refund.order_id.in_(_own(Whose.ORDER, keys)), refund.state == "pending")
    )
    return Open(orders=tuple(numbers.scalars()), refunds=int(owed.scalar_one()))


async def read(
    db: AsyncConnection, said: CoreTable, keys: Collection[MemberId]
) -> list[dict[str, Any]]:
    """Return what a member gets of a table of core."""
    table = _of(said.table)
    return await _rows(db, table, said.exported, table.c[said.column].in_(_own(said.of, keys)))


async def read_declared(
    db: AsyncConnection, one: Declared, keys: Collection[MemberId]
) -> list[dict[str, Any]]:
    """Return what a member gets of a plugin's table."""
    return await _rows(db, one.table, one.said.exported, _declared(one, keys))


def _declared(one: Declared, keys: Collection[MemberId]) -> ColumnElement[bool]:
    """Say which rows of a plugin's table are a member's, also of when they were a guest."""
    own = one.table.c[one.said.member].in_(sorted(keys))
    return or_(own, _ordered(one, keys)) if one.said.order else own


def _ordered(one: Declared, keys: Collection[MemberId]) -> ColumnElement[bool]:
    of: ColumnElement[bool] = one.table.c[one.said.order].in_(_own(Whose.ORDER, keys))
    return of


async def _rows(
    db: AsyncConnection, table: Table, columns: Sequence[str], own: Any
) -> list[dict[str, Any]]:
    if not columns:
        return []
    rows = await db.execute(
        select(*(table.c[name] for name in columns)).where(own).order_by(*table.primary_key)
    )
    return [dict(row) for row in rows.mappings()]


async def erase(db: AsyncConnection, said: CoreTable, keys: Collection[MemberId]) -> None:
    """Erase what a table of core keeps of a member."""
    table = _of(said.table)
    own = table.c[said.column].in_(_own(said.of, keys))
    await _erase(db, table, said.erasure, dict(said.blanked), own)


async def erase_declared(
    db: AsyncConnection, one: Declared, keys: Collection[MemberId], key: MemberId
) -> None:
    """Erase what a plugin's table keeps of a member, as it says. key: whose rows they were, then.

    What stood for the contact of a guest is never kept: who guesses the contact knows it.
    """
    said, own = one.said, _declared(one, keys)
    await _erase(db, one.table, said.erasure, dict(said.blanked), own)
    if said.order and said.erasure is not Erasure.DELETE:
        guest = (_ordered(one, keys), one.table.c[said.member].not_in(sorted(keys)))
        await db.execute(one.table.update().where(*guest).values({said.member: key}))


async def _erase(
    db: AsyncConnection, table: Table, erasure: Erasure, blanked: dict[str, Any], own: Any
) -> None:
    if erasure is Erasure.DELETE:
        await db.execute(table.delete().where(own))
    elif erasure is Erasure.BLANK:
        await db.execute(table.update().where(own).values(blanked))


async def erase_messages(db: AsyncConnection, known: Collection[str]) -> None:
    """Delete what was sent to these addresses before they were anybody's."""
    message = _of("message")
    to = message.c.recipient
    if known:
        own = (
            to["email"].as_string().in_(sorted(known)),
            to["phone"].as_string().in_(sorted(known)),
        )
        await db.execute(message.delete().where(or_(*own)))


async def erase_refusals(db: AsyncConnection, known: Collection[str]) -> None:
    """Take these addresses out of what imports refused; its line says which row it was."""
    refusal = _of("import_refusal")
    for one in sorted(known):
        told = or_(
            func.lower(refusal.c.item).contains(one, autoescape=True),
            func.lower(refusal.c.reason).contains(one, autoescape=True),
        )
        await db.execute(refusal.update().where(told).values(item="", reason=""))


async def erase_files(db: AsyncConnection) -> None:
    """Delete files that tell of members and are done with: who wants one has it made anew."""
    told, done = _of("export_run").c, _of("import_run").c
    of_people = ("members", "orders")
    keys = union(
        select(told.file_id).where(told.kind.in_(of_people), told.file_id.is_not(None)),
        select(done.file_id).where(
            done.kind.in_(of_people), done.file_id.is_not(None), done.finished_at.is_not(None)
        ),
    )
    file, piece = _of("stored_file"), _of("stored_piece")
    found = sorted((await db.execute(keys)).scalars())
    await db.execute(piece.delete().where(piece.c.file_id.in_(found)))
    await db.execute(file.delete().where(file.c.id.in_(found)))


async def erase_approvals(db: AsyncConnection, names: Collection[str]) -> None:
    """Take what people wrote out of what staff agreed to that names one of these ids."""
    approval = _of("approval")
    rows = await db.execute(select(approval.c.id, approval.c.document))
    for row in rows.all():
        text = msgspec.json.encode(row.document).decode()
        if any(name in text for name in names):
            blank = {"document": without_texts(row.document), "note": ""}
            await db.execute(approval.update().where(approval.c.id == row.id).values(blank))


async def find_names(db: AsyncConnection, keys: Collection[MemberId]) -> set[str]:
    """Return the ids of members, their orders, payments and refunds as the API has them."""
    order, payment, refund = _of("order").c, _of("payment").c, _of("refund").c
    orders = _own(Whose.ORDER, keys)
    names = {encode(MemberId, key) for key in keys}
    for kind, found in (
        (OrderId, select(order.id).where(order.member_id.in_(sorted(keys)))),
        (PaymentId, select(payment.id).where(payment.order_id.in_(orders))),
        (RefundId, select(refund.id).where(refund.order_id.in_(orders))),
    ):
        names |= {encode(kind, key) for key in (await db.execute(found)).scalars()}
    return names


async def erase_carts(db: AsyncConnection, known: Collection[str]) -> None:
    """Delete the carts whose contact is one of these addresses, and that are nobody's."""
    cart = _of("cart")
    contact = cart.c.details["contact"]
    if known:
        await db.execute(
            cart.delete().where(
                cart.c.member_id.is_(None),
                or_(
                    contact["email"].as_string().in_(sorted(known)),
                    contact["phone"].as_string().in_(sorted(known)),
                ),
            )
        )


async def erase_events(db: AsyncConnection, keys: Collection[MemberId]) -> None:
    """Take what people wrote out of the events of a member and their orders."""
    told = _of("outbox_event")
    rows = await db.execute(
        select(told.c.id, told.c.payload).where(told.c.id.in_(_own(Whose.EVENT, keys)))
    )
    for row in rows.all():
        left = without_texts(row.payload)
        if left != row.payload:
            await db.execute(told.update().where(told.c.id == row.id).values(payload=left))


async def read_bookings(db: AsyncConnection, keys: Collection[MemberId]) -> list[dict[str, Any]]:
    """Return what was booked for a member, in its order; `bucket` says until when it was good."""
    account, entry, transfer = (
        _of(f"ledger_{name}").c for name in ("account", "entry", "transfer")
    )
    told = (transfer.kind, account.unit, entry.units, entry.bucket, transfer.note, transfer.day)
    rows = await db.execute(
        select(*told, transfer.created_at)
        .where(account.id.in_(_accounts(keys)), entry.account_id == account.id)
        .where(transfer.id == entry.transfer_id)
        .order_by(transfer.created_at, transfer.id, entry.bucket)
    )
    return [dict(row) for row in rows.mappings()]


def _accounts(keys: Collection[MemberId]) -> Select[UUID]:
    account = _of("ledger_account").c
    return select(account.id).where(
        account.owner_kind == "member", account.owner.in_([str(key) for key in keys])
    )


async def erase_notes(db: AsyncConnection, keys: Collection[MemberId]) -> None:
    """Take the notes out of what was booked for a member; the sums stay."""
    entry, own = _of("ledger_entry").c, _accounts(keys)
    booked = select(entry.transfer_id).where(entry.account_id.in_(own))
    transfer, pending = _of("ledger_transfer"), _of("pending_transfer")
    await db.execute(transfer.update().where(transfer.c.id.in_(booked)).values(note=""))
    await db.execute(pending.update().where(pending.c.account_id.in_(own)).values(note=""))


async def erase_keys(db: AsyncConnection, keys: Collection[MemberId]) -> None:
    """Delete the idempotency keys that a member chose."""
    held = _of("idempotency")
    principals = [f"member:{key}" for key in keys]
    await db.execute(held.delete().where(held.c.principal.in_(principals)))


async def find_known(db: AsyncConnection, keys: Collection[MemberId]) -> set[str]:
    """Return what a member is known by, and gave as a contact of orders."""
    identity, order = _of("identity").c, _of("order").c
    known = await db.execute(select(identity.value).where(identity.member_id.in_(sorted(keys))))
    found = set(known.scalars())
    contacts = await db.execute(select(order.details).where(order.member_id.in_(sorted(keys))))
    for details in contacts.scalars():
        contact = details.get("contact") or {}
        found |= {contact[name] for name in ("email", "phone") if contact.get(name)}
    return found


async def find_proven(db: AsyncConnection, keys: Collection[MemberId]) -> set[str]:
    """Return what a member has proved to be theirs."""
    identity = _of("identity").c
    own = (identity.member_id.in_(sorted(keys)), identity.verified_at.is_not(None))
    return set((await db.execute(select(identity.value).where(*own))).scalars())


async def find_proven_by_others(
    db: AsyncConnection, known: Collection[str], keys: Collection[MemberId]
) -> set[str]:
    """Return which of these addresses somebody else has proved to be theirs."""
    identity = _of("identity").c
    theirs = (
        identity.value.in_(sorted(known)),
        identity.member_id.not_in(sorted(keys)),
        identity.verified_at.is_not(None),
    )
    return set((await db.execute(select(identity.value).where(*theirs))).scalars())


async def find_guest_subjects(
    db: AsyncConnection, keys: Collection[MemberId]
) -> dict[UUID, list[UUID]]:
    """Return {whom limits count: orders} of orders that count for a contact, not for a member.

    Such an id is made of the contact: who guesses the one knows the other.
    """
    order = _of("order").c
    rows = await db.execute(
        select(order.subject_id, order.id).where(
            order.member_id.in_(sorted(keys)), order.subject_id != order.member_id
        )
    )
    found: dict[UUID, list[UUID]] = {}
    for row in rows:
        found.setdefault(row.subject_id, []).append(row.id)
    return found


async def set_erased(db: AsyncConnection, key: MemberId) -> None:
    """Store that nothing is known of a member, and that their orders count for nobody else.

    So do the units of these that no limit counts; for limits, `merge_subjects` has moved them.
    """
    member, order, units = _of("member"), _of("order"), _of("reservation")
    orders = _own(Whose.ORDER, [key])
    await db.execute(units.update().where(units.c.owner_id.in_(orders)).values(subject_id=key))
    await db.execute(member.update().where(member.c.id == key).values(state="erased"))
    await db.execute(
        order.update().where(order.c.member_id == key).values(subject_id=order.c.member_id)
    )


async def add(db: AsyncConnection, new: PrivacyRequest) -> None:
    """Store what is asked for."""
    await db.execute(privacy_request.insert().values(msgspec.structs.asdict(new)))


async def find(
    db: AsyncConnection, key: PrivacyRequestId, *, lock: bool = False
) -> PrivacyRequest | None:
    """Return what was asked for, locked if so asked, or None."""
    statement = select(privacy_request).where(_p.id == key)
    row = (await db.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return None if row is None else _request(row)


async def find_of(db: AsyncConnection, key: MemberId) -> list[PrivacyRequest]:
    """Return what was asked about a member, the newest first."""
    rows = await db.execute(
        select(privacy_request).where(_p.member_id == key).order_by(_p.id.desc())
    )
    return [_request(row) for row in rows]


async def finish(
    db: AsyncConnection,
    key: PrivacyRequestId,
    state: RequestState,
    *,
    now: datetime,
    document: str | None = None,
    problem: str = "",
) -> None:
    """Store what became of what was asked for."""
    changed: Mapping[str, Any] = {
        "state": state,
        "document": document,
        "problem": problem,
        "done_at": now,
    }
    await db.execute(privacy_request.update().where(_p.id == key).values(changed))


def _request(row: Any) -> PrivacyRequest:
    told = dict(row._mapping)
    return PrivacyRequest(
        **{**told, "kind": RequestKind(row.kind), "state": RequestState(row.state)}
    )
