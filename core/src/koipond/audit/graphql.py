"""The audit in the staff's schema."""

from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from koipond.audit import service, types
from koipond.kernel.audit import ActorKind, Outcome
from koipond.kernel.ids import (
    PREFIXES,
    AuditRecordId,
    ServiceTokenId,
    StaffId,
    decode,
    encode,
    prefix_of,
)
from koipond.kernel.pages import FIRST_DEFAULT, page
from koipond.kernel.schema import Api, Connection, Info, Query, connect, needs, query

strawberry.enum(ActorKind, name="AuditActorKind")
strawberry.enum(Outcome, name="AuditOutcome")

READ = needs("audit.read")


@strawberry.type(description="What somebody who runs the shop did, or was refused.")
class AuditRecord:
    id: strawberry.ID
    at: datetime
    actor_kind: ActorKind
    actor_id: strawberry.ID | None = strawberry.field(
        description="Of one of the staff or of a service token; null: at the shop's console"
    )
    operation: str = strawberry.field(description="The mutation, or the command")
    subject: str | None = strawberry.field(
        description="What was changed, by its id or name; null: the input says it"
    )
    outcome: Outcome
    channel: str | None = strawberry.field(description="Of the request")
    before: JSON | None = strawberry.field(
        description="What is another now; null: it was not there"
    )
    after: JSON | None = strawberry.field(description="null: it is not there any more")
    input: JSON | None = strawberry.field(
        description="What was asked, without secrets and personal data; null: see before and after"
    )
    ip: str
    user_agent: str
    request_id: str = strawberry.field(description="As the logs have it")

    @classmethod
    def of(cls, found: types.AuditRecord) -> "AuditRecord":
        """Wrap a record."""
        return cls(
            id=strawberry.ID(encode(AuditRecordId, found.id)),
            at=found.at,
            actor_kind=found.actor_kind,
            actor_id=_actor(found),
            operation=found.operation,
            subject=found.subject or None,
            outcome=found.outcome,
            channel=found.channel or None,
            before=found.before,
            after=found.after,
            input=found.input,
            ip=found.ip,
            user_agent=found.user_agent,
            request_id=found.request_id,
        )


@strawberry.input(description="All that is given must fit.")
class AuditFilter:
    actor_id: strawberry.ID | None = strawberry.field(
        default=None, description="Of one of the staff, or of a service token"
    )
    subject: str | None = strawberry.field(default=None, description="An id such as ord_01k…")
    operation: str | None = strawberry.field(default=None, description="A mutation's name")
    since: datetime | None = None
    until: datetime | None = strawberry.field(default=None, description="Before then")

    def read(self) -> types.AuditFilter:
        """Return which records are wanted. Raises IdInvalid."""
        return types.AuditFilter(
            actor_id=None if self.actor_id is None else _key(self.actor_id),
            subject=self.subject,
            operation=self.operation,
            since=self.since,
            until=self.until,
        )


@strawberry.type
class AuditQueries:
    @query(READ)
    async def audit_records(
        self,
        info: Info,
        first: int | None = FIRST_DEFAULT,
        after: str | None = None,
        filter: AuditFilter | None = None,  # the field's name
    ) -> Connection[AuditRecord]:
        """What those who run the shop did, the latest first."""
        wanted = (filter or AuditFilter()).read()
        found = await service.find_records(
            info.context, wanted, page(first, after, shape=(datetime, UUID))
        )
        return connect(found, AuditRecord.of, behind=after is not None)


def _actor(found: types.AuditRecord) -> strawberry.ID | None:
    if found.actor_id is None:
        return None
    if found.actor_kind is ActorKind.STAFF:
        return strawberry.ID(encode(StaffId, StaffId(found.actor_id)))
    return strawberry.ID(encode(ServiceTokenId, ServiceTokenId(found.actor_id)))


def _key(given: str) -> UUID:
    if prefix_of(given) == PREFIXES[ServiceTokenId]:
        return decode(ServiceTokenId, given)
    return decode(StaffId, given)


def register(api: Api) -> None:
    """Add the audit to the staff's schema."""
    api.admin(Query, AuditQueries)
