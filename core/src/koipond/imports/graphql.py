"""Imports in the staff's schema. The file is sent first: POST /admin/uploads?name=…"""

from datetime import datetime
from uuid import UUID

import strawberry

from koipond.imports import service, types
from koipond.imports.types import Dialect, Format, ImportKind, ImportState
from koipond.kernel.ids import ImportRunId, StoredFileId, decode, encode
from koipond.kernel.links import sign_link
from koipond.kernel.pages import FIRST_DEFAULT, page
from koipond.kernel.schema import (
    Api,
    Connection,
    Info,
    Mutation,
    Query,
    UserError,
    batch,
    connect,
    mutation,
    needs,
    query,
)

strawberry.enum(ImportKind)
strawberry.enum(ImportState)
strawberry.enum(Format, name="ImportFormat")
strawberry.enum(Dialect, name="ImportDialect")

WRITE = needs("import.write")
_ERRORS_SHOWN = 20


@strawberry.type(description="Something of a file that was skipped.")
class ImportError:
    line: int = strawberry.field(description="Where it begins in the file")
    item: str = strawberry.field(description="What the line is of, such as a product's slug")
    column: str = strawberry.field(description="Which column is at fault; empty: the whole row")
    code: str
    message: str

    @classmethod
    def of(cls, found: types.RefusedRow) -> "ImportError":
        """Wrap what was skipped."""
        return cls(
            line=found.line,
            item=found.item,
            column=found.column,
            code=found.code,
            message=found.reason,
        )


@strawberry.type(description="One file on its way into the shop.")
class Import:
    key: strawberry.Private[ImportRunId]
    id: strawberry.ID
    kind: ImportKind
    state: ImportState
    file_name: str
    dry_run: bool
    total: int = strawberry.field(description="What the file tells of; 0 until it was looked at")
    done: int
    created: int
    changed: int
    unchanged: int
    refused: int
    problem: str | None = strawberry.field(description="Why it was refused as a whole")
    started_at: datetime | None
    finished_at: datetime | None
    errors_url: str = strawberry.field(
        description="All that was skipped, as a CSV; the link opens for five minutes"
    )

    @classmethod
    def of(cls, found: types.ImportRun, errors_url: str) -> "Import":
        """Wrap an import."""
        return cls(
            key=found.id,
            id=strawberry.ID(encode(ImportRunId, found.id)),
            kind=found.options.kind,
            state=found.state,
            file_name=found.file_name,
            dry_run=found.options.dry_run,
            total=found.total,
            done=found.done,
            created=found.counts.created,
            changed=found.counts.changed,
            unchanged=found.counts.unchanged,
            refused=found.counts.refused,
            problem=found.problem or None,
            started_at=found.started_at,
            finished_at=found.finished_at,
            errors_url=errors_url,
        )

    @batch
    @staticmethod
    async def errors(parents: list["Import"], info: Info) -> list[list[ImportError]]:
        """The first twenty things that were skipped, by line; `errorsUrl` has all of them."""
        keys = [one.key for one in parents]
        found = await service.find_first_refusals(info.context, keys, most=_ERRORS_SHOWN)
        return [[ImportError.of(one) for one in found[key]] for key in keys]


@strawberry.input(description="What a file calls one of our columns.")
class ImportColumnInput:
    ours: str
    theirs: str


@strawberry.input
class StartImportInput:
    file_id: strawberry.ID = strawberry.field(description="What POST /admin/uploads answered")
    kind: ImportKind
    format: Format = Format.AUTO
    dialect: Dialect = strawberry.field(
        default=Dialect.AUTO, description="Of products: whose columns the file has"
    )
    channel: str | None = strawberry.field(default=None, description="Null: the shop's first")
    currency: str | None = strawberry.field(default=None, description="Null: the channel's first")
    locale: str | None = strawberry.field(default=None, description="Null: the channel's first")
    encoding: str = "utf-8"
    columns: list[ImportColumnInput] = strawberry.field(default_factory=list)
    source: str = strawberry.field(
        default=types.SOURCE, description="Whose customer numbers the file has"
    )
    location: str | None = strawberry.field(default=None, description="Where stock is booked")
    asset_base: str = strawberry.field(default="", description="Put before picture names")
    dry_run: bool = strawberry.field(default=False, description="Say what would happen")
    all_or_nothing: bool = strawberry.field(
        default=False, description="Store no row unless all are good; at most 10,000"
    )


@strawberry.input
class CancelImportInput:
    import_id: strawberry.ID


@strawberry.type
class StartImportPayload:
    started: Import | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class CancelImportPayload:
    cancelled: Import | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class ImportQueries:
    @query(WRITE)
    async def imports(
        self, info: Info, first: int | None = FIRST_DEFAULT, after: str | None = None
    ) -> Connection[Import]:
        """Imports of what you may change, the latest first."""
        found = await service.find_imports(info.context, page(first, after, shape=(UUID,)))
        return connect(found, lambda one: _import(info, one), behind=after is not None)

    @query(WRITE)
    async def import_run(self, info: Info, id: strawberry.ID) -> Import | None:
        """An import; null if there is none of that id, or it is of what you may not change."""
        found = await service.find_import(info.context, decode(ImportRunId, id))
        return None if found is None else _import(info, found)


@strawberry.type
class ImportMutations:
    @mutation(WRITE)
    async def start_import(self, info: Info, input: StartImportInput) -> StartImportPayload:
        """Have a file that was sent imported; by a worker, which goes on with it after a stop."""
        options = types.ImportOptions(
            kind=input.kind,
            format=input.format,
            dialect=input.dialect,
            channel=input.channel,
            currency=input.currency,
            locale=input.locale,
            encoding=input.encoding,
            columns={one.ours: one.theirs for one in input.columns},
            source=input.source,
            location=input.location,
            asset_base=input.asset_base,
            dry_run=input.dry_run,
            all_or_nothing=input.all_or_nothing,
        )
        key = decode(StoredFileId, input.file_id)
        run = await service.start_import(info.context, key, options)
        return StartImportPayload(started=_import(info, run))

    @mutation(WRITE)
    async def cancel_import(self, info: Info, input: CancelImportInput) -> CancelImportPayload:
        """Let an import end behind the batch that it is at; what it stored stays."""
        key = decode(ImportRunId, input.import_id)
        return CancelImportPayload(
            cancelled=_import(info, await service.cancel_import(info.context, key))
        )


def _import(info: Info, found: types.ImportRun) -> Import:
    path = f"/admin/imports/{encode(ImportRunId, found.id)}/errors.csv"
    return Import.of(found, sign_link(info.context.shop, path))


def register(api: Api) -> None:
    """Add imports to the staff's schema."""
    api.admin(Query, ImportQueries)
    api.admin(Mutation, ImportMutations)
