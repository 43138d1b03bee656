"""Imports, seen from outside."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from msgspec import Struct

from koipond.catalog.types import ProductDraft, Telling
from koipond.kernel.ids import ImportRunId, StoredFileId
from koipond.kernel.jobs import Job
from koipond.member.types import MemberDraft
from koipond.order.types import OrderState

# Whose numbers of customers a file has, unless it is said.
SOURCE = "import"


class ImportKind(StrEnum):
    """What the rows of a file are of."""

    PRODUCTS = "products"
    # Purchases that were made elsewhere.
    ORDERS = "orders"
    MEMBERS = "members"
    PRICES = "prices"
    STOCK = "stock"


class Format(StrEnum):
    """How a file writes rows. AUTO: told by its first line.

    NDJSON: an object a line, whose names are the columns. SPACED: words with spaces between them.
    """

    AUTO = "auto"
    CSV = "csv"
    NDJSON = "ndjson"
    SPACED = "spaced"


class Dialect(StrEnum):
    """Whose product CSV a file is. AUTO: told by its header."""

    AUTO = "auto"
    SHOPIFY = "shopify"
    VENDURE = "vendure"


class ImportOptions(Struct, frozen=True, kw_only=True):
    """How a file is to be read. channel, currency, locale: None is the shop's or channel's first.

    asset_base: what is put before picture names that are no address by themselves.
    location: where stock is booked; None is the shop's default. columns: {column of ours: what the
    file calls it}. source: whose numbers of customers the file has. dry_run: say what would become
    of each row, and store none. all_or_nothing: store no row unless all of them are good.
    """

    kind: ImportKind = ImportKind.PRODUCTS
    format: Format = Format.AUTO
    channel: str | None = None
    currency: str | None = None
    locale: str | None = None
    asset_base: str = ""
    encoding: str = "utf-8"
    dialect: Dialect = Dialect.AUTO
    location: str | None = None
    columns: Mapping[str, str] = {}
    source: str = SOURCE
    dry_run: bool = False
    all_or_nothing: bool = False


class Row(Struct, frozen=True, kw_only=True):
    """One row of a file. line: where it begins; cells: {column: text without outer spaces}.

    number: which row behind the header it is, from 1. problem: why it cannot be read.
    """

    line: int
    cells: Mapping[str, str]
    number: int = 0
    problem: str = ""

    def cell(self, column: str) -> str:
        """Return what stands in a column; "" if the file has none of this name."""
        return self.cells.get(column, "")


class ToldProduct(Struct, frozen=True, kw_only=True):
    """A product as a file tells of it. stock: {sku: units}, of the variants it says that of."""

    line: int
    draft: ProductDraft
    stock: Mapping[str, int]


class ToldLine(Struct, frozen=True, kw_only=True):
    """One line of a past purchase as a file tells of it."""

    sku: str
    name: str
    quantity: int
    total_minor: int


class ToldOrder(Struct, frozen=True, kw_only=True):
    """A past purchase as a file tells of it. row: the number of its first row."""

    line: int
    row: int
    number: str | None
    member: MemberDraft
    state: OrderState
    placed_at: datetime
    lines: tuple[ToldLine, ...]
    other_minor: int


class ToldPerson(Struct, frozen=True, kw_only=True):
    """A member as a file tells of them."""

    line: int
    draft: MemberDraft


class ToldPrice(Struct, frozen=True, kw_only=True):
    """What a variant costs, as a file tells."""

    line: int
    sku: str
    amount_minor: int


class ToldStock(Struct, frozen=True, kw_only=True):
    """What there is of a variant, as a file tells: counted, or by how much it changes."""

    line: int
    sku: str
    location: str | None
    counted: int | None
    delta: int | None


Told = ToldProduct | ToldOrder | ToldPerson | ToldPrice | ToldStock


class Origin(Struct, frozen=True, kw_only=True):
    """The file that something comes from."""

    file_name: str
    file_hash: str

    @property
    def reference(self) -> str:
        """How movements of stock name it."""
        return f"{self.file_name[:150]} {self.file_hash[:12]}"


class RefusedRow(Struct, frozen=True, kw_only=True):
    """What was skipped: the line at fault, what it is of, the column, a code and why."""

    line: int
    item: str
    reason: str
    column: str = ""
    code: str = "ROW_REFUSED"


class Survey(Struct, frozen=True, kw_only=True):
    """What a first look through a whole file found. file_hash: SHA-256, in hexadecimal."""

    file_hash: str
    dialect: str
    total: int


class ImportKey(Struct, frozen=True, kw_only=True):
    """What makes two imports the same: this very file, told in the same way."""

    file_hash: str
    telling: Telling
    options: ImportOptions


class Counts(Struct, frozen=True, kw_only=True):
    """What became of what a file tells, and of the quantities that it has for variants.

    stock_booked: new variants whose units were booked. stock_left_alone: known variants, whose
    stock an import of products never changes.
    """

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    stock_booked: int = 0
    stock_left_alone: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            created=self.created + other.created,
            changed=self.changed + other.changed,
            unchanged=self.unchanged + other.unchanged,
            refused=self.refused + other.refused,
            stock_booked=self.stock_booked + other.stock_booked,
            stock_left_alone=self.stock_left_alone + other.stock_left_alone,
        )


class Landed(Struct, frozen=True, kw_only=True):
    """What became of a batch."""

    counts: Counts = Counts()
    refusals: tuple[RefusedRow, ...] = ()

    def __add__(self, other: "Landed") -> "Landed":
        return Landed(counts=self.counts + other.counts, refusals=self.refusals + other.refusals)


class ImportState(StrEnum):
    """How far an import came."""

    # For a worker.
    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    # The file, or one of rows that were to be stored together.
    REFUSED = "refused"
    CANCELLED = "cancelled"


class ImportRun(Struct, frozen=True, kw_only=True):
    """One import of one file. done: how many of the file's `total` things are dealt with.

    problem: why the file was refused as a whole.
    """

    id: ImportRunId
    options: ImportOptions = ImportOptions()
    state: ImportState = ImportState.RUNNING
    file_name: str = ""
    file_id: StoredFileId | None = None
    done: int
    total: int = 0
    counts: Counts
    problem: str = ""
    requested_by: UUID | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


class Progress(Struct, frozen=True, kw_only=True):
    """How far an import is, in things that the file tells of."""

    done: int
    total: int


class ImportReport(Struct, frozen=True, kw_only=True):
    """What an import did, those parts of it that were done before a stop included.

    resumed_at: how much had been dealt with before this call.
    """

    counts: Counts
    resumed_at: int
    refusals: tuple[RefusedRow, ...]
    run_id: ImportRunId | None = None
    state: ImportState = ImportState.FINISHED


class RunImport(Job, frozen=True, kw_only=True):
    """Import a file that was sent, from where it was stopped."""

    # A worker that is cut goes on with it, so this only says how long one may have it.
    deadline_s: ClassVar[float] = 3_000
    run_id: ImportRunId


class ForgetFiles(Job, frozen=True, kw_only=True):
    """Remove files that were sent or made long ago."""

    may_cancel: ClassVar[bool] = True
