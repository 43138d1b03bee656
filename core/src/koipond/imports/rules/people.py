"""Members, a row each."""

from collections.abc import Iterator
from datetime import UTC, datetime

from koipond.imports.errors import RowRefused
from koipond.imports.rules import cells
from koipond.imports.rules.refusals import skipped
from koipond.imports.rules.table import Columns, Table
from koipond.imports.types import ImportKind, RefusedRow, Row, ToldPerson
from koipond.kernel.errors import DomainError
from koipond.kernel.texts import Locale
from koipond.kernel.texts import locale as parse_locale
from koipond.member.rules import check_time_zone, normalise_contact
from koipond.member.types import MemberDraft

COLUMNS = Columns(
    kind=ImportKind.MEMBERS,
    needed=(("customer", "email", "phone"),),
    others=("name", "locale", "time_zone", "groups", "created_at"),
)
_CUSTOMER_MAX = 200
_NAME_MAX = 200


def read_people(table: Table, *, source: str, now: datetime) -> Iterator[ToldPerson | RefusedRow]:
    """Return every member as they are told, or why they are skipped."""
    for row in table.rows():
        try:
            cells.sound(row)
            yield ToldPerson(line=row.line, draft=_person(row, source, now))
        except RowRefused as error:
            item = row.cell("customer") or row.cell("email") or row.cell("phone")
            yield skipped(error, item)


def read_draft(row: Row, source: str) -> MemberDraft:
    """Return who a row is about: by the customer number of `source`, an address, or both.

    Raises RowRefused.
    """
    customer = cells.short(row, "customer", _CUSTOMER_MAX)
    email, phone, name = row.cell("email"), row.cell("phone"), row.cell("name")
    if not customer and not email and not phone:
        raise RowRefused(
            line=row.line,
            reason="it has neither customer, nor email, nor phone: nobody can be known by it",
            column="customer",
            refusal="CUSTOMER_MISSING",
        )
    try:
        told = normalise_contact(name=name, email=email, phone=phone) if email or phone else None
    except DomainError as error:
        raise RowRefused(
            line=row.line,
            reason=str(error).removesuffix("."),
            column=(error.at or "contact.email").rpartition(".")[2],
            refusal=error.code,
        ) from error
    return MemberDraft(
        external=f"{source}:{customer}" if customer else None,
        email=None if told is None else told.email,
        phone=None if told is None else told.phone,
        name=cells.short(row, "name", _NAME_MAX),
    )


def _person(row: Row, source: str, now: datetime) -> MemberDraft:
    draft = read_draft(row, source)
    zone = row.cell("time_zone") or None
    try:
        if zone is not None:
            check_time_zone(zone)
        locale = _locale(row)
    except DomainError as error:
        column = "time_zone" if error.at == "timeZone" else "locale"
        raise RowRefused(
            line=row.line, reason=str(error).removesuffix("."), column=column, refusal=error.code
        ) from error
    since = None
    if row.cell("created_at"):
        since = min(cells.instant(row, "created_at", UTC), now)
    return MemberDraft(
        external=draft.external,
        email=draft.email,
        phone=draft.phone,
        name=draft.name,
        locale=locale,
        time_zone=zone,
        groups=cells.listed(row.cell("groups"), "|"),
        created_at=since,
    )


def _locale(row: Row) -> Locale | None:
    text = row.cell("locale")
    return parse_locale(text) if text else None
