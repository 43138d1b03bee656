"""Exports in the staff's schema."""

from datetime import datetime
from uuid import UUID

import strawberry

from koipond.exports import service, types
from koipond.exports.types import ExportFormat, ExportKind, ExportState
from koipond.kernel.ids import ExportRunId, decode, encode
from koipond.kernel.links import sign_link
from koipond.kernel.pages import FIRST_DEFAULT, page
from koipond.kernel.schema import (
    Api,
    Connection,
    Info,
    Mutation,
    Query,
    UserError,
    connect,
    mutation,
    needs,
    query,
)

strawberry.enum(ExportKind)
strawberry.enum(ExportFormat)
strawberry.enum(ExportState)

RUN = needs("export.run")


@strawberry.type(description="A file of what the shop holds, written by a worker.")
class Export:
    id: strawberry.ID
    kind: ExportKind
    format: ExportFormat
    state: ExportState
    rows: int
    problem: str | None = strawberry.field(description="Why it failed")
    started_at: datetime
    finished_at: datetime | None
    url: str | None = strawberry.field(
        description="The file; the link opens for five minutes. Null until it is finished, and "
        "after a week"
    )

    @classmethod
    def of(cls, found: types.ExportRun, url: str | None) -> "Export":
        """Wrap an export."""
        return cls(
            id=strawberry.ID(encode(ExportRunId, found.id)),
            kind=found.options.kind,
            format=found.options.format,
            state=found.state,
            rows=found.rows,
            problem=found.problem or None,
            started_at=found.started_at,
            finished_at=found.finished_at,
            url=url,
        )


@strawberry.input
class StartExportInput:
    kind: ExportKind
    format: ExportFormat = ExportFormat.CSV
    channel: str | None = strawberry.field(default=None, description="Null: the shop's first")
    currency: str | None = strawberry.field(default=None, description="Null: the channel's first")
    locale: str | None = strawberry.field(default=None, description="Null: the channel's first")
    source: str = strawberry.field(
        default=types.SOURCE, description="Whose numbers customers are called by"
    )


@strawberry.type
class StartExportPayload:
    started: Export | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class ExportQueries:
    @query(RUN)
    async def exports(
        self, info: Info, first: int | None = FIRST_DEFAULT, after: str | None = None
    ) -> Connection[Export]:
        """Exports of what you may read, the latest first."""
        found = await service.find_exports(info.context, page(first, after, shape=(UUID,)))
        return connect(found, lambda one: _export(info, one), behind=after is not None)

    @query(RUN)
    async def export_run(self, info: Info, id: strawberry.ID) -> Export | None:
        """An export; null if there is none of that id, or it is of what you may not read."""
        found = await service.find_export(info.context, decode(ExportRunId, id))
        return None if found is None else _export(info, found)


@strawberry.type
class ExportMutations:
    @mutation(RUN)
    async def start_export(self, info: Info, input: StartExportInput) -> StartExportPayload:
        """Have all products, orders, members, prices or stock written to a file by a worker."""
        options = types.ExportOptions(
            kind=input.kind,
            format=input.format,
            channel=input.channel,
            currency=input.currency,
            locale=input.locale,
            source=input.source,
        )
        return StartExportPayload(
            started=_export(info, await service.start_export(info.context, options))
        )


def _export(info: Info, found: types.ExportRun) -> Export:
    path = f"/admin/exports/{encode(ExportRunId, found.id)}/file"
    url = None if found.file_id is None else sign_link(info.context.shop, path)
    return Export.of(found, url)


def register(api: Api) -> None:
    """Add exports to the staff's schema."""
    api.admin(Query, ExportQueries)
    api.admin(Mutation, ExportMutations)
